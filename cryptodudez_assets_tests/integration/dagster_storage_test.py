"""Dagster's own records in PostgreSQL, and what runs print in a bucket: with real servers, and runs that are forked."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from sqlalchemy import event

from cryptodudez_assets.defs.forgetting import forget_runs, forget_ticks
from cryptodudez_assets.defs.pooled_postgres import AT_MOST
from cryptodudez_assets.defs.run_launcher import ForkingRunLauncher
from cryptodudez_assets.instance import DagsterUnusable, configuration, dagster_home
from cryptodudez_assets.lake.store.locks import sign_of_life
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.running import DAEMON
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.integration.run_launcher_test import found, launch, wait_until

MANY = 60


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def on_postgresql(home: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("CRYPTODUDEZ_DAGSTER", database)
    with dg.DagsterInstance.from_config(str(dagster_home(Settings()))) as instance:
        yield instance


def sessions(database: str) -> int:
    """How many connections were ever opened to it."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    # Another database's connection asks, or each question would count.
    with psycopg.connect(database.replace(f"/{name}?", "/postgres?"), autocommit=True) as connection:
        row = connection.execute("SELECT numbackends FROM pg_stat_database WHERE datname = %s", (name,)).fetchone()
    assert row is not None
    return int(row[0])


class TestOnPostgresql:
    def test_a_run_is_forked_and_recorded_there_and_nothing_in_the_home(
        self, on_postgresql: dg.DagsterInstance, home: Path, database: str
    ) -> None:
        assert isinstance(on_postgresql.run_launcher, ForkingRunLauncher)
        runs = [launch(on_postgresql) for _ in range(2)]
        wait_until(lambda: all(found(on_postgresql, run).is_finished for run in runs))

        assert {found(on_postgresql, run).status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        key = dg.AssetKey(["catalog", "files", "crypto_prices"])
        made = on_postgresql.get_latest_materialization_event(key)
        assert made is not None
        assert made.run_id in {run.run_id for run in runs}
        assert not list((home / "dagster").glob("**/*.db"))
        written = (home / "dagster" / "dagster.yaml").read_text()
        assert "CRYPTODUDEZ_DAGSTER" in written
        assert database not in written, "it may hold a password"

    def test_the_webserver_opens_no_more_connections_and_tries_them_too(
        self, on_postgresql: dg.DagsterInstance
    ) -> None:
        engines = [on_postgresql.run_storage._engine, on_postgresql.event_log_storage._engine]
        on_postgresql.optimize_for_webserver(15_000, 3_600, 20)  # as it does when it begins
        assert [on_postgresql.run_storage._engine, on_postgresql.event_log_storage._engine] == engines
        assert all(engine.pool._pre_ping for engine in engines)

    def test_what_was_routine_is_forgotten_there_too(self, on_postgresql: dg.DagsterInstance) -> None:
        run = dg.DagsterRun("__ASSET_JOB", status=dg.DagsterRunStatus.SUCCESS, tags={"dagster/sensor_name": "x"})
        on_postgresql.add_run(run)
        forget_ticks(on_postgresql, 0)
        assert forget_runs(on_postgresql, keep=0) == 1
        assert on_postgresql.get_run_by_id(run.run_id) is None

    def test_connections_are_kept_and_bounded(self, on_postgresql: dg.DagsterInstance, database: str) -> None:
        opened: list[int] = []
        event.listen(on_postgresql.run_storage._engine, "connect", lambda *_: opened.append(1))  # type: ignore[attr-defined]
        with ThreadPoolExecutor(MANY) as threads:
            list(threads.map(lambda _: on_postgresql.get_runs(limit=1), range(10 * MANY)))
        assert 1 <= len(opened) < 5 * MANY, "fewer than questions"
        assert sessions(database) <= 3 * AT_MOST
        before = len(opened)
        for _ in range(MANY):
            on_postgresql.get_runs(limit=1)
        assert len(opened) == before, "one is kept"

    def test_a_server_that_was_restarted_fails_nobody_afterwards(
        self, on_postgresql: dg.DagsterInstance, database: str
    ) -> None:
        on_postgresql.get_runs(limit=1)
        name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
        with psycopg.connect(database.replace(f"/{name}?", "/postgres?"), autocommit=True) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", (name,)
            ).fetchall()
        assert ended
        assert on_postgresql.get_runs(limit=1) == []

    def test_the_schema_is_not_asked_with_each_look(self, on_postgresql: dg.DagsterInstance) -> None:
        def look() -> None:
            on_postgresql.get_run_records(limit=1)
            on_postgresql.all_instigator_state()

        asked: list[str] = []
        look()
        for storage in (on_postgresql.run_storage, on_postgresql.schedule_storage):
            event.listen(
                storage._engine, "before_cursor_execute", lambda _, __, statement, *___: asked.append(statement)
            )  # type: ignore[union-attr]
        look()
        assert asked
        assert not [one for one in asked if "pg_catalog" in one]

    def test_a_fork_begins_with_connections_of_its_own(self, on_postgresql: dg.DagsterInstance) -> None:
        on_postgresql.get_runs(limit=1)
        storage = on_postgresql.run_storage
        with storage.connect() as connection:  # type: ignore[attr-defined]
            ours = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        told = os.pipe()
        child = os.fork()
        if child == 0:
            with storage.connect() as connection:  # type: ignore[attr-defined]
                theirs = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            os.write(told[1], str(theirs).encode())
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert int(os.read(told[0], 100)) != ours
        with storage.connect() as connection:  # type: ignore[attr-defined]
            assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar() == ours, "and ours is whole"


