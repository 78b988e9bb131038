"""Recorders die by SIGKILL at random moments: a receiver that fails half of the time has each alert once, and none is lost."""

from pathlib import Path

from cryptodudez_assets_tests.notifier_campaign import carry_out

KILLS = 10
"""`benchmarks/notifier_kills.py` spends 100."""


def test_alerts_survive_kills(tmp_path: Path):
    toll = carry_out(tmp_path, KILLS, seed=3)

    assert toll.kills == KILLS
    assert toll.events > 20
    assert toll.repeats  # else nothing was dropped by id
    assert not toll.lost
    assert not toll.strange
    assert not toll.before_their_start
    assert not toll.refused
