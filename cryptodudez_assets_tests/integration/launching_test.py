"""Runs on Dataproc, begun by the command and by Dagster. Dataproc is a stand-in, and so is its bucket; a job is a process here."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from click.testing import CliRunner
from google.cloud.dataproc_v1 import Job
from google.cloud.storage import Client

from cryptodudez_assets.cli import main
from cryptodudez_assets.defs import launching
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.dead_runs import end_life
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.launching import batches, clients
from cryptodudez_assets.launching.workload import arguments
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake, rows_of
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.dataproc_stand_in import DataprocStandIn, State, dataproc_stand_in
from cryptodudez_assets_tests.stores import BUCKET

RUN = ROOT / "deploy" / "dataproc" / "run.py"
SET = {
    "LAKE": "s3://lake/here",
    "DATAPROC_PROJECT": "a-project",
    "DATAPROC_REGION": "us-central1",
    "DATAPROC_IMAGE": "region/project/cryptodudez:1",
}


@pytest.fixture
def dataproc(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataprocStandIn]:
    """Dataproc, and settings of which it is told."""
    for name, value in (SET | {"HOME": str(tmp_path / "home"), "CATALOG": database}).items():
        monkeypatch.setenv(f"CRYPTODUDEZ_{name}", value)
    with dataproc_stand_in() as stand_in:
        monkeypatch.setattr(clients, "batch_client", lambda settings: stand_in.batch_client())
        monkeypatch.setattr(clients, "job_client", lambda settings: stand_in.job_client())
        monkeypatch.setattr(batches, "LOOK_SECONDS", 0.1)
        yield stand_in
    end_life()  # of the last run, before its database is gone


def test_the_command_follows_a_batch_and_exits_as_it_ended(dataproc: DataprocStandIn) -> None:
    done = CliRunner().invoke(main, ["launch", "--select", "crypto_prices", "--name", "nightly"])
    assert done.exit_code == 0, done.output
    assert "nightly is running: on 2 executors\nnightly is succeeded\n" in done.output
    (batch,) = dataproc.batches.values()
    assert list(batch.pyspark_batch.args)[-5:] == ["run", "--engine", "spark", "--select", "crypto_prices"]
    dataproc.course = [(State.FAILED, "the driver ended with 1")]
    done = CliRunner().invoke(main, ["launch"])
    assert done.exit_code == 1
    assert "failed: the driver ended with 1" in done.output


def test_the_command_says_what_is_missing(dataproc: DataprocStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRYPTODUDEZ_DATAPROC_REGION")
    done = CliRunner().invoke(main, ["launch"])
    assert done.exit_code == 1
    assert "needs CRYPTODUDEZ_DATAPROC_REGION" in done.output
    assert not dataproc.asked


def executed(tags: dict[str, str] | None = None, **config: object) -> dg.ExecuteInProcessResult:
    """The job, as somebody launches it in the UI."""
    return launching.build_launching().execute_in_process(
        resources={"lake": LakeResource()},
        run_config={"ops": {"run_on_dataproc": {"config": config}}},
        raise_on_error=False,
        tags=tags,
    )


def test_dagster_has_the_job_where_a_project_is_set(dataproc: DataprocStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [job.name for job in build_definitions([]).jobs or ()].count(launching.NAME) == 1
    monkeypatch.delenv("CRYPTODUDEZ_DATAPROC_PROJECT")
    assert launching.NAME not in [job.name for job in build_definitions([]).jobs or ()]


def test_a_run_of_dagster_is_a_batch(dataproc: DataprocStandIn) -> None:
    result = executed(select=["crypto_prices"])
    assert result.success
    (batch,) = dataproc.batches.values()
    assert batch.name.endswith(f"/run-{result.run_id}")
    dataproc.course = [(State.FAILED, "no quota left")]
    result = executed()
    assert not result.success
    (failure,) = result.get_step_failure_events()
    error = failure.step_failure_data.error
    assert error
    assert "no quota left" in error.message


def test_a_run_that_dagster_begins_again_follows_what_the_first_launched() -> None:
    with dg.instance_for_test() as instance:
        first = instance.create_run_for_job(launching.build_launching())
        again = instance.create_run_for_job(
            launching.build_launching(),
            root_run_id=first.run_id,
            parent_run_id=first.run_id,
            tags={launching.RETRIED: "1"},
        )
        by_hand = instance.create_run_for_job(
            launching.build_launching(), root_run_id=first.run_id, parent_run_id=first.run_id
        )
    assert [launching._asked_by(one) for one in (first, again, by_hand)] == [first.run_id, first.run_id, by_hand.run_id]


@pytest.mark.parametrize("goes_well", [True, False])
def test_on_a_cluster_it_tells_dagster_by_pipes(
    dataproc: DataprocStandIn,
    gs_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    goes_well: bool,
) -> None:
    monkeypatch.setenv("CRYPTODUDEZ_DATAPROC_CLUSTER", "a-cluster")
    monkeypatch.setenv("CRYPTODUDEZ_DATAPROC_BUCKET", "lake")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gs_endpoint)
    monkeypatch.setattr(clients, "storage_client", lambda settings: Client(settings.dataproc_project))
    printed: list[str] = []

    def run_job(job: Job) -> bool:
        """What a cluster would do, with a command that needs no cluster."""
        arguments, command = list(job.pyspark_job.args), ["--version"] if goes_well else ["status", "--nonsense"]
        at = arguments.index("run")
        dagsters = next(number for number, one in enumerate(arguments) if one.startswith("--dagster-pipes-"))
        done = subprocess.run(
            [sys.executable, RUN, *arguments[:at], *command, *arguments[dagsters:]],
            env={name: value for name, value in os.environ.items() if not name.startswith("CRYPTODUDEZ_")}
            | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        printed.append(done.stdout)
        return done.returncode == 0

    dataproc.run_job = run_job
    result = executed()
    assert result.success == goes_well, printed
    assert dataproc.methods_asked()[0] == "SubmitJob"
    (job,) = dataproc.jobs.values()
    assert job.placement.cluster_name == "a-cluster"
    assert job.labels["dagster-run-id"] == result.run_id
    heard = capfd.readouterr().err
    assert f"begins: cryptodudez {'--version' if goes_well else 'status --nonsense'}" in heard
    if goes_well:
        assert "cryptodudez, version" in printed[0]
    else:
        assert "it went wrong there" in heard
        assert "No such option" in printed[0]
        assert "cryptodudez ended with 2" in printed[0]


def test_what_begins_there_sets_what_it_is_told(tmp_path: Path) -> None:
    told = [f"CRYPTODUDEZ_HOME={tmp_path / 'a=b'}", "CRYPTODUDEZ_SETTLE_SECONDS=0"]
    done = subprocess.run(
        [sys.executable, RUN, *told, "status"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"nothing at {tmp_path / 'a=b'} yet" in done.stderr


@pytest.mark.spark
def test_what_spark_submit_begins_runs_on_the_master_that_it_was_told(
    java: None, s3_endpoint: str, database: str, tiny_samples: Path, tmp_path: Path
) -> None:
    """As on Dataproc: the driver knows its settings from its arguments, the master from whoever began it, nothing of this process."""
    settings = Settings(
        home=tmp_path / "home",
        lake=f"s3://{BUCKET}/{uuid4().hex}",
        s3_endpoint=s3_endpoint,
        catalog=database,
        settle_seconds=0,
    )
    lake = open_lake(settings)
    shared = lake.sources["stock_symbols"].shares_raw_with
    assert shared
    assert list(land(lake, shared, sorted((tiny_samples / shared).iterdir())))
    told = arguments(settings, ["stock_symbols"])
    options = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    command = [str(Path(sys.executable).with_name("spark-submit")), "--master", "local[2,4]"]
    command += [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTODUDEZ_")}
    environment |= {
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "CRYPTODUDEZ_HOME": str(tmp_path / "there"),
    }
    done = subprocess.run(
        [*command, RUN, *told],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert rows_of(lake, "market.stock_symbols").height > 0
    with dg.DagsterInstance.from_config(str(dagster_home(Settings(home=tmp_path / "there")))) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["market", "stock_symbols"]))
    assert event
    assert event.asset_materialization
    assert event.asset_materialization.metadata["engine"].value == "spark"
