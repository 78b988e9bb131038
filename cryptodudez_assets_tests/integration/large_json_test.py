"""A JSON-lines file of any size is read in the same memory: the benchmark's own file, in a process of its own."""

import pytest

from cryptodudez_assets_tests.large import measured

MIB = 1024


@pytest.mark.slow
def test_a_large_file_takes_no_more_memory_than_its_chunks() -> None:
    records, broken, peak = measured("large_json.py", 96)
    assert broken == records // 10_000
    assert peak < 600, "as objects it is more than a gigabyte"


@pytest.mark.long
def test_a_gigabyte_is_read_in_less_than_one() -> None:
    records, broken, peak = measured("large_json.py", MIB)
    assert records > 1_000_000
    assert broken == records // 10_000
    assert peak < MIB