class TestUpIsRefused:
    def test_where_another_has_the_daemon(self, home: Path, database: str) -> None:
        environment = os.environ | {"CRYPTODUDEZ_DAGSTER": database, "CRYPTODUDEZ_CATALOG": database}
        with sign_of_life(Settings(home=home, catalog=database), DAEMON) as is_alone:
            assert is_alone
            done = up(environment)
        assert done.returncode == 1
        assert "one daemon" in done.stdout

    def test_where_the_server_does_not_answer(self, home: Path) -> None:
        done = up(os.environ | {"CRYPTODUDEZ_DAGSTER": "postgresql://me:hunter2@127.0.0.1:1/dagster"})
        assert done.returncode == 1
        assert "CRYPTODUDEZ_DAGSTER" in done.stdout
        assert "cannot be used" in done.stdout
        assert "hunter2" not in done.stdout


def up(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("cryptodudez")), "up"]
    return subprocess.run(
        command,
        env=environment | {"COLUMNS": "300"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.parametrize("cloud", ["s3", "gs"])
def test_what_a_run_prints_is_in_the_bucket(
    home: Path, cloud: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    endpoint = request.getfixturevalue(f"{cloud}_endpoint")
    prefix = f"printed-{home.parent.name}"
    monkeypatch.setenv("CRYPTODUDEZ_RUN_LOGS", f"{cloud}://lake/{prefix}")
    if cloud == "s3":
        monkeypatch.setenv("CRYPTODUDEZ_S3_ENDPOINT", endpoint)
    else:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)  # what Google's own client looks for
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "test")
    key = ["some-run", "compute_logs", "said"]
    with (
        dg.DagsterInstance.from_config(str(dagster_home(Settings()))) as instance,
        instance.compute_log_manager.capture_logs(key),
    ):
        print("three tables were made", flush=True)
    with dg.DagsterInstance.from_config(str(dagster_home(Settings()))) as another:
        assert another.compute_log_manager.is_capture_complete(key)
        printed = another.compute_log_manager.get_log_data(key)
    assert printed.stdout == b"three tables were made\n"
    monkeypatch.setenv("CRYPTODUDEZ_GS_ENDPOINT", endpoint)  # of the store's client
    in_bucket = Settings(lake=f"{cloud}://lake")
    keys = [one.key for one in open_store(in_bucket).list(prefix)]
    assert any(key.endswith("said.out") for key in keys), keys


def test_without_the_extra_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptodudez_assets.instance.find_spec", lambda _: None)
    for setting, extra in (({"dagster": "postgresql://a/b"}, "postgres"), ({"run_logs": "gs://b/c"}, "gcp")):
        with pytest.raises(DagsterUnusable, match=rf"cryptodudez\[{extra}\]"):
            configuration(Settings(home=tmp_path, **setting))  # type: ignore[arg-type]
