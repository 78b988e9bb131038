"""Spark and Ray as they are started here: what a run on them does and says, and who can reach them."""

import json
import os
import shutil
import subprocess
import sys
from io import BytesIO, StringIO
from pathlib import Path
from typing import Literal

import dagster as dg
import psutil
import pytest
from rich.console import Console

from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.engines.ray import RayEngine
from cryptodudez_assets.engines.spark import SparkEngine
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.spark_daemon import PLAIN
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.spark_cluster import PATIENCE_SECONDS, driven, standalone
from cryptodudez_assets_tests.toy_graph import SOURCES, VIEWS, everything

pytestmark = pytest.mark.spark


def filled(home: Path) -> Lake:
    """A lake with readings that are not read yet."""
    lake = open_lake(Settings(home=home, settle_seconds=0))
    for number in range(3):
        content = csv("s", range(30 * number, 30 * number + 40), value=1 + number, bad=1)
        lake.store.write(f"raw/{READINGS.name}/{number}.csv", BytesIO(content))
    return lake


@pytest.mark.parametrize("name", ["spark", "ray"])
def test_a_run_elsewhere_gives_the_same_and_says_where_it_was(
    name: Literal["spark", "ray"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(name)
    monkeypatch.setenv("CRYPTODUDEZ_SPARK_MASTER", "local[2,4]")
    here, there = filled(tmp_path / "a"), filled(tmp_path / "b")
    said = StringIO()
    console = Console(file=said, width=300)
    assert run_pending(here, [READINGS.name], console, SOURCES, VIEWS), said.getvalue()
    assert run_pending(there, [READINGS.name], console, SOURCES, VIEWS, engine=name), said.getvalue()
    assert everything(there) == everything(here)
    assert (engines_of(here), engines_of(there)) == ({"local"}, {name})


def engines_of(lake: Lake) -> set[object]:
    """What the newest materialisations say of the engine."""
    with dg.DagsterInstance.from_config(str(dagster_home(lake.settings))) as instance:
        names = [READINGS.table, *(stored.name for view in VIEWS for stored in view.stored)]
        events = [instance.get_latest_materialization_event(key_of(name)) for name in names]
        return {event.asset_materialization.metadata["engine"].value for event in events if event}


def test_spark_listens_on_loopback_only(spark: SparkEngine) -> None:
    assert spark.parallel == 2
    assert addresses("java") <= {"127.0.0.1", "::1"}


def test_ray_listens_on_loopback_only_and_tells_nobody_of_it(ray: RayEngine) -> None:
    assert set(ray.run(told_of_use, [1, 2], print)) == {"0"}
    assert addresses("raylet", "gcs_server", "python", "ray::") <= {"127.0.0.1", "::1"}


def told_of_use(_: int, say: object) -> str | None:
    """What Ray looks at before it reports."""
    return os.environ.get("RAY_USAGE_STATS_ENABLED")


def addresses(*names: str) -> set[str]:
    """Where processes of these names listen that this one has started."""
    ours = [one for one in psutil.Process().children(recursive=True) if one.name().startswith(names)]
    listening = [one for process in ours for one in process.net_connections() if one.status == psutil.CONN_LISTEN]
    assert listening
    return {one.laddr.ip.removeprefix("::ffff:") for one in listening}


SERVES = """
import sys
from datetime import UTC, datetime
import polars as pl
from cryptodudez_assets.spark_daemon import main

if sys.argv[2] == "computes":
    pl.select(pl.lit(datetime(2020, 1, 1, tzinfo=UTC)))
main()
"""


@pytest.mark.parametrize("declarations", ["computes", "do not"])
def test_workers_are_forked_from_what_has_imported_all_unless_a_declaration_computes(
    java: None, declarations: str
) -> None:
    command = [sys.executable, "-c", SERVES, "pyspark.worker", declarations]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as daemon:
        assert daemon.stdin
        assert daemon.stdout
        port = int.from_bytes(daemon.stdout.read(4))  # the first thing that Spark is told
        gives_way = PLAIN in psutil.Process(daemon.pid).cmdline()
        daemon.stdin.close()  # Spark is gone
    assert 0 < port < 1 << 16
    assert gives_way == (declarations == "computes")


STARTS = """
from cryptodudez_assets.engines.spark import SparkFailed
from cryptodudez_assets_tests.integration.conftest import spark_engine

try:
    spark_engine(options='{"spark.driver.memory": "plenty"}').parallel
except SparkFailed as error:
    print(error)
"""


def test_that_it_did_not_start_is_told(java: None) -> None:
    done = subprocess.run([sys.executable, "-c", STARTS], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert "Spark did not start" in done.stdout
    assert "Java did not begin" in done.stdout


UNLIKE = """
import sys
from cryptodudez_assets.engines.likeness import UnlikeWorker, hash_of_project
from cryptodudez_assets.engines.spark import SparkEngine
from cryptodudez_assets.defs.resources import spark_session
from cryptodudez_assets.settings import Settings

engine = SparkEngine(spark_session(Settings()), is_remote=False)
try:
    list(engine.run(hash_of_project, [1], print))
except UnlikeWorker as error:
    print(error)
"""


def test_executors_with_other_code_do_nothing(java: None, tmp_path: Path) -> None:
    """Of a project that lies elsewhere, of which one declaration was edited: as on a cluster that was set up before."""
    shutil.copytree(ROOT / "cryptodudez_assets", tmp_path / "there" / "cryptodudez_assets")
    with (tmp_path / "there" / "cryptodudez_assets" / "sources" / "crypto_prices.py").open("a") as declaration:
        declaration.write("# edited\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path / "there"} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    told = {"SPARK_MASTER": "local[1]", "SPARK_OPTIONS": json.dumps({"spark.pyspark.python": str(python)})}
    environment = os.environ | {f"CRYPTODUDEZ_{name}": value for name, value in told.items()}
    done = subprocess.run(
        [sys.executable, "-c", UNLIKE],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert "a worker has cryptodudez" in done.stdout, done.stdout


WAITS = """
import signal
from cryptodudez_assets.defs.resources import spark_session
from cryptodudez_assets.engines import spark
from cryptodudez_assets.settings import Settings

spark.QUIET_SECONDS = 2.0
before = signal.getsignal(signal.SIGINT)


def say(words):
    print(words, signal.getsignal(signal.SIGINT) is before)
    raise KeyError


try:
    list(spark.SparkEngine(spark_session(Settings()), is_remote=False).run(print, [1], say))
except KeyError:
    pass
"""


def test_that_no_executor_takes_a_task_is_said(java: None, tmp_path: Path) -> None:
    with standalone(tmp_path, 0) as master:
        done = subprocess.run(
            [sys.executable, "-c", WAITS],
            cwd=ROOT,
            env=os.environ | {"CRYPTODUDEZ_SPARK_MASTER": master},
            stdout=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
    assert f"no executor has taken a task for 2 s (0 of 1 are done): {master} has none" in done.stdout, done.stdout
    assert done.stdout.endswith("True\n"), done.stdout  # and Ctrl-C is whoever's it was


def test_an_address_at_which_nothing_listens_is_told_at_once(has_ray: None) -> None:
    told = "from cryptodudez_assets.engines.ray import RayEngine; RayEngine('127.0.0.1:1').parallel"
    done = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_SECONDS
    )
    assert "RayFailed: Ray could not be reached: nothing answers at 127.0.0.1:1, CRYPTODUDEZ_RAY_ADDRESS" in done.stderr


ON_A_CLUSTER = """
import sys
from pathlib import Path
from rich.console import Console
from cryptodudez_assets.engines.spark import SparkEngine
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, open_lake
from cryptodudez_assets_tests.spark_cluster import Telling
from cryptodudez_assets_tests.toy_graph import SOURCES, VIEWS

run = SparkEngine.run
SparkEngine.run = lambda self, function, tasks, say: run(self, Telling(function, Path(sys.argv[2])), tasks, say)
assert run_pending(open_lake(Settings(home=Path(sys.argv[1]))), [READINGS.name], Console(width=300), SOURCES, VIEWS)
"""


def test_a_run_on_a_standalone_cluster_with_a_bucket_and_postgresql_gives_the_same(
    s3_endpoint: str, database: str, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = filled(tmp_path / "a")
    assert run_pending(here, [READINGS.name], Console(file=StringIO()), SOURCES, VIEWS)
    told = {"LAKE": f"s3://lake/{tmp_path.name}", "CATALOG": database, "S3_ENDPOINT": s3_endpoint}
    for name, value in told.items():
        monkeypatch.setenv(f"CRYPTODUDEZ_{name}", value)
    there, notes = filled(tmp_path / "b"), tmp_path / "notes"
    notes.mkdir()
    code, said = driven(cluster, ON_A_CLUSTER, there.settings.home, notes)
    assert code == 0, said
    found = {note.name for note in notes.iterdir()}
    assert found >= {"worker-1 ReadTask", "worker-2 ReadTask"}, found
    assert {name.split()[1] for name in found} == {"ReadTask", "ComputeTask"}
    assert everything(there) == everything(here)
    assert engines_of(there) == {"spark"}
    assert not list(tmp_path.glob("b/**/*.parquet"))  # all of it is in the bucket
