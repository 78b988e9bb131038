"""Fetches of posts die by SIGKILL while X keeps an answer back: every post is there once, within the limits and a tight budget."""

from pathlib import Path

import pytest

from cryptodudez_assets_tests.x_campaign import carry_out


@pytest.mark.parametrize("kills", [pytest.param(6, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.long)])
def test_posts_are_whole_and_paid_for_once_after_kills(tmp_path: Path, kills: int):
    toll = carry_out(tmp_path, kills, seed=5)

    assert toll.posts == toll.expected
    assert len(toll.expected) > 100
    assert toll.within == kills  # else some were killed when they were done
    assert toll.repeats  # else no answer that was paid for was lost
    assert toll.spent <= toll.budget
    assert not toll.above_limit
