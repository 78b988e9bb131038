"""Fixtures that every rung shares: a lake of one's own, the folder of real archives, what is made once in a run of tests.

Which tests need servers or real archives is told here, by their fixtures; `slow` and `long` are written at the tests themselves, and so are
`every_store` and `core`, which say on which stores a test is run (`stores.py`).
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import prometheus_client  # noqa: F401  (before Feast, which has it count in files that all processes share)
import pytest
from filelock import FileLock
from hypothesis import settings as of_hypothesis

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator import simulate
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.stores import FOLDER, chosen

of_hypothesis.register_profile("suite", deadline=None)  # a machine that is busy fails no test
of_hypothesis.load_profile("suite")

ROOT = Path(__file__).parents[1]
NEED_SERVERS = {"postgres", "database", "s3_endpoint", "gs_endpoint", "redis_url", "proxy", "page"}
NEED_REAL_ARCHIVES = {"real_data", "stock_market_zip"}
MEMORY, MEMORY_BYTES = Path("/dev/shm"), 8 << 30  # noqa: S108  (a file system, no name of a file)
LONGEST_FIRST = (
    "readme",
    "docs_commands",
    "kill_campaign",
    "stores",
    "crash",
    "concurrency",
    "first_hour",
    "pending",
    "ui",
    "engines",
    "dagster_run",
    "accounts_star",
    "cli",
)
"""Files that take longest: what is begun last should be short, for then the other workers have nothing left to do.

`ui` makes the home of the demo, for minutes; `cli` needs it, too, and would only wait if it were begun beside it.
"""

Once = Callable[[str, Callable[[Path], None]], Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the stores on which the suites of stores are run."""
    told = "stores for the tests marked every_store: names from stores.py, with commas, or all; else a folder, and all of them for core"
    parser.addoption("--stores", default="", help=told)


def pytest_configure() -> None:
    """Have all temporary folders in memory where there is room, unless TMPDIR says where: half of the time tests waited for the disk.

    Files that tests land are whole, and are read at once; runs look at the environment for that, not at a test's own settings.
    """
    os.environ["CRYPTODUDEZ_SETTLE_SECONDS"] = "0"
    if "TMPDIR" not in os.environ and _takes_homes(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)  # of what tests start, and of themselves


def _takes_homes(folder: Path) -> bool:
    """Whether so much can be written there, and programs can be run from there, as from a clone with its environment."""
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= MEMORY_BYTES and not found.f_flag & os.ST_NOEXEC


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test run once on each of its stores. One that is not marked is run on a folder, and its name says nothing of it."""
    is_every, is_core = (metafunc.definition.get_closest_marker(name) is not None for name in ("every_store", "core"))
    if "store" in metafunc.fixturenames and (is_every or is_core):
        metafunc.parametrize("store", chosen(metafunc.config.getoption("--stores"), is_core), indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they need, and begin with the long ones."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & NEED_SERVERS:
            item.add_marker(pytest.mark.servers)
        if fixtures & NEED_REAL_ARCHIVES:
            item.add_marker(pytest.mark.real)
        if store := _store_of(item):
            item.user_properties.append(("store", store))  # for the table of docs/stores.md
            if store != FOLDER:
                item.add_marker(pytest.mark.servers)
    items.sort(key=_rank)


def _store_of(item: pytest.Item) -> str:
    """The store that a test is run on by a parameter, if any."""
    found = (
        item.callspec.params.get("store", "") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ""
    )
    return str(found)


def _rank(item: pytest.Item) -> int:
    name = item.path.stem.removesuffix("_test")
    if item.path.parent.name == "integration":
        return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)
    return len(LONGEST_FIRST) + 1


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Once:
    """A folder that is filled once in a run of tests, whichever worker asks first: `once("demo", fill)`. Do not write into it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if hasattr(request.config, "workerinput") else own

    def made(name: str, fill: Callable[[Path], None]) -> Path:
        folder, done = shared / f"once-{name}", shared / f"once-{name}.done"
        with FileLock(f"{folder}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what another left that failed
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def tiny_samples(once: Once) -> Path:
    """The folder of tiny sample archives, by source."""
    return once("samples", lambda folder: simulate(folder, "tiny"))


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
