"""What a newcomer meets: the demo on a machine without network and with an empty user home, on the day after, and what then answers.

The day before yesterday is the samples' last day, as it is in a home that was first filled yesterday.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from litestar.testing import TestClient

from cryptodudez_assets.settings import Settings
from serving.app import create_app

pytestmark = pytest.mark.long

COMMAND = str(Path(sys.executable).with_name("cryptodudez"))
LAST_DAY = datetime.now(UTC).date() - timedelta(days=2)
UNSHARED = ["unshare", "--map-root-user", "--net"]

# Python's own connections, also where there is a network.
GUARD = """
import os, sys

def _see(event, told):
    if event == "socket.getaddrinfo" and told[0] not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"):
        _note(event, told[0])
    if event in ("socket.connect", "socket.sendto") and isinstance(told[1], tuple) and told[1][0] not in ("127.0.0.1", "::1"):
        _note(event, told[1])

def _note(*told):
    with open(os.environ["SEEN_CONNECTIONS"], "a") as file:
        print(*told, file=file)

sys.addaudithook(_see)
"""
# In a network of its own, whose only way leads to itself, the kernel counts what finds no way out, whoever sent it.
COUNTED = """
import fcntl, json, pathlib, socket, struct, subprocess, sys

with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # loopback is up
code = subprocess.run(sys.argv[2:]).returncode
names, values = (line.split() for line in pathlib.Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:"))
six = [line.split() for line in pathlib.Path("/proc/net/snmp6").read_text().splitlines() if "OutNoRoutes" in line]
counts = {"4": int(values[names.index("OutNoRoutes")]), **{name: int(value) for name, value in six}}
pathlib.Path(sys.argv[1]).write_text(json.dumps(counts))
sys.exit(code)
"""


@dataclass
class Machine:
    """Where commands are run: every folder that they could leave something in, apart from the platform's home, is in `around`."""

    home: Path
    around: Path
    said: str = ""

    def run(self, *arguments: str) -> str:
        """A command; what it printed."""
        folders = {name: self.around / name for name in ("user", "temporary", "here", "python")}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        (folders["python"] / "sitecustomize.py").write_text(GUARD)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folders["user"]),
            "TMPDIR": str(folders["temporary"]),
            "PYTHONPATH": str(folders["python"]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SEEN_CONNECTIONS": str(self.around / "connections"),
            "CRYPTODUDEZ_HOME": str(self.home),
            "CRYPTODUDEZ_SETTLE_SECONDS": "0",
        }
        alone = [*UNSHARED, sys.executable, "-c", COUNTED, str(self.around / "counts.json")] if can_unshare() else []
        done = subprocess.run(
            [*alone, COMMAND, *arguments], env=environment, cwd=folders["here"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def left(self) -> list[str]:
        """Files and folders outside of the platform's home that no test has put there."""
        ours = {"user", "temporary", "here", "python", "python/sitecustomize.py", "counts.json"}
        found = (str(path.relative_to(self.around)) for path in self.around.rglob("*"))
        return sorted(path for path in found if path not in ours)

    def sent_out(self) -> int:
        """What the kernel counted of the last command."""
        return sum(json.loads((self.around / "counts.json").read_text()).values())


def can_unshare() -> bool:
    try:
        return subprocess.run([*UNSHARED, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """With the tiny demo in its home."""
    folder = tmp_path_factory.mktemp("machine")
    found = Machine(folder / "home", folder / "around")
    found.said = found.run("demo", "--size", "tiny", "--last-day", str(LAST_DAY))
    return found


@pytest.fixture(scope="module")
def client(machine: Machine) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(home=machine.home))) as client:
        yield client


def test_nothing_is_left_outside_of_its_home(machine: Machine) -> None:
    assert machine.left() == []


def test_nothing_is_sent_to_other_machines(machine: Machine) -> None:
    assert not (machine.around / "connections").exists()
    if not can_unshare():
        pytest.skip("only Python's own connections were looked at: this system does not let `unshare` make a network")
    assert machine.sent_out() == 0


def test_what_is_sent_to_other_machines_would_be_seen(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "home", tmp_path / "around")
    machine.run("simulate", str(tmp_path / "samples"), "--size", "tiny")  # makes the folders, and is silent
    assert not (machine.around / "connections").exists()
    speaks = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect_ex(('192.0.2.1', 9))"
    environment = {
        "PYTHONPATH": str(machine.around / "python"),
        "SEEN_CONNECTIONS": str(machine.around / "connections"),
    }
    alone = [*UNSHARED, sys.executable, "-c", COUNTED, str(machine.around / "counts.json")] if can_unshare() else []
    subprocess.run([*alone, sys.executable, "-c", speaks], env=os.environ | environment, check=True)
    assert "192.0.2.1" in (machine.around / "connections").read_text()
    assert not can_unshare() or machine.sent_out() == 1


def test_the_summary_names_what_there_is(machine: Machine) -> None:
    assert f"All of it is simulated, up to {LAST_DAY}." in machine.said
    assert "no signal yet" not in machine.said
    assert "decision" in machine.said
    for name in ("eth_signal.html", "dogecoin.html"):
        assert str(machine.home / "lake" / "reports" / name) in machine.said
        assert (machine.home / "reports" / name).is_file()
    assert "is not there" not in machine.said
    assert "[bold]" not in machine.said
    assert "fresh:" not in machine.said, "data of the day before yesterday are not old"


def test_the_day_after_nothing_is_new(machine: Machine) -> None:
    said = machine.run("demo", "--size", "tiny")
    assert "nothing new in the raw zone: every table is up to date" in said
    assert "landed" not in said
    assert (
        f"up to {LAST_DAY}. That is 2 days ago, as long as this home keeps them: for others begin with another" in said
    )
    assert machine.left() == []


def test_everything_is_ready_and_nothing_stale(client: TestClient) -> None:
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["models"].keys() == {"eth_signal", "volume_forecast", "volume_model"}
    signal = client.get("/signal/eth").json()
    assert not signal["stale"]
    assert signal["as_of"] >= str(LAST_DAY)
    page = client.get("/").text
    assert "Stale." not in page
    assert f"up to {LAST_DAY.day} {LAST_DAY:%B %Y}" in page
    assert "old: land newer files" not in page
    assert "No decision yet" not in page


@pytest.mark.parametrize(
    ("view", "key"),
    [
        ("crypto_daily", {"symbol": "ETH"}),
        ("stock_daily", {"symbol": "AAPL"}),
        ("market_factors_daily", {}),
        ("eth_predictors_daily", {}),
        ("tweet_daily", {"author": "elonmusk"}),
    ],
)
def test_features_online_are_values(client: TestClient, view: str, key: dict[str, str]) -> None:
    answer = client.get(f"/features/{view}", params=key).json()
    assert answer["found"]
    assert any(value is not None for value in answer["features"].values())
    assert date.fromisoformat(answer["event_ts"][:10]) >= LAST_DAY - timedelta(days=5)
