"""Kills on the twin, as `benchmarks/twin_kills.py` spends a hundred: here one of each kind."""

from pathlib import Path

import pytest

from cryptodudez_assets_tests.twin_campaign import KINDS, carry_out

pytestmark = pytest.mark.long


def test_no_file_is_lost_and_no_row_doubled_whatever_dies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toll = carry_out(tmp_path, len(KINDS))
    with capsys.disabled():
        print(f"\n{toll}")
    assert {one.kind for one in toll.kills} == set(KINDS)
    assert not toll.wrong
    assert toll.recorded
