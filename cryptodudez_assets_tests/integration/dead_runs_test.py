"""Runs whose process died: closed by the next `run` and by the sensor; those that live, or are not ours, are left alone."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from cryptodudez_assets.defs import dead_runs
from cryptodudez_assets.defs.dead_runs import (
    ALIVE_TAG,
    GOING,
    WAITING,
    close_dead_runs,
    close_left_runs,
    end_life,
    show_life,
)
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.lake.erasing.registry import ERASING
from cryptodudez_assets.lake.store.locks import RUNS, alive, exclusive, sign_of_life
from cryptodudez_assets.settings import Settings

STARTED = dg.DagsterRunStatus.STARTED
ROOT = Path(__file__).parents[2]
LOCATION = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name="here")
ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(LOCATION, "__repository__"), "__ASSET_JOB")


@dg.job(name="__ASSET_JOB")
def ours() -> None:
    pass


@dg.job
def of_somebody_else() -> None:
    pass


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def close(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    return close_dead_runs(instance, settings)


def test_a_run_lives_as_long_as_it_holds_its_lock(instance: dg.DagsterInstance, settings: Settings) -> None:
    run = instance.create_run_for_job(ours, status=STARTED)
    show_life(instance, settings, run.run_id)
    assert close(instance, settings) == []
    assert status(instance, run) == STARTED
    end_life()
    (said,) = close(instance, settings)

    assert run.run_id in said
    assert "its process is gone" in said
    assert status(instance, run) == dg.DagsterRunStatus.FAILURE
    assert close(instance, settings) == []


def test_one_that_was_to_be_canceled_is_canceled(instance: dg.DagsterInstance, settings: Settings) -> None:
    run = instance.create_run_for_job(ours, status=dg.DagsterRunStatus.CANCELING, tags={ALIVE_TAG: "lock"})

    assert len(close(instance, settings)) == 1
    assert status(instance, run) == dg.DagsterRunStatus.CANCELED


def test_one_that_has_only_just_been_launched_is_left_alone(
    instance: dg.DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = instance.create_run_for_job(ours, status=STARTED)

    assert close(instance, settings) == []
    monkeypatch.setattr("cryptodudez_assets.defs.dead_runs.START_SECONDS", -1.0)  # and now that was long ago
    assert len(close(instance, settings)) == 1
    assert status(instance, run) == dg.DagsterRunStatus.FAILURE


def test_one_of_another_kind_is_left_alone(
    instance: dg.DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptodudez_assets.defs.dead_runs.START_SECONDS", -1.0)
    run = instance.create_run_for_job(of_somebody_else, status=STARTED)

    assert close(instance, settings) == []
    assert status(instance, run) == STARTED


def test_where_all_was_stopped_nothing_waits_or_goes_any_more(settings: Settings) -> None:
    folder = dagster_home(settings)
    began = [*WAITING, *GOING]
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        runs = [instance.create_run_for_job(ours, status=one, remote_job_origin=ORIGIN) for one in began]
        done = instance.create_run_for_job(ours, status=dg.DagsterRunStatus.SUCCESS)

        assert close_left_runs(folder) == len(began)

        told = {one: status(instance, run) for one, run in zip(began, runs, strict=True)}
        assert set(told.values()) == {dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE}
        assert told[dg.DagsterRunStatus.QUEUED] == dg.DagsterRunStatus.CANCELED
        assert told[STARTED] == dg.DagsterRunStatus.FAILURE
        assert status(instance, done) == dg.DagsterRunStatus.SUCCESS


def test_one_that_is_done_in_the_meantime_is_not_closed(instance: dg.DagsterInstance, settings: Settings) -> None:
    run = instance.create_run_for_job(ours, status=dg.DagsterRunStatus.SUCCESS, tags={ALIVE_TAG: "lock"})

    assert close(instance, settings) == []
    assert status(instance, run) == dg.DagsterRunStatus.SUCCESS


def test_a_sign_of_life_is_seen_by_others_and_leaves_nothing_behind(settings: Settings) -> None:
    with sign_of_life(settings, "run.a"), sign_of_life(settings, "run.a") as free:
        assert not free
    with sign_of_life(settings, "run.a") as free:
        assert free
    assert list((settings.home / "locks").iterdir()) == []


def test_a_sign_of_life_in_postgresql(database: str, settings: Settings) -> None:
    there = settings.model_copy(update={"catalog": database})
    with sign_of_life(there, "run.a"), sign_of_life(there, "run.a") as free:
        assert not free
    with sign_of_life(there, "run.a") as free:
        assert free


def test_the_next_run_closes_one_whose_process_group_was_killed(settings: Settings) -> None:
    raw = Path(settings.lake) / "raw" / "crypto_prices"
    raw.mkdir(parents=True)
    candles = "".join(f"1,Coin{n},C{n},2021-01-01 23:59:59,2,1,1.5,1.5,100,1000\n" for n in range(200))
    (raw / "coins.csv").write_text("SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n" + candles)
    environment = os.environ | {"CRYPTODUDEZ_HOME": str(settings.home), "CRYPTODUDEZ_SETTLE_SECONDS": "0"}
    command = [sys.executable, "-m", "cryptodudez_assets", "run", "--select", "crypto_prices"]
    with dg.DagsterInstance.from_config(str(dagster_home(settings))) as instance:
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL
        )
        while not (runs := instance.get_runs(dg.RunsFilter(tags={ALIVE_TAG: "lock"}))):
            assert process.poll() is None, "it was done before it could be killed"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert status(instance, runs[0]) == STARTED

        said = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout

        assert f"run {runs[0].run_id}" in said.replace("\n", " ")
        assert status(instance, runs[0]) == dg.DagsterRunStatus.FAILURE


def test_no_run_begins_while_somebody_erases(
    instance: dg.DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, begun = instance.create_run_for_job(ours, status=STARTED), threading.Event()
    release = threading.Event()

    def begin() -> None:
        show_life(instance, settings, run.run_id)
        begun.set()
        release.wait(60)
        end_life()

    with exclusive(settings, ERASING):
        threading.Thread(target=begin).start()
        assert not begun.wait(1)
        assert [*alive(settings, RUNS)] == []
        with monkeypatch.context() as patch:
            patch.setattr(dead_runs, "WAITS_SECONDS", 0.1)
            with pytest.raises(TimeoutError, match="no run begins while somebody erases"):
                show_life(instance, settings, "another")
    assert begun.wait(60)
    assert [*alive(settings, RUNS)] == [f"run.{run.run_id}"]
    release.set()


def test_signs_of_life_are_found_where_a_server_keeps_the_locks(database: str, settings: Settings) -> None:
    there = settings.model_copy(update={"catalog": database})
    with sign_of_life(there, "run.a"):
        assert [*alive(there, RUNS)] == ["run.a"]
    assert [*alive(there, RUNS)] == []
    (settings.home / "locks" / "run.b.lock").touch()  # of one that was killed
    assert [*alive(there, RUNS)] == []
