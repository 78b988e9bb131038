"""Servers are started together and leave nothing behind, however they are stopped and whatever they do about it."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

# Each writes its process id into the folder given, so that the test can look for it.
WRITE_PID = "import os, signal, subprocess, sys, time, pathlib; pathlib.Path(sys.argv[1], str(os.getpid())).touch();"
POLITE = WRITE_PID + "time.sleep(60)"
DEAF = WRITE_PID.replace(";", "; signal.signal(signal.SIGINT, signal.SIG_IGN);", 1) + "time.sleep(60)"
DEAF_TO_ALL = DEAF.replace("SIG_IGN);", "SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN);")
PARENT = WRITE_PID + f"subprocess.run([sys.executable, '-c', {POLITE!r}, sys.argv[1]])"
RUNAWAY = WRITE_PID + f"subprocess.Popen([sys.executable, '-c', {DEAF!r}, sys.argv[1]])"

SUPERVISE = """
import sys
from cryptodudez_assets import supervisor
supervisor.PATIENCE_SECONDS = 1
sys.exit(supervisor.supervise([[sys.executable, "-c", program, sys.argv[1]] for program in sys.argv[2:]]))
"""

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Supervise these programs, and return once so many processes are there."""

    def supervised(*programs: str, processes: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", SUPERVISE, str(tmp_path), *programs]
        started = subprocess.Popen(command)
        wait_until(lambda: len(list(tmp_path.iterdir())) == processes)
        return started

    return supervised


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_children_and_grandchildren(start: Start, tmp_path: Path, number: signal.Signals):
    supervisor = start(POLITE, PARENT, processes=3)
    assert len(alive(tmp_path)) == 3

    supervisor.send_signal(number)

    assert supervisor.wait(10) == 0
    assert alive(tmp_path) == []


@pytest.mark.parametrize("program", [DEAF, DEAF_TO_ALL], ids=["SIGINT", "SIGINT and SIGTERM"])
def test_a_child_that_ignores_signals_is_stopped_all_the_same(start: Start, tmp_path: Path, program: str):
    supervisor = start(program, processes=1)

    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(10) == 0
    assert alive(tmp_path) == []


def test_when_one_ends_the_others_are_stopped_and_its_exit_code_told(start: Start, tmp_path: Path):
    supervisor = start(POLITE, WRITE_PID + "time.sleep(0.5); sys.exit(3)", processes=2)

    assert supervisor.wait(10) == 3
    assert alive(tmp_path) == []


def test_it_says_when_all_addresses_are_listened_at():
    program = (
        "from cryptodudez_assets.supervisor import supervise; import sys;"
        "supervise([[sys.executable, '-c', 'import time; time.sleep(1)']], [('127.0.0.1', int(sys.argv[1]))], 'ready')"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", program, str(server.getsockname()[1])]
        assert subprocess.run(command, capture_output=True, text=True, timeout=20).stdout == "ready\n"

    assert subprocess.run(command, capture_output=True, text=True, timeout=20).stdout == ""


def test_a_grandchild_whose_parent_is_gone_is_found(start: Start, tmp_path: Path):
    supervisor = start(RUNAWAY, processes=2)

    assert supervisor.wait(10) == 0
    assert alive(tmp_path) == []


def test_an_impatient_second_ctrl_c_leaves_nothing_behind_either(start: Start, tmp_path: Path):
    supervisor = start(DEAF, processes=1)

    supervisor.send_signal(signal.SIGINT)
    time.sleep(0.3)
    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(10) == 0
    assert alive(tmp_path) == []


def test_a_command_that_cannot_be_started_stops_those_that_were(tmp_path: Path):
    program = (
        "from cryptodudez_assets.supervisor import supervise; import sys;"
        f"supervise([[sys.executable, '-c', {POLITE!r}, {str(tmp_path)!r}], ['/no/such/command']])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20)

    assert done.returncode != 0
    assert alive(tmp_path) == []


def alive(folder: Path) -> list[int]:
    """Which of the processes that noted themselves in the folder still run."""
    pids = [int(path.name) for path in folder.iterdir()]
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
