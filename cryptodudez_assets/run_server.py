"""The process that `defs/run_launcher.py` starts: it imports everything once, and forks a process for each run that it is told of.

It computes nothing itself, so that there are no threads which a fork would lose. It ends when its starter does.
"""

import gc
import logging
import os
import signal
import socket
import sys
import traceback

import dagster as dg
from dagster._cli.api import api_cli
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value

from cryptodudez_assets.child_logs import MARK
from cryptodudez_assets.definitions import defs
from cryptodudez_assets.defs.dead_runs import end_life
from cryptodudez_assets.defs.run_lines import lines_of


def main(number: int) -> None:
    """Serve the socket with this file descriptor: a line for a run, answered with the id of its process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for runs: the system clears them up
    defs()
    gc.collect()
    gc.freeze()  # forks share what is not touched
    with socket.socket(fileno=number) as connection, connection.makefile("rwb") as stream:
        for line in stream:
            process = os.fork()
            if process == 0:
                os.close(number)
                _execute(line.decode())
            stream.write(f"{process}\n".encode())
            stream.flush()


def _execute(arguments: str) -> None:
    """Execute the run, and end the process."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        api_cli.main(["execute_run", arguments], prog_name="dagster api", standalone_mode=False)
        _say_what_was_done(arguments)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        end_life()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say_what_was_done(arguments: str) -> None:
    told = deserialize_value(arguments, ExecuteRunArgs)
    with dg.DagsterInstance.from_ref(told.instance_ref) as instance:
        for line in lines_of(instance, told.run_id):
            print(MARK + line)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(0)
