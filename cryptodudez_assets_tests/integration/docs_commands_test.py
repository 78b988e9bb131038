"""Commands of the documentation's pages, typed as they stand there: on what a demo leaves, and in an empty folder beside simulated venues.

Put in are ports, ids, tokens, and days that are near enough to be short work. Pages that other tests type are not here
(`documented.claims`).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typed

from cryptodudez_assets_tests import documented
from cryptodudez_assets_tests.builders import copy_of
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.receiver import Receiver, receiving

pytestmark = pytest.mark.long

PATIENCE_SECONDS = 600
ERASURE_KEY = "0123456789abcdef" * 4


@dataclass(frozen=True)
class Desk:
    """A folder in which commands are typed, and what is set there."""

    folder: Path
    settings: dict[str, str]

    def type(self, text: str, *, until: str = "", **put: str) -> str:
        """What a block's lines print; with `until`, the last of them goes on until it has printed that, and Ctrl-C ends it."""
        for name, value in put.items():
            assert name in text
            text = text.replace(name, value)
        log = self.folder / "said.log"
        with log.open("wb") as out:
            running = subprocess.Popen(
                ["bash", "-euc", text],
                cwd=self.folder,
                env=typed.activated() | self.settings,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            if until:
                wait_for(lambda: until in log.read_text() or running.poll() is not None)
                assert running.poll() is None, log.read_text()[-4000:]
                os.killpg(running.pid, signal.SIGINT)
            code = running.wait(PATIENCE_SECONDS)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
        said = log.read_text()
        assert code in ({0, -signal.SIGINT, 128 + signal.SIGINT} if until else {0}), said[-4000:]
        assert "Traceback" not in said, said[-4000:]
        return said

    @contextmanager
    def started(self, command: str, port: int) -> Iterator[None]:
        """A server of the platform's beside."""
        with typed.shell(self.folder, typed.activated() | self.settings) as run:
            run(f"{command} --port {port} &")
            yield


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)


def a_desk(folder: Path, **settings: str) -> Desk:
    """In a folder that looks like the project's after `make install`."""
    (folder / ".venv").symlink_to(sys.prefix)
    return Desk(folder, {"CRYPTODUDEZ_SETTLE_SECONDS": "0", **settings})


