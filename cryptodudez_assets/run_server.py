"""The process that `defs/run_launcher.py` starts: it imports everything once, and forks a process for each run that it is told of.

It computes nothing itself, so that there are no threads which a fork would lose. Where a declaration computes with Polars while it is
imported (`pl.lit` of a time with a zone does), each run is a process of its own, which imports everything anew. It ends when its
starter does.
"""

import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import traceback
from importlib import import_module

import dagster as dg
from dagster._cli.api import api_cli
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value

from cryptodudez_assets import definitions
from cryptodudez_assets.child_logs import MARK
from cryptodudez_assets.defs.dead_runs import end_life
from cryptodudez_assets.defs.run_lines import lines_of
from cryptodudez_assets.engines.likeness import likeness
from cryptodudez_assets.forking import RULES, computes
from cryptodudez_assets.lake.iceberg.kept import Kept

# What runs import when they come to it, and would import anew in each fork.
LATER = (
    "cryptodudez_assets.lake.iceberg.recording",
    "cryptodudez_assets.feature_store.online_sqlite",
    "cryptodudez_assets.studies.report",
    "cryptodudez_assets.models.drift_report",
    "cryptodudez_assets.models.signal.drifting",
    *RULES,
)


ONE_RUN = "--one-run"


def import_everything() -> None:
    """Import and build what runs need, so that forks share it. The home is looked at by each run: who asks a bucket has threads."""
    likeness()  # of what is imported here: runs go on with that, whatever is edited later
    built = definitions.built()
    built.get_repository_def()
    definitions.defs = built  # type: ignore[assignment]  # which is where a run looks: building takes most of two seconds
    for name in LATER:
        import_module(name)


def main(number: int) -> None:
    """Serve the socket with this file descriptor: a line for a run, answered with the id of its process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for runs: the system clears them up
    import_everything()
    begin = _fork
    if computes():
        print(
            "a declaration computes while it is imported, so that runs cannot be forked: each takes some seconds longer to begin",
            file=sys.stderr,
            flush=True,
        )
        begin = _start
    gc.collect()
    gc.freeze()  # forks share what is not touched
    with socket.socket(fileno=number) as connection, connection.makefile("rwb") as stream:
        for line in stream:
            process = begin(line, number)
            stream.write(f"{process}\n".encode())
            stream.flush()


def _fork(line: bytes, number: int) -> int:
    process = os.fork()
    if process == 0:
        os.close(number)
        _execute(line.decode())
    return process


def _start(line: bytes, number: int) -> int:
    process = subprocess.Popen([sys.executable, "-m", "cryptodudez_assets.run_server", ONE_RUN], stdin=subprocess.PIPE)
    with process.stdin as stdin:  # type: ignore[union-attr]
        stdin.write(line)
    return process.pid


def _execute(arguments: str) -> None:
    """Execute the run, and end the process."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with Kept.in_a_pass():  # tables of a run read each other's
            api_cli.main(["execute_run", arguments], prog_name="dagster api", standalone_mode=False)
        code = 0
    except BaseException:
        traceback.print_exc()
    try:
        _close(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        end_life()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _close(arguments: str) -> None:
    """Say what the run did. One that was interrupted before it began is closed here: nobody else knows of it."""
    told = deserialize_value(arguments, ExecuteRunArgs)
    with dg.DagsterInstance.from_ref(told.instance_ref) if told.instance_ref else dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(told.run_id)
        if run is not None and run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run)
        elif run is not None and not run.is_finished:
            instance.report_run_failed(run, "Its process ended before it was done.")
        for line in lines_of(instance, told.run_id):
            print(MARK + line)


if __name__ == "__main__":
    try:
        if sys.argv[1] == ONE_RUN:
            _execute(sys.stdin.readline())
        main(int(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(0)
