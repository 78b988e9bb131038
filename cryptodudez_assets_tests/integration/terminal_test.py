"""What is said never fails what is done: commands in terminals of any encoding, with readers that leave, on full disks."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cryptodudez_assets.cli.group import INTERRUPTED, SIGNALLED

pytestmark = pytest.mark.long

HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
CANDLE = "1,Münze,TST,2021-01-01 23:59:59,2,1,1.5,1.5,100,1000\n"
COMMAND = [sys.executable, "-m", "cryptodudez_assets"]
TERMINALS = {
    "ascii": {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    "ascii, also for names of files": {"LC_ALL": "C", "PYTHONUTF8": "0"},
    "latin-1": {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"},
}


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return {**kept, "CRYPTODUDEZ_HOME": str(home), "CRYPTODUDEZ_SETTLE_SECONDS": "0", **more}


def run(home: Path, terminal: dict[str, str], *arguments: str | Path | bytes) -> subprocess.CompletedProcess[bytes]:
    words = [*COMMAND, *map(os.fsencode, arguments)]
    done = subprocess.run(words, env=environment(home, **terminal), capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    assert b"Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("terminal", TERMINALS.values(), ids=list(TERMINALS))
def test_commands_do_the_same_in_every_terminal(tmp_path: Path, terminal: dict[str, str]) -> None:
    home = tmp_path / "Hütte"
    named, unnamed = tmp_path / "Münze €.csv", os.fsencode(tmp_path) + b"/odd\xff.csv"
    named.write_text(HEADER + CANDLE + "bänana\n", encoding="utf-8")
    Path(os.fsdecode(unnamed)).write_text(HEADER + CANDLE.replace("TST", "ODD"), encoding="utf-8")

    told = run(home, terminal, "land", "crypto_prices", named, unnamed).stdout

    assert told.count(b"landed: ") == 2
    told.decode(terminal.get("PYTHONIOENCODING", "ascii"))  # nothing else reaches the terminal
    run(home, terminal, "run")
    assert b"odd" in run(home, terminal, "status", "--files").stdout
    assert b"crypto_prices" in run(home, terminal, "quarantine", "list").stdout
    (row,) = json.loads(run(home, terminal, "quarantine", "list", "--format", "json").stdout.decode("ascii"))
    assert b"meaning" in run(home, terminal, "quarantine", "show", row["id"]).stdout
    assert "Münze" in row["uri"]
    rows = run(home, terminal, "sql", "select name, count(*) n from market.crypto_prices group by 1", "--format", "csv")
    assert rows.stdout.decode("utf-8").splitlines() == ["name,n", "Münze,2"]
    run(home, terminal, "sql", "from market.crypto_prices")


def test_a_reader_that_leaves_stops_nothing(tmp_path: Path) -> None:
    home, archive = tmp_path / "home", tmp_path / "a.csv"
    archive.write_text(HEADER + CANDLE, encoding="utf-8")
    run(home, {}, "land", "crypto_prices", archive)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        words = [*COMMAND, "run"]
        done = subprocess.run(
            words, env=environment(home), stdout=nobody, stderr=subprocess.PIPE, timeout=300, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")
    found = run(home, {}, "sql", "select count(*) n from market.crypto_prices", "--format", "json")
    assert json.loads(found.stdout) == [{"n": 1}]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full, which is a disk that is always full")
def test_output_that_cannot_be_written_is_told_after_the_work_is_done(tmp_path: Path) -> None:
    home, archive = tmp_path / "home", tmp_path / "a.csv"
    archive.write_text(HEADER + CANDLE, encoding="utf-8")
    with Path("/dev/full").open("wb") as full:
        words = [*COMMAND, "land", "crypto_prices", str(archive)]
        done = subprocess.run(
            words, env=environment(home), stdout=full, stderr=subprocess.PIPE, timeout=300, check=False
        )
    assert done.returncode == 1
    assert done.stderr.decode().strip() == "Error: the output could not be written: No space left on device"
    assert [path.name for path in (home / "lake" / "raw").rglob("*.csv")] == ["a.csv"]


@pytest.mark.parametrize("seconds", [0, 1.5], ids=["before a step", "in a step"])
def test_who_interrupts_is_told_that_the_same_command_goes_on_and_it_does(tmp_path: Path, seconds: float) -> None:
    home, archive, rows = tmp_path / "home", tmp_path / "a.csv", 200_000
    coins = (CANDLE.replace("TST", f"T{number}") for number in range(rows))
    archive.write_text(HEADER + "".join(coins), encoding="utf-8")
    run(home, {}, "land", "crypto_prices", archive)
    words = [*COMMAND, "run", "--select", "crypto_prices"]
    with subprocess.Popen(words, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert b"new files for crypto_prices" in running.stdout.readline()
        time.sleep(seconds)
        running.send_signal(signal.SIGINT)
        said, told = running.communicate(timeout=120)
    assert (running.returncode, told.decode().strip()) == (SIGNALLED, INTERRUPTED)
    assert b"Traceback" not in said
    assert b"failed" not in said
    run(home, {}, "run", "--select", "crypto_prices")
    found = run(home, {}, "sql", "select count(*) n from market.crypto_prices", "--format", "json")
    assert json.loads(found.stdout) == [{"n": rows}]