@pytest.fixture(scope="module")
def demo(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = a_desk(tmp_path_factory.mktemp("demo"))
    copy_of(demo_home, desk.folder / ".cryptodudez")
    (desk.folder / "docs").symlink_to(ROOT / "docs")
    return desk


def test_the_demo_a_second_time_and_what_it_left(demo: Desk) -> None:
    page = documented.page("docs/demo_run.md")
    assert page.commands
    with typed.shell(demo.folder, typed.activated() | demo.settings) as run:
        told = typed.typed(page.text, run)
    assert "GET /signal/eth" in told
    assert "\nlanded " not in told, "what a demo brings is there"
    assert "\n./lake/exports/accounts\n" in told


def test_accounts(demo: Desk) -> None:
    metrics, question = documented.page("docs/accounts/README.md").commands
    told = demo.type(metrics)
    assert "active_users" in told
    assert "SELECT" in told.upper()
    assert "deposits_all_statuses" in demo.type(question)


def test_order_books(demo: Desk) -> None:
    (spreads,) = documented.page("docs/order_book.md").commands
    demo.type(spreads)
    head, *rows = (demo.folder / "spreads.csv").read_text().splitlines()
    assert head == "orderbook_timestamp,book,bid,ask,spread"
    assert len(rows) > 3000


def test_notifications(demo: Desk) -> None:
    sinks, backtests = documented.page("docs/notifications.md").commands
    with receiving(Receiver()) as slack:
        told = demo.type(sinks, **{"https://hooks.slack.com/services/…": slack.url})
    assert slack.posts, told
    (demo.folder / "recordings").symlink_to(demo.folder / ".cryptodudez" / "lake" / "raw" / "bitso_order_book")
    told = demo.type(backtests)
    assert '"book": "btc_mxn"' in told


def test_the_stock_market(demo: Desk) -> None:
    (block,) = documented.page("docs/stock_market.md").commands
    (archive,) = (demo.folder / ".cryptodudez" / "samples").glob("*/stock_market/stock-market-dataset.zip")
    downloads = demo.folder / ".cryptodudez" / "downloads"
    downloads.mkdir()
    (downloads / archive.name).symlink_to(archive)
    (port,) = free_ports(1)
    with demo.started("cryptodudez serve", port):
        told = demo.type(block, **{"127.0.0.1:8000": f"127.0.0.1:{port}"})
    assert '"volume"' in told


def test_erasure(demo: Desk) -> None:
    (block,) = documented.page("docs/erasure.md").commands
    asked = "select distinct user_id from accounts.dim_user where user_id is not null order by user_id limit 2"
    one, other = demo.type(f'cryptodudez sql --format csv "{asked}"').splitlines()[-2:]
    (demo.folder / "id.txt").write_text(f"{other}\n")
    demo.type(block, **{"2dea61eed4bceec564a00115c4d21334": one})
    told = demo.type(f'cryptodudez sql --format csv "{asked}"')
    assert one not in told
    assert other not in told


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    binance, x = free_ports(2)
    desk = a_desk(
        tmp_path_factory.mktemp("venues"),
        CRYPTODUDEZ_BINANCE_URL=f"http://127.0.0.1:{binance}",
        CRYPTODUDEZ_X_URL=f"http://127.0.0.1:{x}/2",
        CRYPTODUDEZ_ERASURE_KEY=ERASURE_KEY,
    )
    with (
        desk.started("cryptodudez simulate binance", binance),
        desk.started("cryptodudez simulate x --token sesame", x),
    ):
        yield desk


def test_posts_and_candles(venues: Desk, demo_home: Path) -> None:
    (block,) = documented.page("docs/posts_and_candles.md").commands
    (tweets,) = (demo_home / "samples").glob("*/bitcoin_tweets")  # of the last 360 days, as the candles are
    told = venues.type(block, FOLDER_OR_FILES=str(tweets))
    assert "10 answers" in told
    assert told.count("bitcoin_tweets   ") > 3, "no rows of the study"


def test_candles(venues: Desk) -> None:
    (block,) = documented.page("docs/candles.md").commands
    told = venues.type(block, **{"2026-01-01": days_ago(2)})
    assert days_ago(3) in told.partition("event_ts")[2]


def test_feeds(venues: Desk) -> None:
    (block,) = documented.page("docs/feeds.md").commands
    assert "ready:" in venues.type(block, until="ready:", **{"2026-01-01": days_ago(5), "make up": up()})


def test_posts_of_x(venues: Desk) -> None:
    fetch, comply = documented.page("docs/x_posts.md").commands
    told = venues.type(
        fetch, until="ready:", **{"TOKEN=…": "TOKEN=sesame", "2026-01-01": days_ago(30), "make up": up()}
    )
    assert told.count("answer") >= 4
    assert "not all of" not in told
    told = venues.type(f"export CRYPTODUDEZ_X_TOKEN=sesame\ncryptodudez run --select x_posts\n{comply}")
    assert "asked about" in told


def test_simulated_venues(venues: Desk) -> None:
    for page, port in (
        (documented.page("docs/simulated_binance.md"), "8910"),
        (documented.page("docs/simulated_bitso.md"), "8900"),
        (documented.page("docs/simulated_x.md"), "8920"),
    ):
        (block,) = page.commands
        (free,) = free_ports(1)
        told = venues.type(block, until=f"127.0.0.1:{free}", **{port: str(free)})
        assert told.startswith("simulated ")


@pytest.mark.spark
def test_other_engines(tmp_path: Path, java: None) -> None:
    """Between the lines something lands, so that each engine has work."""
    (block,) = documented.page("docs/scaling.md").commands
    install, *runs = block.splitlines()
    desk = a_desk(tmp_path)
    for name in ("Makefile", "uv.lock", "pyproject.toml", "cryptodudez_assets", "serving"):
        (tmp_path / name).symlink_to(ROOT / name)
    desk.type(install)
    for number, line in enumerate(runs):
        candle = f"1,Testcoin,T{number}T,2021-01-01 23:59:59,2,1,1.5,1.5,100,1000\n"
        (tmp_path / "drop.csv").write_text(f"SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n{candle}")
        desk.type(f"cryptodudez land crypto_prices drop.csv\n{line}")
    counted = desk.type('cryptodudez sql --format csv "select count(*) from market.crypto_prices"')
    assert counted.splitlines()[-1] == str(len(runs))


def days_ago(number: int) -> str:
    return f"{datetime.now(UTC).date() - timedelta(days=number)}"


def up() -> str:
    """What `make up` calls, on ports of the test's."""
    ui, api = free_ports(2)
    return f"cryptodudez up --port {ui} --api-port {api}"
