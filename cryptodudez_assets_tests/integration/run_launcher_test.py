"""Runs are forked from a process that has imported everything: they do their work, can be ended, and use the code as it is."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from cryptodudez_assets.definitions import defs
from cryptodudez_assets.defs import run_launcher
from cryptodudez_assets.defs.dead_runs import ALIVE_TAG
from cryptodudez_assets.defs.run_launcher import PROCESS_TAG, ForkingRunLauncher
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.settings import Settings

REPOSITORY = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("cryptodudez_assets.definitions", "defs", None))
ORIGIN = JobPythonOrigin("__ASSET_JOB", REPOSITORY)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """With the launcher that our configuration names, and everything in a home of its own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CRYPTODUDEZ_HOME", str(home))
        with dg.DagsterInstance.from_config(str(dagster_home(Settings()))) as made:
            assert isinstance(made.run_launcher, ForkingRunLauncher)
            yield made


def launch(instance: dg.DagsterInstance) -> dg.DagsterRun:
    job = defs().resolve_implicit_global_asset_job_def()
    selection = {dg.AssetKey(["catalog", "files", "crypto_prices"])}
    subset = job.get_subset(asset_selection=selection)
    run = instance.create_run_for_job(
        subset, status=dg.DagsterRunStatus.STARTING, asset_selection=selection, job_code_origin=ORIGIN
    )
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    return run


def process_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    return int(found(instance, run).tags[PROCESS_TAG])


def found(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    there = instance.get_run_by_id(run.run_id)
    assert there is not None
    return there


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def test_a_run_is_done_by_a_process_of_its_own(instance: dg.DagsterInstance) -> None:
    run = launch(instance)
    process = process_of(instance, run)

    wait_until(lambda: found(instance, run).is_finished)

    assert found(instance, run).is_success
    assert ALIVE_TAG in found(instance, run).tags
    assert process != os.getpid()
    wait_until(lambda: not Path(f"/proc/{process}").exists())
    assert not instance.run_launcher.terminate(run.run_id)  # it is over


def test_a_run_can_be_ended(instance: dg.DagsterInstance) -> None:
    run = launch(instance)

    assert instance.run_launcher.terminate(run.run_id)

    wait_until(lambda: found(instance, run).is_finished)
    assert found(instance, run).status in (dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS)


def test_code_that_has_changed_is_imported_anew_and_a_server_that_was_killed_is_replaced(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = instance.run_launcher
    assert isinstance(launcher, ForkingRunLauncher)
    first = launcher._server
    assert first is not None
    assert first._process.poll() is None

    monkeypatch.setattr(run_launcher, "_written", lambda: (1, 1))
    run = launch(instance)
    second = launcher._server
    assert second is not None
    assert second is not first
    assert first._process.poll() is not None
    wait_until(lambda: found(instance, run).is_finished)
    assert found(instance, run).is_success

    second._process.kill()
    second._process.wait()
    run = launch(instance)
    wait_until(lambda: found(instance, run).is_finished)
    assert found(instance, run).is_success
