"""Servers are started together, again when they end, and leave nothing behind, however they are stopped and whatever they do."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cryptodudez_assets.supervisor import STOPPING

# Each writes its process id into the folder given, so that the test can look for it.
WRITE_PID = "import os, signal, subprocess, sys, time, pathlib; pathlib.Path(sys.argv[1], str(os.getpid())).touch();"
POLITE = WRITE_PID + "time.sleep(60)"
DEAF = WRITE_PID.replace(";", "; signal.signal(signal.SIGINT, signal.SIG_IGN);", 1) + "time.sleep(60)"
DEAF_TO_ALL = DEAF.replace("SIG_IGN);", "SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN);")
PARENT = WRITE_PID + f"subprocess.run([sys.executable, '-c', {POLITE!r}, sys.argv[1]])"
RUNAWAY = WRITE_PID + f"subprocess.Popen([sys.executable, '-c', {DEAF!r}, sys.argv[1]])"
FAILING = WRITE_PID + "sys.exit(3)"
TALKING = WRITE_PID + "print('\\x1b[31mred\\x1b[0m, for the log'); print('\\x1efor all', flush=True); time.sleep(60)"
CHATTY = WRITE_PID + "[print('x' * 99, flush=True) for _ in range(2000)]; time.sleep(60)"

SUPERVISE = """
import signal, sys, pathlib
from cryptodudez_assets import child_logs, supervisor
supervisor.PATIENCE = dict.fromkeys(supervisor.PATIENCE, 1.0)
supervisor.FIRST_PAUSE_SECONDS = 0.1
supervisor.MOST_RESTARTS = 2
child_logs.BYTES = 10_000
logs = pathlib.Path(sys.argv[2])
servers = [
    supervisor.Server(f"server {n}", [sys.executable, "-c", program, sys.argv[1]], logs / f"{n}.log")
    for n, program in enumerate(sys.argv[3:])
]
said = lambda line: print(line, flush=True)
sys.exit(supervisor.supervise(servers, said))
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """Where processes note themselves."""
    folder = tmp_path / "pids"
    folder.mkdir()
    return folder


@pytest.fixture
def start(tmp_path: Path, pids: Path) -> Start:
    """Supervise these programs, and return once so many processes were there."""

    def supervised(*programs: str, processes: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SUPERVISE, str(pids), str(tmp_path / "logs"), *programs]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        wait_until(lambda: len(list(pids.iterdir())) >= processes)
        return started

    return supervised


def said(supervisor: subprocess.Popen[str]) -> list[str]:
    """All that was said, once it has ended."""
    return supervisor.communicate(timeout=20)[0].splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_children_and_grandchildren(start: Start, pids: Path, number: signal.Signals):
    supervisor = start(POLITE, PARENT, processes=3)
    assert len(alive(pids)) == 3

    supervisor.send_signal(number)

    assert said(supervisor) == [STOPPING]
    assert supervisor.returncode == 0
    assert alive(pids) == []


@pytest.mark.parametrize("program", [DEAF, DEAF_TO_ALL], ids=["SIGINT", "SIGINT and SIGTERM"])
def test_a_child_that_ignores_signals_is_stopped_all_the_same(start: Start, pids: Path, program: str):
    supervisor = start(program, processes=1)

    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(10) == 0
    assert alive(pids) == []


def test_stopping_is_said_at_once_and_takes_less_than_ten_seconds(start: Start):
    supervisor = start(DEAF_TO_ALL, processes=1)
    assert supervisor.stdout is not None

    supervisor.send_signal(signal.SIGINT)
    began = time.monotonic()

    assert supervisor.stdout.readline() == f"{STOPPING}\n"
    assert time.monotonic() - began < 2
    from cryptodudez_assets.supervisor import PATIENCE

    assert sum(PATIENCE.values()) < 8  # the rest is for closing runs


def test_one_that_is_killed_is_started_again_and_that_is_said(start: Start, pids: Path):
    supervisor = start(POLITE, POLITE, processes=2)
    assert supervisor.stdout is not None

    psutil.Process(alive(pids)[0]).kill()

    assert "was killed by SIGKILL; starting it again in 0.1 s; see " in supervisor.stdout.readline()
    assert supervisor.stdout.readline().endswith(": started again\n")
    wait_until(lambda: len(alive(pids)) == 2)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(10) == 0
    assert alive(pids) == []


def test_one_that_ends_again_and_again_ends_all_with_a_line_and_an_exit_code(start: Start, pids: Path):
    supervisor = start(POLITE, FAILING, processes=2)
    lines = said(supervisor)

    assert supervisor.returncode == 1
    assert [line for line in lines if "in 0.1 s" in line]
    assert [line for line in lines if "in 0.2 s" in line]  # later each time
    (given_up,) = [line for line in lines if "giving up" in line]
    assert given_up.startswith("server 1: ended with exit code 3, 3 times within 10 minutes")
    assert alive(pids) == []


