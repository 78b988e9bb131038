"""Benchmarks of large files, as tests ask them: in a process of their own, for its peak of memory."""

import re
import subprocess
import sys

from cryptodudez_assets_tests.conftest import ROOT


def measured(benchmark: str, megabytes: int) -> tuple[int, int, int]:
    """Records of a file of this size, broken ones among them, and the peak of memory in MiB."""
    command = [sys.executable, str(ROOT / "benchmarks" / benchmark), "--mb", str(megabytes)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = re.fullmatch(r"([\d,]+) (?:records|rows), ([\d,]+) of them broken,.* peak ([\d,]+) MiB.*\n", told)
    assert found is not None, told
    records, broken, peak = (int(one.replace(",", "")) for one in found.groups())
    return records, broken, peak
