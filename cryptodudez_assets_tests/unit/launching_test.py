"""Batches of Dataproc: what they are told, that one is submitted once, and what is said of its course. The service is a stand-in."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from google.api_core.retry import Retry
from google.cloud.dataproc_v1 import Batch

from cryptodudez_assets.launching import LaunchFailed, Unlaunchable, batches, workload
from cryptodudez_assets.launching.batches import Batches, batch_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.dataproc_stand_in import DataprocStandIn, State, dataproc_stand_in

PROJECT, REGION, IMAGE = "a-project", "us-central1", "region/project/cryptodudez:1"
PASSWORD = "hunter2"  # noqa: S105
BATCH = Batch()


@pytest.fixture
def dataproc() -> Iterator[DataprocStandIn]:
    with dataproc_stand_in() as stand_in:
        yield stand_in


@pytest.fixture
def asked(dataproc: DataprocStandIn, monkeypatch: pytest.MonkeyPatch) -> Batches:
    """What is asked here, without waiting."""
    monkeypatch.setattr(batches, "AGAIN", Retry(batches.AGAIN._predicate, initial=0.01, maximum=0.01, timeout=60))
    return Batches(dataproc.batch_client(), PROJECT, REGION, pause=lambda seconds: None)


def settings_for(tmp_path: Path, **more: object) -> Settings:
    given: dict[str, object] = {
        "home": tmp_path,
        "lake": "gs://bucket/lake",
        "catalog": f"postgresql://me:{PASSWORD}@host:5432/lake",
        "dataproc_project": PROJECT,
        "dataproc_region": REGION,
        "dataproc_image": IMAGE,
    }
    return Settings(**(given | more))  # type: ignore[arg-type]


def test_a_batch_runs_the_command_with_settings_and_without_secrets(tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path,
        rolling_days=30,
        api_key="an-api-key",
        spark_options='{"spark.executor.memory": "4g"}',
        dataproc_subnetwork="inside",
    )
    batch = batch_of(settings, ["gas_prices", "crypto_prices"], check_all=True)
    assert list(batch.pyspark_batch.args) == [
        "CRYPTODUDEZ_SPARK_MASTER=spark-submit",
        "CRYPTODUDEZ_LAKE=gs://bucket/lake",
        "CRYPTODUDEZ_CATALOG=postgresql://me@host:5432/lake",
        "CRYPTODUDEZ_ROLLING_DAYS=30",
        *("run", "--engine", "spark", "--select", "gas_prices", "--select", "crypto_prices", "--check-all"),
    ]
    assert batch.pyspark_batch.main_python_file_uri == "file:///opt/cryptodudez/run.py"
    assert batch.runtime_config.container_image == IMAGE
    assert batch.runtime_config.properties == {"spark.executor.memory": "4g"}
    assert batch.environment_config.execution_config.subnetwork_uri == "inside"
    assert PASSWORD not in str(batch)
    assert "an-api-key" not in str(batch)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dataproc_region": "", "dataproc_image": ""}, "CRYPTODUDEZ_DATAPROC_REGION and CRYPTODUDEZ_DATAPROC_IMAGE"),
        ({"dataproc_cluster": "c"}, "needs CRYPTODUDEZ_DATAPROC_BUCKET"),
        ({"lake": "/a/folder"}, "cannot see the folder /a/folder: set CRYPTODUDEZ_LAKE"),
        ({"catalog": ""}, "catalog in SQLite: set CRYPTODUDEZ_CATALOG"),
        ({"catalog": "postgresql://me@127.0.0.1:5432/lake"}, "cannot reach CRYPTODUDEZ_CATALOG at 127.0.0.1"),
        ({"notifications": "postgresql://me@localhost/n"}, "cannot reach CRYPTODUDEZ_NOTIFICATIONS at localhost"),
        ({"online": "sqlite:///here.db"}, "SQLite file of CRYPTODUDEZ_ONLINE"),
        ({"online": f"redis://:{PASSWORD}@host"}, "CRYPTODUDEZ_ONLINE has a password"),
        ({"online": f"postgresql://host/d?password={PASSWORD}"}, "CRYPTODUDEZ_ONLINE has a password"),
        (
            {"spark_options": f'{{"spark.hadoop.fs.s3a.secret.key": "{PASSWORD}"}}'},
            r"has spark\.hadoop\.fs\.s3a\.secret\.key",
        ),
    ],
)
def test_what_could_not_work_or_would_tell_a_secret_is_refused(
    tmp_path: Path, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(Unlaunchable, match=said) as refused:
        batch_of(settings_for(tmp_path, **wrong), [])
    assert PASSWORD not in str(refused.value)


def test_without_its_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "find_spec", lambda name: None)
    with pytest.raises(Unlaunchable, match=r"cryptodudez\[dataproc\]"):
        workload.insist_on_launchable(settings_for(tmp_path))


def test_each_state_is_said_once_with_its_reason(asked: Batches, dataproc: DataprocStandIn) -> None:
    said: list[str] = []
    dataproc.course.insert(1, (State.PENDING, ""))
    ended = asked.run(BATCH, "first", said.append)
    assert ended.name == f"projects/{PROJECT}/locations/{REGION}/batches/first"
    assert said == ["first is pending", "first is running: on 2 executors", "first is succeeded"]


def test_states_between_two_looks_are_said_too(asked: Batches, dataproc: DataprocStandIn) -> None:
    said: list[str] = []
    dataproc.course = [(State.SUCCEEDED, "quick")]
    history = [{"state": State.PENDING}, {"state": State.RUNNING}]
    asked.run(Batch(state_history=history), "first", said.append)
    assert said == ["first is pending", "first is running", "first is succeeded: quick"]


def test_it_is_submitted_once_whatever_answers_are_lost(asked: Batches, dataproc: DataprocStandIn) -> None:
    dataproc.lost = {"CreateBatch": 2, "GetBatch": 1}
    asked.run(BATCH, "first", print)
    assert dataproc.methods_asked().count("CreateBatch") == 3
    assert len(dataproc.batches) == 1


def test_who_asks_again_follows_what_is_there(asked: Batches, dataproc: DataprocStandIn) -> None:
    said: list[str] = []
    asked.run(BATCH, "first", print)
    asked.run(BATCH, "first", said.append)
    assert dataproc.methods_asked().count("CreateBatch") == 1
    assert said[0] == "first is there already: it is followed"


def test_two_that_submit_at_once_follow_one(
    asked: Batches, dataproc: DataprocStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Batches, "_place", lambda self, key, say: (f"{self._parent}/batches/{key}", False))
    asked.run(BATCH, "first", print)
    monkeypatch.setattr(batches, "NAMESPACE_URL", uuid4())  # another's request has an id of its own
    asked.run(BATCH, "first", print)
    assert dataproc.methods_asked().count("CreateBatch") == 2
    assert len(dataproc.batches) == 1


def test_one_that_failed_says_why_and_is_tried_anew_under_the_next_name(
    asked: Batches, dataproc: DataprocStandIn
) -> None:
    dataproc.course = [(State.RUNNING, ""), (State.FAILED, "no quota left")]
    failing = Batch(runtime_info={"output_uri": "gs://staging/driver"})
    for name in ("first", "first-2"):
        with pytest.raises(LaunchFailed, match=f"{name} failed: no quota left; what it printed: gs://staging/driver"):
            asked.run(failing, "first", print)
    dataproc.course = [(State.SUCCEEDED, "")]
    assert asked.run(BATCH, "first", print).name.endswith("first-3")


def test_an_interruption_cancels_it(asked: Batches, dataproc: DataprocStandIn) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        Batches(asked.client, PROJECT, REGION, pause=interrupted).run(BATCH, "first", said.append)
    assert [one.state for one in dataproc.batches.values()] == [State.CANCELLED]
    assert said == ["first is pending", "first is asked to be cancelled"]


def test_a_name_that_the_service_would_refuse_is_not_sent(asked: Batches, dataproc: DataprocStandIn) -> None:
    for name in ("X", "abc", "a" * 60, "first-", "1st-batch"):
        with pytest.raises(Unlaunchable, match="cannot be called"):
            asked.run(BATCH, name, print)
    assert not dataproc.asked


def test_a_service_out_of_reach_is_told_and_the_batch_is_left(
    dataproc: DataprocStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "AGAIN", Retry(batches.AGAIN._predicate, initial=0.01, timeout=0.1))
    dataproc.address = "127.0.0.1:1"
    with pytest.raises(LaunchFailed, match=r"out of reach: .*first may go on by itself"):
        Batches(dataproc.batch_client(), PROJECT, REGION).run(BATCH, "first", print)
