"""From a file dropped into the raw zone to rows in table and quarantine, and to online features, with `cryptodudez up`; and from the
candle of the day that ended to the signal that is served.

Goals: under 20 s to the table, under 60 s to online features and to the signal. Also shows that the same bytes under another name add
nothing, and that Ctrl-C leaves no process behind.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import SourceStatus, status_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
GOAL_SECONDS = 20
ONLINE_GOAL_SECONDS = 60
SERVERS_SECONDS, STOPPING_SECONDS, CANDLE_SECONDS = 300, 120, 600
"""After how long it is given up that servers answer, that they stop, and that a candle is served."""
WAY = (
    *("market.binance_kline_observations", "market.candle_revisions", "market.candle_days"),
    *("features.crypto_daily", "features.market_factors_daily", "features.eth_predictors_daily"),
)
"""The tables from a candle to the signal."""
CRYPTODUDEZ = str(Path(sys.executable).with_name("cryptodudez"))


def candles(day: int, rows: int = 50) -> str:
    """Some good candles of a made-up coin, and one line of garbage."""
    lines = [
        f"{i},Testcoin,TST,2021-{day:02d}-{1 + i % 28:02d} 23:59:59,2,1,1.5,1.5,{100 + i},{1000 + i}\n"
        for i in range(28)
    ]
    return HEADER + "".join(lines[:rows]) + "banana,,,garbage\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--landings", type=int, default=5)
    parser.add_argument("--only", choices=["files", "candle"])
    arguments = parser.parse_args()
    fine = [arguments.only == "candle" or files(arguments.landings), arguments.only == "files" or candle()]
    sys.exit(0 if all(fine) else 1)


def files(landings: int) -> bool:
    """Files of the archive, dropped into an empty home; whether the goals are met."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        lake = Lake.open(settings, all_sources())
        raw = Path(settings.lake) / "raw" / "crypto_prices"
        raw.mkdir(parents=True)
        port = free_port()
        environment = os.environ | {"CRYPTODUDEZ_HOME": home}
        began = time.monotonic()
        command = [CRYPTODUDEZ, "up", "--port", str(port)]
        server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: answers(port), 120)
            print(f"UI answers after          {time.monotonic() - began:6.1f} s")
            wait_for(lambda: sensors_tick(settings), 120)
            print(f"sensors tick after        {time.monotonic() - began:6.1f} s")
            seconds = [one_landing(lake, raw, number) for number in range(1, landings + 1)]
            print(
                f"file to table, each       {' '.join(f'{second:.1f}' for second in seconds)} s (goal: under {GOAL_SECONDS})"
            )
            online = online_landing(lake, raw, landings + 1)
            print(f"file to online features   {online:6.1f} s (goal: under {ONLINE_GOAL_SECONDS})")
            before = status_of(lake, "crypto_prices")
            (raw / "again.csv").write_text(candles(1))
            wait_for(lambda: status_of(lake, "crypto_prices").repeated == 1, 120)
            after = status_of(lake, "crypto_prices")
            assert (before.read, before.valid, before.quarantined) == (after.read, after.valid, after.quarantined)
            print("the same bytes again      add nothing")
        finally:
            children = psutil.Process(server.pid).children(recursive=True)
            server.send_signal(signal.SIGINT)
            began = time.monotonic()
            server.wait(60)
            left = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
            print(
                f"stopped after Ctrl-C in   {time.monotonic() - began:6.1f} s, {len(left)} processes left of {len(children) + 1}"
            )
        worst = max(seconds)
        print(f"worst / goal              {worst / GOAL_SECONDS:6.2f}")
        return worst <= GOAL_SECONDS and online <= ONLINE_GOAL_SECONDS and not left


def candle() -> bool:
    """The candle of the day that ended, in a home whose archive ends some days before; whether the goal is met."""
    last = datetime.now(UTC) - timedelta(days=4)
    with tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        told(home, {}, "demo", "--size", "tiny", "--last-day", f"{last:%Y-%m-%d}")
        print(f"sample home made in       {time.monotonic() - began:6.1f} s", flush=True)
        seconds = candle_lands(home)
    print(f"candle to /signal/eth     {seconds:6.1f} s (goal: under {ONLINE_GOAL_SECONDS})")
    return seconds <= ONLINE_GOAL_SECONDS


