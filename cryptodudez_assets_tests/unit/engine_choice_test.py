"""Which engine a run gets, and what is refused before anything begins."""

import json
from importlib.machinery import ModuleSpec
from pathlib import Path

import dagster as dg
import pytest
import yaml
from click.testing import CliRunner
from pydantic import ValidationError

from cryptodudez_assets.cli import main
from cryptodudez_assets.defs.resources import ENGINE_TAG
from cryptodudez_assets.engines import choosing
from cryptodudez_assets.engines.choosing import EngineUnusable, engine_of, insist_on_usable
from cryptodudez_assets.engines.local import LocalEngine
from cryptodudez_assets.engines.pool import PoolEngine
from cryptodudez_assets.engines.ray import RayEngine
from cryptodudez_assets.engines.spark import SparkEngine, SparkFailed, configuration, is_remote
from cryptodudez_assets.instance import CONFIGURATION
from cryptodudez_assets.settings import Settings

POSTGRESQL = "postgresql://user@host/lake"
CLUSTER = "spark://cluster:7077"


def never() -> None:
    """A session that is not to be started."""
    raise AssertionError("Spark was started")


@pytest.fixture
def with_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is installed, or might as well be."""
    monkeypatch.setattr(choosing, "find_spec", lambda name: ModuleSpec(name, None))


@pytest.mark.usefixtures("with_spark")
def test_an_engine_is_made_by_its_name_and_spark_is_not_started_by_that(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    made = [engine_of(name, settings, never) for name in ("local", "pool", "spark", "ray")]
    assert [type(one) for one in made] == [LocalEngine, PoolEngine, SparkEngine, RayEngine]
    assert [one.name for one in made] == ["local", "pool", "spark", "ray"]


def test_an_unknown_engine_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(EngineUnusable, match=r"'dask'; there are: local, pool, spark, ray"):
        insist_on_usable("dask", Settings(home=tmp_path))
    with pytest.raises(ValidationError, match="'local', 'pool', 'spark' or 'ray'"):
        Settings(home=tmp_path, engine="dask")


@pytest.mark.parametrize("name", ["spark", "ray"])
def test_without_its_extra_an_engine_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(choosing, "find_spec", lambda name: None)
    with pytest.raises(EngineUnusable, match=rf"cryptodudez\[{name}\]"):
        insist_on_usable(name, Settings(home=tmp_path))
    insist_on_usable("pool", Settings(home=tmp_path))


def test_a_command_is_refused_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "find_spec", lambda name: None)
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path))
    done = CliRunner().invoke(main, ["run", "--engine", "spark"])
    assert done.exit_code == 1
    assert done.output.startswith("Error: the engine spark needs")
    assert not (tmp_path / "dagster").exists()


@pytest.mark.parametrize(
    ("master", "remote"),
    [
        *(("local", False), ("local[2]", False), ("local[*,4]", False), ("spark://127.0.0.1:7077", False)),
        *(("spark://localhost:7077", False), ("spark://[::1]:7077", False), (CLUSTER, True), ("yarn", True)),
        ("spark-submit", True),
        *(("spark://127.0.0.1:7077,10.0.0.2:7077", True), ("k8s://https://127.0.0.1:443", True)),
    ],
)
def test_remote_is_each_master_but_local_ones_and_those_on_loopback(master: str, remote: bool) -> None:
    assert is_remote(master) is remote
    told = configuration(master, {})
    assert ("spark.driver.host" in told) is not remote
    assert told.get("spark.master") == (None if master == "spark-submit" else master)


@pytest.mark.parametrize(
    ("address", "remote"),
    [
        *(("", False), ("127.0.0.1:6379", False), ("ray://localhost:10001", False), ("[::1]:6379", False)),
        *(("10.0.0.2:6379", True), ("ray://head:10001", True), ("auto", True), ("127.0.0.1.example.org:1", True)),
    ],
)
def test_ray_is_remote_at_each_address_but_none_and_those_on_loopback(address: str, remote: bool) -> None:
    assert RayEngine(address).is_remote is remote


@pytest.mark.usefixtures("with_spark")
@pytest.mark.parametrize("name", ["spark", "ray"])
@pytest.mark.parametrize(
    ("lake", "catalog", "told"),
    [
        ("", POSTGRESQL, "CRYPTODUDEZ_LAKE"),
        ("s3://bucket", "", "CRYPTODUDEZ_CATALOG"),
        ("s3://bucket", POSTGRESQL, None),
    ],
)
def test_a_lake_of_this_machine_is_refused_where_executors_are_elsewhere(
    tmp_path: Path, lake: str, catalog: str, told: str | None, name: str
) -> None:
    settings = Settings(home=tmp_path, lake=lake, catalog=catalog, spark_master=CLUSTER, ray_address="ray://head:10001")
    if told is None:
        assert engine_of(name, settings, never).is_remote
        return
    with pytest.raises(EngineUnusable, match=told):
        engine_of(name, settings, never)


def test_options_of_spark_win_and_what_is_no_json_is_refused() -> None:
    settings = Settings(spark_options='{"spark.ui.enabled": "true"}')
    assert configuration("local", {})["spark.ui.enabled"] == "false"
    assert configuration("local", settings.spark_options)["spark.ui.enabled"] == "true"
    with pytest.raises(ValidationError, match="spark_options"):
        Settings(spark_options="spark.ui.enabled=true")


@pytest.mark.parametrize("option", ["spark.master", "spark.remote", "spark.submit.deployMode"])
def test_no_option_says_where_spark_runs_behind_the_back_of_the_setting(option: str) -> None:
    with pytest.raises(ValidationError, match=f"must not have {option}: .*CRYPTODUDEZ_SPARK_MASTER"):
        Settings(spark_options=json.dumps({option: CLUSTER}))


@pytest.mark.parametrize(
    "master", ["localhost:7077", "local[0]", "local[]", "local[2", "spark://cluster", "cluster:7077"]
)
def test_what_is_no_master_is_refused_before_anything_begins(master: str) -> None:
    with pytest.raises(ValidationError, match="must be local"):
        Settings(spark_master=master)


@pytest.mark.parametrize(
    "master", ["local", "local[*]", "local[2,4]", "local-cluster[2,1,1024]", "spark://a:1,b:2", "k8s://https://a:443"]
)
def test_what_spark_takes_for_a_master_is_taken(master: str) -> None:
    assert Settings(spark_master=master).spark_master == master


class Elsewhere:
    """A session whose context has another master than was asked for."""

    master = CLUSTER

    @property
    def sparkContext(self) -> "Elsewhere":  # noqa: N802  (Spark's name)
        return self


def test_a_session_on_other_machines_is_not_used_where_the_lake_is_for_this_one() -> None:
    with pytest.raises(SparkFailed, match=rf"{CLUSTER}, and the lake was opened for this machine alone"):
        SparkEngine(Elsewhere, is_remote=False).parallel  # noqa: B018


def test_that_spark_did_not_start_is_found_out_once() -> None:
    tries = []

    def fails() -> None:
        tries.append(1)
        raise type("Unreachable", (RuntimeError,), {"__module__": "py4j.protocol"})(
            "Cannot call methods on a stopped SparkContext."
        )

    engine = SparkEngine(fails, is_remote=True)
    for _ in range(2):
        with pytest.raises(SparkFailed, match=r"the master of CRYPTODUDEZ_SPARK_MASTER did not answer"):
            engine.parallel  # noqa: B018
    assert len(tries) == 1


@pytest.mark.parametrize("command", [["rebuild", "market.crypto_prices"], ["erase-user", "somebody"]])
def test_commands_that_make_tables_again_use_the_engine_of_the_settings_or_refuse(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "find_spec", lambda name: None)
    (tmp_path / "lake").mkdir()
    for name, value in {"HOME": str(tmp_path), "ENGINE": "spark", "ERASURE_KEY": "k" * 16}.items():
        monkeypatch.setenv(f"CRYPTODUDEZ_{name}", value)
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert "Error: the engine spark needs" in done.output


def test_runs_on_an_engine_with_servers_wait_for_each_other(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(CONFIGURATION.read_text())
    limits = yaml.safe_load(CONFIGURATION.read_text())["run_queue"]["tag_concurrency_limits"]
    assert limits == [{"key": ENGINE_TAG, "value": name, "limit": 1} for name in ("spark", "ray")]
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_concurrency_config().run_queue_config.tag_concurrency_limits == limits
