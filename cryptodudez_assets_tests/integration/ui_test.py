"""What somebody sees who types `cryptodudez up` and opens a browser. One server and browser for all tests, in order."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import psutil
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import status_of
from cryptodudez_assets_tests.browsing import chromium, needs_chromium, playwright
from cryptodudez_assets_tests.builders import copy_of

pytestmark = needs_chromium

COMMAND = str(Path(sys.executable).with_name("cryptodudez"))
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
CANDLES = "".join(f"{day},Testcoin,TST,2021-01-{day:02d} 23:59:59,2,1,1.5,1.5,100,1000\n" for day in range(1, 29))
# `benchmarks/soak.py` measures how long it takes; here it only must come to that. The daemon starts behind the UI, and its first
# run waits for imports. Then the sensors come round each five seconds, and a run takes its turn: all of that several times over,
# for a machine that has other things to do.
FOLLOWS_SECONDS = 300


STOP_SECONDS = 10
LINE = re.compile(r"\d\d:\d\d:\d\d \S.*")


@dataclass
class Server:
    """A running `cryptodudez up`."""

    process: subprocess.Popen[bytes]
    url: str
    api: str
    lake: Lake


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, demo_home: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("ui") / "home"
    lake = copy_of(demo_home, home)
    environment = os.environ | {"CRYPTODUDEZ_HOME": str(home)}
    url, api = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    with (home / "up.log").open("wb") as log:
        command = [COMMAND, "up", "--port", url.rpartition(":")[2], "--api-port", api.rpartition(":")[2]]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(url), 240)
        yield Server(process, url, api, lake)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@pytest.fixture(scope="module")
def page(server: Server) -> Iterator["playwright.Page"]:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.set_default_timeout(60_000)
        yield page


def test_the_graph_shows_its_groups_and_nothing_in_front_of_them(server: Server, page: "playwright.Page"):
    page.goto(f"{server.url}/asset-groups")

    for group in ("raw", "catalog", "market", "social", "quarantine", "inventory"):
        page.get_by_text(group, exact=True).first.wait_for()
    assert page.get_by_role("dialog").count() == 0
    assert page.get_by_text("Join the Dagster community").count() == 0


def test_a_table_s_page_says_what_it_holds(server: Server, page: "playwright.Page"):
    page.goto(f"{server.url}/assets/market/crypto_prices")

    page.get_by_text("Daily candles of cryptocurrencies, one row per coin and UTC day.").wait_for()
    page.get_by_text("Price times circulating supply; null where it was not recorded.").wait_for()
    page.get_by_text("timestamp[us, UTC]").first.wait_for()
    page.get_by_text("snapshot_id").wait_for()
    page.get_by_text("market-data").first.wait_for()
    page.get_by_text(f"{status_of(server.lake, 'crypto_prices').valid:,}", exact=True).first.wait_for()


def test_it_shows_rows_without_a_click_and_of_what_its_columns_are_made(server: Server, page: "playwright.Page"):
    page.goto(f"{server.url}/assets/market/crypto_prices")

    page.get_by_role("columnheader", name="market_cap", exact=True).wait_for()  # of the preview
    origin = page.locator("tr", has_text="Price times circulating supply")
    assert origin.get_by_text("From raw/crypto_prices: Marketcap.").count() == 1
    origin.get_by_role("link", name="raw/crypto_prices").click()
    page.wait_for_url("**/assets/raw/crypto_prices*")


@pytest.mark.parametrize(
    ("asset", "name", "says"),
    [
        ("studies/dogecoin", "dogecoin.html", "Dogecoin"),
        ("ml/eth_signal_report", "eth_signal.html", "Ether"),
        ("ml/eth_signal_drift", "eth_signal_drift_of_days.html", "Drift of the"),
    ],
    ids=["study", "signal", "drift"],
)
def test_reports_are_a_click_away_from_their_assets(
    server: Server, page: "playwright.Page", asset: str, name: str, says: str
):
    page.goto(f"{server.url}/assets/{asset}")
    link = page.get_by_role("link", name=f"{server.api}/reports/{name}").first

    with page.context.expect_page() as opened:
        link.click()

    report = opened.value
    report.get_by_role("heading", level=1).filter(has_text=says).wait_for()
    report.close()


def test_its_checks_are_there_and_have_passed(server: Server, page: "playwright.Page"):
    page.goto(f"{server.url}/assets/market/crypto_prices?view=checks")

    for name in ("contract", "conservation"):
        page.get_by_text(name, exact=True).first.wait_for()
    page.get_by_text("Succeeded").nth(1).wait_for()
    assert page.get_by_text("Failed", exact=True).count() == 0


def test_sensors_are_on(server: Server, page: "playwright.Page"):
    page.goto(f"{server.url}/automation")

    for name in ("crypto_prices_files", "elon_tweets_files", "stock_prices_files", "automation"):
        page.get_by_text(name, exact=True).first.wait_for()
    switched_on = page.get_by_role("checkbox", checked=True)
    switched_on.nth(3).wait_for(state="attached")  # drawn by what lies over it


def test_a_dropped_file_with_garbage_gets_into_table_and_quarantine(server: Server, page: "playwright.Page"):
    before = status_of(server.lake, "crypto_prices")
    raw = Path(server.lake.settings.lake) / "raw" / "crypto_prices"

    (raw / "dropped.csv").write_text(HEADER + CANDLES + "banana,,,garbage\n")

    def counts() -> tuple[int, int]:
        now = status_of(server.lake, "crypto_prices")
        return now.valid - before.valid, now.quarantined - before.quarantined

    wait_until(lambda: counts() == (28, 1), FOLLOWS_SECONDS)
    page.goto(f"{server.url}/assets/market/crypto_prices")
    page.get_by_text(f"{before.valid + 28:,}", exact=True).first.wait_for()  # the page knows it, too


def test_the_run_that_its_sensor_asked_for_shows_a_target(server: Server):
    asked = """{runsOrError(filter: {tags: [{key: "cryptodudez/source", value: "crypto_prices"}]}) {
        ... on Runs {results {assetSelection {path}}}}}"""
    body = json.dumps({"query": asked}).encode()
    request = urllib.request.Request(f"{server.url}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        runs = json.load(answer)["data"]["runsOrError"]["results"]

    assert runs
    assert all({"path": ["market", "crypto_prices"]} in (run["assetSelection"] or []) for run in runs)


def test_what_stands_on_the_tables_follows_by_itself(server: Server):
    wanted = status_of(server.lake, "crypto_prices").valid

    def listed() -> int:
        rows = server.lake.tables.scan("catalog.tables")
        assert rows is not None
        return dict(rows.select("name", "rows").collect().iter_rows())["market.crypto_prices"]

    def featured() -> int:
        rows = server.lake.tables.scan("features.crypto_daily")
        assert rows is not None
        return rows.filter(symbol="TST").select(pl.len()).collect().item()

    wait_until(lambda: listed() == wanted, FOLLOWS_SECONDS)
    wait_until(lambda: featured() == 28, FOLLOWS_SECONDS)


def test_beside_it_order_books_are_recorded(server: Server):
    written = server.lake.settings.home / "recorder" / "simulated"
    wait_until(lambda: any(path.stat().st_size for path in written.glob("*.wal")), FOLLOWS_SECONDS)


def test_dashboard_and_api_answer_beside_it(server: Server):
    with urllib.request.urlopen(f"{server.api}/data") as page:
        assert "crypto prices" in page.read().decode()
    with urllib.request.urlopen(
        f"{server.api}/tables/system/sensors.csv"
    ) as sensors:  # asked of the UI, wherever it listens
        assert "crypto_prices_files,RUNNING" in sensors.read().decode()
    with urllib.request.urlopen(f"{server.api}/health/live") as health:
        assert health.status == 200


def test_a_daemon_that_is_killed_is_started_again_and_goes_on(server: Server):
    before = status_of(server.lake, "crypto_prices")
    daemon = running(server, "dagster._daemon")

    daemon.kill()

    wait_until(lambda: "daemon: started again" in said(server), 30)
    assert "daemon: was killed by SIGKILL; starting it again in 1 s; see " in said(server)
    assert running(server, "dagster._daemon").pid != daemon.pid
    raw = Path(server.lake.settings.lake) / "raw" / "crypto_prices"
    (raw / "later.csv").write_text(HEADER + CANDLES.replace("2021-01", "2021-02"))
    wait_until(lambda: status_of(server.lake, "crypto_prices").valid == before.valid + 28, FOLLOWS_SECONDS)


def test_ctrl_c_stops_everything(server: Server):
    raw = Path(server.lake.settings.lake) / "raw" / "crypto_prices"
    (raw / "last.csv").write_text(HEADER + CANDLES.replace("2021-01", "2021-03"))
    time.sleep(6)  # in the midst of it
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert len(children) >= 5  # web server, daemon, code server with its own, API

    server.process.send_signal(signal.SIGINT)
    began = time.monotonic()

    wait_until(lambda: "stopping all" in said(server), 5)
    assert server.process.wait(60) == 0
    took = time.monotonic() - began
    left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert left == []
    assert not answers(server.url)
    history = server.lake.settings.home / "dagster" / "history" / "runs.db"
    with sqlite3.connect(history) as database:
        statuses = {status for (status,) in database.execute("select distinct status from runs")}
    assert statuses <= {"SUCCESS", "FAILURE", "CANCELED"}
    assert took < STOP_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_it_said_a_line_for_each_thing_that_happened_and_no_more(server: Server):
    lines = said(server).splitlines()

    assert all(LINE.fullmatch(line) for line in lines), lines
    assert "market.crypto_prices: 29 rows read from 1 file" in said(server)
    assert "quarantine.rows.crypto_prices: 1 row set aside" in said(server)
    assert [line for line in lines if "made anew: " in line]
    assert len(lines) < 40
    logs = server.lake.settings.logs
    assert {path.name for path in logs.iterdir()} >= {"daemon.log", "code_server.log", "dagster_ui.log", "api.log"}
    told = "".join(path.read_text() for path in logs.iterdir())
    for noise in ("\x1b[", " - DEBUG - ", "Defaulting to PyArrow FileIO", "dagster.yaml"):
        assert noise not in told


def said(server: Server) -> str:
    return (server.lake.settings.home / "up.log").read_text()


def running(server: Server, module: str) -> psutil.Process:
    children = psutil.Process(server.process.pid).children()
    return next(child for child in children if module in child.cmdline())


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not after {seconds} s"
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
