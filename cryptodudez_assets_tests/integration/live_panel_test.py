"""The live panel's data: heard from recorders that come and go, else from the table; and how a server with listeners stops."""

import io
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pandera.polars as pa
import polars as pl
import pytest

from cryptodudez_assets.contracts.base import Contract, UtcTime, polars_schema
from cryptodudez_assets.lake import sql
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets.recorder.telling import told
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.live_hours import a_stream, recording, seconds_of
from cryptodudez_assets_tests.servers import serve
from cryptodudez_assets_tests.serving_builders import champion, served
from serving.app import create_app
from serving.live import hub
from serving.live.table import BEHIND, TABLE

BOOKS = ("btc_mxn", "usd_mxn")
BEFORE_THE_SERVER_GIVES_UP_ON_REQUESTS = 10.0


class Spreads(Contract):
    """What the panel reads of the table."""

    book: str = pa.Field(description="Market.")
    event_ts: UtcTime = pa.Field(description="Second.")
    bid: float = pa.Field(description="Best price bid.", nullable=True)
    ask: float = pa.Field(description="Best price asked.", nullable=True)
    spread: float = pa.Field(description="Percent.", nullable=True)
    staleness_ms: pl.Int64 = pa.Field(description="Milliseconds.", nullable=True)
    source: str = pa.Field(description="Where it is from.", nullable=True)
    is_gap: bool = pa.Field(description="Whether nobody looked.")


SPEC = TableSpec(TABLE, Spreads, (), ("book", "event_ts"))


def write(settings: Settings, records: list[Record]) -> None:
    """Put records into the table."""
    rows = [
        {
            "book": one.book,
            "event_ts": datetime.fromtimestamp(one.second, UTC),
            **{name: getattr(told(one), name) for name in ("bid", "ask", "spread", "staleness_ms", "is_gap")},
            "source": str(one.source),
        }
        for one in records
    ]
    with open_lake(settings).tables.changing(SPEC) as change:
        change.add(pl.DataFrame(rows, schema=polars_schema(Spreads)))


