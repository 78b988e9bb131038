"""Fixtures that every rung shares: a lake of one's own, the folder of real archives, a way to put files into the raw zone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake

ROOT = Path(__file__).parents[1]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings for a home of the test's own; files count as settled at once."""
    return Settings(home=tmp_path / "home", settle_seconds=0)


@pytest.fixture
def lake(settings: Settings) -> Lake:
    """An empty lake."""
    return open_lake(settings)


@pytest.fixture
def drop(lake: Lake) -> Callable[[str, str, bytes], Path]:
    """Put bytes into a source's raw folder: `drop("crypto_prices", "a.csv", b"…")`."""

    def put(source: str, name: str, content: bytes) -> Path:
        path = Path(lake.settings.lake) / "raw" / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return put


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real archives; tests of it are skipped where it is missing."""
    folder = Path(os.environ.get("CRYPTODUDEZ_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real archives in {folder} (set CRYPTODUDEZ_REAL_DATA)")
    return folder


@pytest.fixture(scope="session")
def stock_market_zip(real_data: Path) -> Path:
    """The real archive of stocks and ETFs."""
    archive = real_data / "stock_market" / "stock-market-dataset.zip"
    if not archive.is_file():
        pytest.skip(f"no {archive} (set CRYPTODUDEZ_REAL_DATA)")
    return archive
