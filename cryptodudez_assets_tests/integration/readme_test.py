"""The README's commands do what it says, in its order: in a copy of the project with a home of its own.

They are run as they stand there, but for the ports, which tests share with others, and the demo's size.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cryptodudez_assets_tests import documented
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.integration.conftest import free_ports

pytestmark = pytest.mark.long

PATIENCE_SECONDS = 600
README = documented.page("README.md")
GAS_PRICES, MARKET_DAYS, MODEL = (block.text for block in README.blocks if block.kind == "python")
(MARKET_DAYS_SQL,) = (block.text for block in README.blocks if block.kind == "sql")
START, DROP, SAMPLE, TRAINING, ASK, ACCOUNTS = README.commands


@dataclass(frozen=True)
class Clone:
    """A copy of the project in which commands are typed."""

    folder: Path
    ports: tuple[int, int]

    @property
    def raw(self) -> Path:
        """The raw zone of its home."""
        return self.folder / ".cryptodudez" / "lake" / "raw"

    def typed(self, text: str) -> str:
        """What a block's lines print."""
        done = self.start(text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        told = done.communicate(timeout=PATIENCE_SECONDS * 5)[0].decode()
        assert done.returncode == 0, f"{text}\n{told[-4000:]}"
        assert "Traceback" not in told, told[-4000:]
        return told

    def start(self, text: str, **streams: object) -> subprocess.Popen[bytes]:
        """Type a block's lines."""
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{self.ports[1]}")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTODUDEZ_")}
        environment |= {"PYTHONPATH": str(self.folder), "COLUMNS": "200"}
        return subprocess.Popen(
            ["bash", "-ec", text], cwd=self.folder, env=environment, start_new_session=True, **streams
        )  # type: ignore[call-overload, no-any-return]

    @contextmanager
    def up(self, line: str) -> Iterator[Path]:
        """`make up`, from ready until Ctrl-C; gives what it writes."""
        log = self.folder / "up.log"
        with log.open("wb") as out:
            running = self.start(f"exec {line}", stdout=out, stderr=out)
        try:
            eventually(lambda: log.read_text() if "ready:" in log.read_text() or running.poll() is not None else "")
            assert running.poll() is None, log.read_text()[-4000:]
            yield log
        finally:
            os.killpg(running.pid, signal.SIGINT)
            running.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    folder, ports = tmp_path_factory.mktemp("clone"), free_ports(2)
    for name in ("cryptodudez_assets", "serving", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, folder)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    make = (ROOT / "Makefile").read_text()
    assert make.count("/cryptodudez demo ") == make.count("/cryptodudez up\n") == 1
    make = make.replace("/cryptodudez demo ", "/cryptodudez demo --size tiny ")
    make = make.replace("/cryptodudez up\n", f"/cryptodudez up --port {ports[0]} --api-port {ports[1]}\n")
    make = make.replace(
        ".venv/installed: uv.lock pyproject.toml", ".venv/installed:"
    )  # it is installed where tests run
    (folder / "Makefile").write_text(make)
    return Clone(folder, (ports[0], ports[1]))


def eventually(find: Callable[[], str]) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := find()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.5)
    return found


def test_its_commands_do_what_it_says(clone: Clone) -> None:
    demo, up = (line.split("#")[0].strip() for line in START.splitlines())
    assert "crypto_prices" in clone.typed(demo)
    assert all((clone.raw / name).is_dir() for name in ("crypto_prices", "elon_tweets", "stock_market", "stock_prices"))

    with clone.up(up) as log:
        dropped, looked_at = DROP.split("\n\n")
        clone.typed(dropped)
        # Each look by commands costs many seconds of CPU, which what is looked for needs too.
        eventually(lambda: log.read_text().partition("quarantine.rows.crypto_prices: ")[1])
        looks = f". .venv/bin/activate\n{looked_at}"
        told = eventually(lambda: found if "drop.csv" in (found := clone.typed(looks)) else "")
        assert "TST" in told
        assert told.count("drop.csv") == 2

        signal_, features, explain = (line.split(" #")[0].strip() for line in ASK.splitlines())
        assert '"symbol":"ETH"' in clone.typed(features.replace("curl", "curl -s")).replace(" ", "")
        answer = clone.typed(signal_.replace("curl", "curl -s"))
        if receipt := re.search(r'"receipt_id":\s*"([^"]+)"', answer):
            assert "the same to the last bit" in clone.typed(explain.replace("RECEIPT_ID", receipt[1]))
        else:
            assert "no version was promoted" in answer or "cryptodudez" in answer

    assert "likes are known on" in clone.typed(TRAINING)
    told = clone.typed(ACCOUNTS)
    assert "volume_all_statuses" in told
    assert "deposits_all_statuses" in told


def test_its_source_is_one_file_and_its_folder_is_there(clone: Clone) -> None:
    (clone.folder / "cryptodudez_assets" / "sources" / "gas_prices.py").write_text(GAS_PRICES)
    clone.typed(".venv/bin/cryptodudez status")
    assert (clone.raw / "gas_prices").is_dir()
    (clone.raw / "gas_prices" / "gas.csv").write_text("hour,gwei\n2021-01-01T00:00:00Z,50\n2021-01-01T01:00:00Z,-1\n")
    clone.typed(".venv/bin/cryptodudez run --select gas_prices")
    assert (
        clone.typed('.venv/bin/cryptodudez sql "select gas_price from market.gas_prices" --format csv').splitlines()[-1]
        == "50.0"
    )


def test_its_sample_becomes_a_table(clone: Clone) -> None:
    told = clone.typed(SAMPLE)
    assert "time, in milliseconds since 1970" in told
    row = next(line for line in told.splitlines() if "a1" in line and "ETH/USD" in line)
    assert all(one in row for one in ("2024-01-01", "2281.47", "buy"))


def test_its_derived_table_is_a_declaration_and_its_sql(clone: Clone) -> None:
    folder = clone.folder / "cryptodudez_assets" / "derived"
    (folder / "market_days.py").write_text(MARKET_DAYS)
    (folder / "market_days.sql").write_text(MARKET_DAYS_SQL)
    candle = "1,T,T1ST,1999-01-02 23:59:59,2,1,1.5,1.5,100,1000\n"
    (clone.folder / "old.csv").write_text(f"SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n{candle}")
    clone.typed(".venv/bin/cryptodudez land crypto_prices old.csv")
    clone.typed(".venv/bin/cryptodudez run --select crypto_prices")
    asked = '.venv/bin/cryptodudez sql "select * from analysis.market_days order by day limit 1" --format csv'
    assert clone.typed(asked).splitlines()[-1] == "1999-01-02,1,100.0"
    exported = clone.raw.parents[1] / "exports" / "market_days" / "market_days.csv"
    assert exported.read_text().splitlines()[1] == '"1999-01-02",1,100.0'


def test_its_model_is_one_file(clone: Clone) -> None:
    (clone.folder / "cryptodudez_assets" / "declared_models" / "doge_signal.py").write_text(MODEL)
    clone.typed(".venv/bin/cryptodudez run")
    (clone.folder / "cryptodudez_assets" / "declared_models" / "doge_signal.py").unlink()
    assert (clone.folder / ".cryptodudez" / "reports" / "doge_signal.html").is_file()
    counted = clone.typed('.venv/bin/cryptodudez sql "select count(*) as n from ml.doge_training_set" --format csv')
    assert int(counted.splitlines()[-1]) > 860