def candle_lands(home: str) -> float:
    """Seconds from the candle's landing to the signal that stands on it, in that home of samples; prints where they went."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    venue, port, api_port = free_port(), free_port(), free_port()
    environment = {"CRYPTODUDEZ_BINANCE_URL": f"http://127.0.0.1:{venue}"}
    with ExitStack() as servers, (Path(home) / "servers.log").open("wb") as log:

        def begun(*words: str) -> None:
            server = subprocess.Popen(
                [CRYPTODUDEZ, *words], env=surroundings(home, environment), stdout=log, stderr=subprocess.STDOUT
            )
            servers.callback(server.wait, STOPPING_SECONDS)
            servers.callback(server.send_signal, signal.SIGINT)

        begun("simulate", "binance", "--port", str(venue), "--like", str(next((Path(home) / "samples").glob("tiny-*"))))
        wait_for(lambda: listens(venue), SERVERS_SECONDS)
        began = time.monotonic()
        begun("up", "--port", str(port), "--api-port", str(api_port))
        wait_for(lambda: signal_of(api_port) is not None, SERVERS_SECONDS)
        print(f"up answers after          {time.monotonic() - began:6.1f} s", flush=True)
        told(home, environment, "fetch", "binance", "--to", f"{today - timedelta(days=2):%Y-%m-%d}")
        wait_for(lambda: reaches(api_port, today - timedelta(days=1)), CANDLE_SECONDS)
        print(f"days before it served     {time.monotonic() - began:6.1f} s after up", flush=True)
        told(home, environment, "fetch", "binance", "--from", f"{today - timedelta(days=1):%Y-%m-%d}")
        landed, began = datetime.now(UTC), time.monotonic()
        try:
            wait_for(lambda: reaches(api_port, today), CANDLE_SECONDS)
        finally:
            seconds = time.monotonic() - began
            print_ways(home, landed, psutil.getloadavg()[0])
    return seconds


def surroundings(home: str, more: dict[str, str]) -> dict[str, str]:
    """The environment of a command in that home."""
    return os.environ | {"CRYPTODUDEZ_HOME": home} | more


def told(home: str, environment: dict[str, str], *words: str) -> None:
    """Run a command to its end; what it says where it fails."""
    done = subprocess.run(
        [CRYPTODUDEZ, *words], env=surroundings(home, environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"cryptodudez {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")


def print_ways(home: str, landed: datetime, load: float) -> None:
    """When each table on the way to the signal first changed after the landing."""
    lake = Lake.open(Settings(home=Path(home)), all_sources())
    print(f"load of this machine      {load:6.1f} on {psutil.cpu_count()} cores")
    for name in WAY:
        table = lake.tables.table(name)
        after = [] if table is None else [one.timestamp_ms / 1000 - landed.timestamp() for one in table.snapshots()]
        when = min((one for one in after if one > 0), default=None)
        print(f"  {name:<36} " + ("never" if when is None else f"{when:6.1f} s"))


def signal_of(port: int) -> dict[str, object] | None:
    """What is served now; None where nothing is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/signal/eth", timeout=5) as answer:
            served: dict[str, object] = json.loads(answer.read())
            return served
    except OSError:
        return None


def reaches(port: int, known: datetime) -> bool:
    """Whether the signal stands on nothing older than what was known then, and says that it stands on a candle."""
    served = signal_of(port)
    if served is None or not served["notes"]:
        return False
    age = timedelta(seconds=int(str(served["age_seconds"])))
    return datetime.now(UTC) - age >= known - timedelta(seconds=5)


def listens(port: int) -> bool:
    """Whether somebody does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def one_landing(lake: Lake, raw: Path, number: int) -> float:
    """Seconds from the drop until table and quarantine have the file's rows."""
    before = status_of(lake, "crypto_prices")
    (raw / f"drop-{number}.csv").write_text(candles(number))
    began = time.monotonic()

    def there() -> bool:
        now: SourceStatus = status_of(lake, "crypto_prices")
        return now.valid == before.valid + 28 and now.quarantined == before.quarantined + 1

    wait_for(there, 120)
    return time.monotonic() - began


def online_landing(lake: Lake, raw: Path, month: int) -> float:
    """Seconds from the drop until the newest candle's features can be read online."""
    store, view = open_online_store(lake.settings.online), all_views()["crypto_daily"]
    (raw / "online.csv").write_text(candles(month))
    began, newest = time.monotonic(), datetime(2021, month, 28, tzinfo=UTC)

    def there() -> bool:
        (row,) = store.read(view, [{"symbol": "TST"}], ["close"], newest + timedelta(days=1))
        return bool(row["event_ts"] == newest)

    wait_for(there, 120)
    return time.monotonic() - began


def wait_for(condition, seconds: float) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still not after {seconds} s")
        time.sleep(0.2)


def sensors_tick(settings: Settings) -> bool:
    """Whether the daemon has written its first tick."""
    ticks = settings.home / "dagster" / "schedules" / "schedules.db"
    if not ticks.exists():
        return False
    import sqlite3

    try:
        with sqlite3.connect(f"file:{ticks}?mode=ro", uri=True) as database:
            return bool(database.execute("select count(*) from job_ticks where status = 'SKIPPED'").fetchone()[0])
    except sqlite3.OperationalError:
        return False


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