@pytest.fixture
def url(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that looks for recorders and at the table more often."""
    monkeypatch.setattr(hub, "SCAN_SECONDS", 0.1)
    monkeypatch.setattr(hub, "AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(hub, "TABLE_SECONDS", 0.3)
    settings.home.mkdir()
    with serve(create_app(settings, only_here=True)) as url:
        yield url


def hour(url: str) -> dict[str, Any]:
    return dict(httpx.get(f"{url}/live/hour", timeout=20).raise_for_status().json())


def until(look: Callable[[], Any], condition: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 20
    while not condition(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    return seen


@contextmanager
def events(url: str) -> Iterator[Iterator[dict[str, Any]]]:
    with httpx.stream("GET", f"{url}/live/stream", timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        yield (json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line)


def test_seconds_come_from_the_recorder_and_from_the_table_when_it_is_down(settings: Settings, url: str):
    nothing = hour(url)
    assert (nothing["books"], nothing["status"]["origin"]) == ({}, "nothing")
    assert nothing["status"]["command"].startswith("cryptodudez record --book")

    now = int(time.time())
    history = {book: seconds_of(book, now, 300) for book in BOOKS}
    with recording(settings.home, a_stream()) as say:
        for second in zip(*(some[:200] for some in history.values()), strict=True):
            say(second)
        seen = until(lambda: hour(url), lambda one: len(one["books"].get(BOOKS[1], {}).get("states", "")) == 200)
        assert (seen["status"]["origin"], seen["status"]["words"]) == ("recorder", "from the recorder alpha")
        assert seen["end"] == seen["status"]["as_of"] == now - 100
        assert seen["books"]["btc_mxn"]["first"] == now - 299
        with events(url) as heard:
            greeting = event = next(heard)
            for place in range(200, 300):  # the first may come together with much else, and ask for a reload, too
                say([history[book][place] for book in BOOKS])
                if (event := next(heard)).get("books"):
                    break
        assert greeting["reload"], "who begins to listen asks for the hour"
        second, spread, state = event["books"]["btc_mxn"]["changes"][-1]
        truth = told(history["btc_mxn"][second - (now - 299)])
        assert second >= now - 99
        assert state == ("c" if truth.source == "carried" else "o")
        assert spread == pytest.approx(truth.spread, abs=1e-5)
        assert event["books"]["btc_mxn"]["now"]["bid"] == truth.bid

    down = until(lambda: hour(url), lambda one: one["status"]["origin"] == "heard")
    assert down["status"]["words"].startswith("The recorder is down: what it told until")
    write(settings, [one for some in history.values() for one in some])
    tabled = until(lambda: hour(url), lambda one: one["status"]["origin"] == "table")
    assert tabled["status"]["as_of"] == now
    assert "from the table, as of" in tabled["status"]["words"]
    assert len(tabled["books"]["usd_mxn"]["states"]) >= 300

    with recording(settings.home, a_stream("beta", simulated=True)) as say:
        say([seconds_of(book, now + 1, 1)[0] for book in BOOKS])
        again = until(lambda: hour(url), lambda one: one["status"]["origin"] == "recorder")
        assert again["status"]["simulated"]


def test_the_last_hour_of_a_table_is_shown_however_old_and_no_tomorrow(settings: Settings, url: str):
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    write(settings, seconds_of("btc_mxn", int(end.timestamp()), 3600))
    seen = until(lambda: hour(url), lambda one: one["books"])
    assert seen["end"] == int(end.timestamp())
    assert len(seen["books"]["btc_mxn"]["states"]) == 3600
    assert set(seen["books"]["btc_mxn"]["states"]) == set("ocg")
    file = httpx.get(f"{url}/tables/live/hour.csv").raise_for_status()
    assert file.headers["content-disposition"] == 'attachment; filename="hour.csv"'
    rows = pl.read_csv(io.BytesIO(file.content), try_parse_dates=True)
    asked = sql.query(open_lake(settings), BEHIND)
    assert rows["book"].to_list() == asked["book"].to_list()
    assert rows["event_ts"].to_list() == asked["event_ts"].to_list()
    assert rows["spread"].to_list() == asked["spread"].round(5).to_list()
    assert rows["known"].eq("gap").to_list() == asked["is_gap"].to_list()

    write(settings, seconds_of("btc_mxn", int(time.time()) + 86_400, 60))
    write(settings, seconds_of("btc_mxn", int(time.time()), 60))
    seen = until(lambda: hour(url), lambda one: one["end"] > end.timestamp() + 86_400)
    assert seen["status"]["as_of"] <= time.time()


def test_what_is_no_recorder_is_not_heard(settings: Settings, url: str):
    folder = settings.home / "recorder" / "alpha"
    folder.mkdir(parents=True)
    with recording(settings.home / "elsewhere", a_stream("beta")) as say:
        say([seconds_of("btc_mxn", int(time.time()), 1)[0]])
        address = (settings.home / "elsewhere" / "recorder" / "beta" / "address").read_text()
        (folder / "address").write_text(address)  # as a recorder that was killed leaves it, whose port is another's now
        time.sleep(0.7)
        assert hour(url)["status"]["origin"] == "nothing"
    (folder / "address").write_text(url.removeprefix("http://"))
    time.sleep(0.7)
    assert hour(url)["status"]["origin"] == "nothing"


def test_too_many_are_told_to_come_again(settings: Settings, url: str, monkeypatch: pytest.MonkeyPatch):
    with events(url) as one, events(url) as other:
        assert next(one)["status"]
        assert next(other)["status"]
        monkeypatch.setattr("serving.live.listeners.Listeners.has_room", lambda *_: False)
        refused = httpx.get(f"{url}/live/stream")
        assert (refused.status_code, "too many listen" in refused.json()["detail"]) == (503, True)
        assert refused.headers["Retry-After"]
    assert httpx.post(f"{url}/live/stream").status_code == 405


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_stops_lets_listeners_go_at_once(settings: Settings, number: signal.Signals):
    champion(settings)
    [port] = free_ports(1)
    with served(settings, port) as process, socket.create_connection(("127.0.0.1", port), timeout=30) as listener:
        listener.sendall(b"GET /live/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"text/event-stream" in listener.recv(4096)
        began = time.monotonic()
        process.send_signal(number)
        while listener.recv(4096):
            pass
        assert process.wait(30) == 0
        assert time.monotonic() - began < BEFORE_THE_SERVER_GIVES_UP_ON_REQUESTS


def test_a_recorder_that_stops_hangs_up_on_who_listens(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with recording(tmp_path, a_stream()):
        host, _, port = (tmp_path / "recorder" / "alpha" / "address").read_text().partition(":")
        listener = socket.create_connection((host, int(port)), timeout=30)
        listener.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"text/event-stream" in listener.recv(4096)
    with listener:
        while listener.recv(4096):
            pass
    assert "graceful shutdown exceeded" not in caplog.text
