"""Kills on the twin, as `benchmarks/twin_kills.py` spends a hundred: here one of each kind that is soon there again.

A daemon, and a code server, take minutes: what dies with their tick comes again after its lease (`events_test` has such deaths).
"""

from pathlib import Path

import pytest

from cryptodudez_assets_tests.twin_campaign import KINDS, carry_out

pytestmark = pytest.mark.twin
SOON_BACK = tuple(kind for kind in KINDS if kind not in {"daemon", "code server"})


def test_no_file_is_lost_and_no_row_doubled_whatever_dies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(SOON_BACK) == len(KINDS) - 2
    toll = carry_out(tmp_path, len(SOON_BACK), kinds=SOON_BACK)
    with capsys.disabled():
        print(f"\n{toll}")
    assert {one.kind for one in toll.kills} == set(SOON_BACK)
    assert not toll.wrong
    assert toll.recorded
