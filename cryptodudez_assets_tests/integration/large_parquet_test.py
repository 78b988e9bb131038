"""A row group of any size is read in the same memory: the benchmark's own file, in a process of its own."""

import pytest

from cryptodudez_assets_tests.large import measured


@pytest.mark.slow
def test_a_row_group_takes_no_more_memory_than_its_batches() -> None:
    rows, broken, peak = measured("large_parquet.py", 128)
    assert broken == rows // 10_000
    assert peak < 600


@pytest.mark.long
def test_a_row_group_of_a_gigabyte_is_read_in_less_than_one() -> None:
    rows, broken, peak = measured("large_parquet.py", 1024)
    assert rows > 1_000_000
    assert broken == rows // 10_000
    assert peak < 1024
