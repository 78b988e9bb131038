"""Starts each run as a fork of a process that has imported everything, since imports take seconds of processor time and a run
of a landed file needs less than one. What such a process does is in `run_server.py`.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from cryptodudez_assets.defs.dead_runs import is_gone
from cryptodudez_assets.settings import Settings, own_declarations

PROCESS_TAG = "cryptodudez/process"
CODE = Path(__file__).parents[1]


class ForkingRunLauncher(RunLauncher[dg.DagsterInstance], ConfigurableClass):
    """The launcher that `dagster.yaml` names."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._server: _RunServer | None = None
        self._one_at_a_time = threading.Lock()
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """As Dagster made it."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """There is nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """As Dagster makes it."""
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Fork a process for the run."""
        run = context.dagster_run
        if run.job_code_origin is None:
            raise dg.DagsterInvariantViolationError(f"run {run.run_id} does not say by which code")
        arguments = serialize_value(ExecuteRunArgs(run.job_code_origin, run.run_id, self._instance.get_ref()))
        with self._one_at_a_time:
            process = self._fork(arguments)
        self._instance.add_run_tags(run.run_id, {PROCESS_TAG: str(process)})

    def _fork(self, arguments: str) -> int:
        code = _written()
        if self._server is not None and self._server.code == code:
            try:
                return self._server.fork(arguments)
            except OSError:  # it was killed
                pass
        if self._server is not None:
            self._server.close()
        self._server = _RunServer(code)
        return self._server.fork(arguments)

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run's process, which then says that it was canceled; False where there is none to be interrupted."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        process = run.tags.get(PROCESS_TAG)
        if process is None or is_gone(Settings(), run):
            return False
        try:
            os.kill(int(process), signal.SIGINT)
        except ProcessLookupError:
            return False
        return True

    def dispose(self) -> None:
        """Let the server end. Runs go on."""
        if self._server is not None:
            self._server.close()
            self._server = None


class _RunServer:
    """The process that forks, with the code as it was when it was started."""

    def __init__(self, code: tuple[int, int]) -> None:
        self.code = code
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "cryptodudez_assets.run_server", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self._stream = ours.makefile("rwb")
        ours.close()

    def fork(self, arguments: str) -> int:
        """The id of a process that executes this run. Raises OSError where the server is gone."""
        self._stream.write(arguments.encode() + b"\n")
        self._stream.flush()
        answer = self._stream.readline()
        if not answer:
            raise ConnectionError("the process that starts runs is gone")
        return int(answer)

    def close(self) -> None:
        """End it."""
        with suppress(OSError):  # of what it did not take any more
            self._stream.close()
        self._process.wait()


def _written() -> tuple[int, int]:
    """Changes whenever a file of our code does: what was imported is then out of date."""
    folders = filter(None, (CODE, own_declarations()))
    times = [path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*.py")]
    return len(times), max(times)
