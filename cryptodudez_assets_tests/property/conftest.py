"""What the tests of feature views share: simulated archives with oddities, taken in once."""

from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets_tests.conftest import Once
from cryptodudez_assets_tests.planted_leaks import planted_archives


@pytest.fixture(scope="session")
def frames(once: Once, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.LazyFrame]:
    """The tables made from simulated archives, and all views over them."""

    def fill(folder: Path) -> None:
        for name, rows in planted_archives(tmp_path_factory.mktemp("planted")).items():
            rows.collect().write_ipc(folder / f"{name}.arrow")

    paths = once("planted", fill).glob("*.arrow")
    return {path.stem: pl.read_ipc(path).lazy() for path in paths}
