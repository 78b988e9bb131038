"""A JSON-lines file of any size is read in the same memory: the benchmark's own file, in a process of its own."""

import re
import subprocess
import sys

import pytest

from cryptodudez_assets_tests.conftest import ROOT

MIB = 1024


def taken_in(megabytes: int) -> tuple[int, int, int]:
    """Records, broken ones among them, and the peak of memory in MiB."""
    command = [sys.executable, str(ROOT / "benchmarks" / "large_json.py"), "--mb", str(megabytes)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = re.fullmatch(r"([\d,]+) records, ([\d,]+) of them broken,.* peak ([\d,]+) MiB.*\n", told)
    assert found is not None, told
    records, broken, peak = (int(one.replace(",", "")) for one in found.groups())
    return records, broken, peak


@pytest.mark.slow
def test_a_large_file_takes_no_more_memory_than_its_chunks() -> None:
    records, broken, peak = taken_in(96)
    assert broken == records // 10_000
    assert peak < 600, "as objects it is more than a gigabyte"


@pytest.mark.long
def test_a_gigabyte_is_read_in_less_than_one() -> None:
    records, broken, peak = taken_in(MIB)
    assert records > 1_000_000
    assert broken == records // 10_000
    assert peak < MIB