def test_what_servers_say_goes_into_their_logs_without_colours_and_what_is_for_all_is_said(
    start: Start, tmp_path: Path
):
    supervisor = start(TALKING, processes=1)
    assert supervisor.stdout is not None

    assert supervisor.stdout.readline() == "for all\n"
    log = tmp_path / "logs" / "0.log"
    wait_until(lambda: "for all" in log.read_text())
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(10) == 0
    assert log.read_text().splitlines()[:2] == ["red, for the log", "for all"]


def test_logs_do_not_grow_without_bound(start: Start, tmp_path: Path):
    supervisor = start(CHATTY, processes=1)
    logs = tmp_path / "logs"
    wait_until(lambda: len(list(logs.glob("0.log*"))) == 3)
    time.sleep(0.5)

    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(10) == 0
    assert sum(path.stat().st_size for path in logs.iterdir()) <= 30_000


def test_a_server_is_started_once_what_it_needs_listens_and_ready_is_called_when_all_do(tmp_path: Path):
    program = """
import sys
from pathlib import Path
from cryptodudez_assets.supervisor import Server, supervise
port, path = int(sys.argv[1]), Path(sys.argv[2])
listen = "import socket, sys, time; s = socket.socket(socket.AF_UNIX); time.sleep(0.5); s.bind(sys.argv[1]); s.listen(); time.sleep(60)"
tell = "import sys; from pathlib import Path; print('\\x1eit was there:', Path(sys.argv[1]).exists(), flush=True)"
servers = [
    Server("second", [sys.executable, "-c", tell, str(path)], path.with_name("2.log"), ("127.0.0.1", port), (path,)),
    Server("first", [sys.executable, "-c", listen, str(path)], path.with_name("1.log"), path),
]
supervise(servers, lambda line: print(line, flush=True), lambda: print("ready", flush=True))
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", program, str(server.getsockname()[1]), str(tmp_path / "s")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
            assert supervisor.stdout is not None
            lines = {supervisor.stdout.readline() for _ in range(2)}
            supervisor.send_signal(signal.SIGINT)

    assert lines == {"it was there: True\n", "ready\n"}


def test_a_grandchild_whose_parent_is_gone_is_found(start: Start, pids: Path):
    supervisor = start(RUNAWAY, processes=2)
    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(10) == 0
    assert alive(pids) == []


def test_an_impatient_second_ctrl_c_leaves_nothing_behind_either(start: Start, pids: Path):
    supervisor = start(DEAF, processes=1)

    supervisor.send_signal(signal.SIGINT)
    time.sleep(0.3)
    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(10) == 0
    assert alive(pids) == []


def test_a_command_that_cannot_be_started_stops_those_that_were(tmp_path: Path, pids: Path):
    program = (
        "import sys; from pathlib import Path; from cryptodudez_assets.supervisor import Server, supervise;"
        "log = Path(sys.argv[2]);"
        f"supervise([Server('a', [sys.executable, '-c', {POLITE!r}, sys.argv[1]], log), Server('b', ['/no/such'], log)], print)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(pids), str(tmp_path / "log")], capture_output=True, timeout=20
    )

    assert done.returncode != 0
    assert alive(pids) == []


def test_one_that_is_not_needed_is_given_up_and_the_others_go_on(tmp_path: Path, pids: Path):
    program = (
        "import sys; from pathlib import Path; from cryptodudez_assets import supervisor; from cryptodudez_assets.supervisor import Server;"
        "supervisor.FIRST_PAUSE_SECONDS, supervisor.MOST_RESTARTS = 0.05, 1; logs = Path(sys.argv[2]);"
        f"needed = Server('a', [sys.executable, '-c', {POLITE!r}, sys.argv[1]], logs / 'a');"
        f"other = Server('b', [sys.executable, '-c', {FAILING!r}, sys.argv[1]], logs / 'b', ('127.0.0.1', 1), is_needed=False);"
        "said = lambda line: print(line, flush=True);"
        "sys.exit(supervisor.supervise([other, needed], said, lambda: said('ready')))"
    )
    command = [sys.executable, "-c", program, str(pids), str(tmp_path / "logs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        lines = [supervisor.stdout.readline()]
        while "giving up" not in lines[-1]:
            assert lines[-1], lines
            lines.append(supervisor.stdout.readline())
        assert supervisor.poll() is None
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(20) == 0
    assert "ready\n" in lines, "nobody waits for it"
    assert "giving up, the others go on" in lines[-1]
    assert alive(pids) == []


def alive(folder: Path) -> list[int]:
    """Which of the processes that noted themselves in the folder still run."""
    pids = [int(path.name) for path in folder.iterdir()]
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)
