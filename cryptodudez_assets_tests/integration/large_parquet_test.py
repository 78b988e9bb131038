"""A row group of any size is read in the same memory: the benchmark's own file, in a process of its own."""

import re
import subprocess
import sys

import pytest

from cryptodudez_assets_tests.conftest import ROOT


def taken_in(megabytes: int) -> tuple[int, int, int]:
    """Rows, broken ones among them, and the peak of memory in MiB."""
    command = [sys.executable, str(ROOT / "benchmarks" / "large_parquet.py"), "--mb", str(megabytes)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = re.fullmatch(r"([\d,]+) rows, ([\d,]+) of them broken,.* peak ([\d,]+) MiB.*\n", told)
    assert found is not None, told
    rows, broken, peak = (int(one.replace(",", "")) for one in found.groups())
    return rows, broken, peak


@pytest.mark.slow
def test_a_row_group_takes_no_more_memory_than_its_batches() -> None:
    rows, broken, peak = taken_in(128)
    assert broken == rows // 10_000
    assert peak < 600


@pytest.mark.long
def test_a_row_group_of_a_gigabyte_is_read_in_less_than_one() -> None:
    rows, broken, peak = taken_in(1024)
    assert rows > 1_000_000
    assert broken == rows // 10_000
    assert peak < 1024
