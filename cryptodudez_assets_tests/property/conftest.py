"""What the tests of feature views share: simulated archives with oddities, taken in once."""

import polars as pl
import pytest

from cryptodudez_assets_tests.planted_leaks import planted_archives


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.LazyFrame]:
    """The tables made from simulated archives, and all views over them."""
    return planted_archives(tmp_path_factory.mktemp("planted"))
