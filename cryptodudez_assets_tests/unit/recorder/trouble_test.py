"""A recorder whose disk, whose clock or whose venue's answers make trouble: it goes on, or it ends so that one sees it."""

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets.recorder.capture import Capture, Line, captured
from cryptodudez_assets.recorder.keeper import Keeper
from cryptodudez_assets.recorder.metrics import Metrics
from cryptodudez_assets.recorder.pacing import Pacer
from cryptodudez_assets.recorder.process import Recorder
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets.venues.bitso.protocol import read_order_book
from cryptodudez_assets.venues.bitso.rest import BitsoRest, Refused, limited_by

START = 1_800_000_000
NOWHERE = "127.0.0.1:1"


def recorder(folder: Path, wall: Callable[[], float]) -> Recorder:
    said: list[str] = []
    pacer = Pacer(wall, wall)
    rest = BitsoRest(f"http://{NOWHERE}/v3", limited_by(folder), pacer.now_us)
    keeper = Keeper(folder / "own", "a", 10, FolderStore(folder / "lake"), said.append)
    return Recorder(["btc_mxn"], "a", f"ws://{NOWHERE}/ws", rest, keeper, pacer, Metrics(), said.append)


class Dripping(BaseHTTPRequestHandler):
    """Says a byte now and then, and never the last."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b"{")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.close_connection = True  # nobody listens any more

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests are quiet."""


@contextmanager
def dripping() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_answer_that_only_drips_is_none(tmp_path: Path) -> None:
    async def ask(url: str) -> None:
        rest = BitsoRest(url, limited_by(tmp_path), lambda: 0, whole_answer_seconds=0.3)
        with pytest.raises(Refused, match="no whole answer"):
            await asyncio.wait_for(rest.order_book("btc_mxn"), 3)
        await rest.close()

    with dripping() as url:
        asyncio.run(ask(url))


def test_where_requests_cannot_be_counted_none_is_made_and_nothing_ends(tmp_path: Path) -> None:
    (tmp_path / "bitso_requests.json").mkdir()  # as good as a full disk: it cannot be written

    async def ask() -> None:
        rest = BitsoRest(f"http://{NOWHERE}/v3", limited_by(tmp_path), lambda: 0)
        with pytest.raises(Refused, match="cannot be counted"):
            await rest.tickers()
        await rest.close()

    asyncio.run(ask())


def test_a_recorder_that_cannot_tell_what_it_recorded_ends(tmp_path: Path) -> None:
    """Rather than to tick on while nothing is written."""
    one = recorder(tmp_path, time.time)

    def fails(_: object) -> None:
        raise LookupError("a listener with a fault")

    one.on_recorded.append(fails)
    with pytest.raises(ExceptionGroup, match="TaskGroup"):
        asyncio.run(asyncio.wait_for(one.run(), 5))


class FullDisk(Capture):
    def add(self, line: Line) -> None:
        raise OSError(28, "No space left on device")


def test_a_capture_that_cannot_go_on_ends_alone(tmp_path: Path) -> None:
    one = recorder(tmp_path, lambda: START)
    said: list[str] = []
    one.on.say = said.append
    one.on.capture = FullDisk(tmp_path / "capture.jsonl.gz")
    for _ in range(2):
        one.on_frame('{"type":"ka"}')
    assert said == ["the capture ends here, the disk takes no more of it: No space left on device"]


def followed_book(folder: Path, now: list[float]) -> Recorder:
    one = recorder(folder, lambda: now[0])
    book = one.state.books["btc_mxn"]
    one.state.on_connected(one.on.now_us())
    book.on_subscribed(one.on.now_us())
    level = {"book": "btc_mxn", "amount": "1"}
    sides = {"bids": [{"price": "100", "oid": "b", **level}], "asks": [{"price": "101", "oid": "a", **level}]}
    whole = json.dumps({"payload": {"updated_at": "", "sequence": "100", **sides}}).encode()
    book.on_seed(read_order_book(whole), one.on.now_us(), one.on.now_us())
    return one


def message(sequence: int, sent: float) -> str:
    return json.dumps(
        {"book": "btc_mxn", "sequence": sequence, "type": "diff-orders", "payload": [], "sent": round(sent * 1000)}
    )


@pytest.mark.parametrize(("sent_after", "known"), [(0.02, 101), (-0.01, 102)])
def test_a_late_tick_knows_nothing_that_was_sent_since_its_second(
    tmp_path: Path, sent_after: float, known: int
) -> None:
    now = [START + 0.5]
    one = followed_book(tmp_path, now)
    now[0] = START + 0.9
    one.on_frame(message(101, now[0]))
    now[0] = START + 1.05  # the tick of START + 1 is late
    one.on_frame(message(102, START + 1 + sent_after))
    one._record_what_is_due()
    seconds = one.to_write.get_nowait()
    records: list[Record] = [record for second in seconds for record in second.records]
    assert [(record.second, record.sequence) for record in records] == [(START + 1, known)]
    assert one.to_write.empty()


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{}\n")[:10] + b"\xff" * 20], ids=["plain", "damaged"])
def test_what_is_no_capture_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.gz: .*expected a file that `record --capture` wrote"):
        list(captured(path))
