"""One recorder beside the simulated exchange, in this process: clocks that are set, captures, the stream."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets.recorder.capture import captured, replayed
from cryptodudez_assets.recorder.keeper import Keeper
from cryptodudez_assets.recorder.metrics import Metrics
from cryptodudez_assets.recorder.pacing import Pacer
from cryptodudez_assets.recorder.process import Recorder
from cryptodudez_assets.recorder.record import to_frame
from cryptodudez_assets.recorder.stream import Stream, served
from cryptodudez_assets.recorder.telling import about
from cryptodudez_assets.simulator.venues.bitso import Options, bitso_server
from cryptodudez_assets.venues.bitso.rest import BitsoRest, limited_by
from cryptodudez_assets_tests.recorder_campaign import gaps_of, records_of

BOOKS = ("btc_mxn", "usd_mxn")


class Wall:
    """A wall clock that can be set."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset


def recorder(
    home: Path, rest_url: str, ws_url: str, wall: Callable[[], float], capture: Path | None = None
) -> Recorder:
    pacer = Pacer(wall, time.monotonic)
    rest = BitsoRest(rest_url, limited_by(home), pacer.now_us)
    keeper = Keeper(home / "recorder" / "a", "a", 5, FolderStore(home / "lake"), print)
    return Recorder(BOOKS, "a", ws_url, rest, keeper, pacer, Metrics(), print, capture)


@asynccontextmanager
async def running(one: Recorder) -> AsyncIterator[None]:
    work = asyncio.create_task(one.run())
    try:
        yield
    finally:
        one.stopping.set()
        await work


@pytest.mark.parametrize("step", [5.0, -5.0])
def test_a_wall_clock_that_is_set_doubles_no_second_leaves_none_out_and_is_told(tmp_path: Path, step: float) -> None:
    wall = Wall()

    async def record() -> None:
        with bitso_server(Options(books=BOOKS)) as bitso:
            async with running(recorder(tmp_path, bitso.rest_url, bitso.ws_url, wall)):
                await asyncio.sleep(4)
                wall.offset += step
                await asyncio.sleep(10)

    asyncio.run(record())
    records = records_of(tmp_path)
    for _, of_book in records.group_by("book"):
        seconds = of_book["second"].to_list()
        assert seconds == list(range(seconds[0], seconds[-1] + 1))
        assert abs(seconds[-1] - wall()) < 3
    gaps = gaps_of(tmp_path).filter(cause="clock step")
    assert set(gaps["book"]) == set(BOOKS)
    assert (records["is_gap"].sum() >= 2 * 4) is (step > 0)  # those that the clock left out


def test_a_capture_is_replayed_to_the_same_records(tmp_path: Path) -> None:
    capture = tmp_path / "capture.jsonl.gz"

    async def record() -> None:
        with bitso_server(Options(books=BOOKS, faults={"drop": 0.02, "reorder": 0.02})) as bitso:
            async with running(recorder(tmp_path, bitso.rest_url, bitso.ws_url, time.time, capture)):
                await asyncio.sleep(6)

    asyncio.run(record())
    again = to_frame([one for second in replayed(captured(capture), "a") for one in second], "a")
    landed = records_of(tmp_path).drop("file", "second")
    assert again.sort("book", "orderbook_timestamp").equals(landed.sort("book", "orderbook_timestamp"))
    assert landed.filter(source="ws").height > 0


def test_the_stream_tells_each_second_once_it_is_on_the_disk_and_only_to_this_machine(tmp_path: Path) -> None:
    async def listen() -> tuple[list[list[dict[str, object]]], str, Sequence[int]]:
        with bitso_server(Options(books=BOOKS)) as bitso:
            one = recorder(tmp_path, bitso.rest_url, bitso.ws_url, time.time)
            stream = Stream(one.metrics.registry, about("a", BOOKS, bitso.rest_url, bitso.ws_url))
            one.on_recorded.append(stream.publish)
            async with served(stream, tmp_path / "address") as address, running(one), httpx.AsyncClient() as client:
                events = []
                async with client.stream("GET", f"http://{(tmp_path / 'address').read_text()}/stream") as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("data: "):
                            events.append(json.loads(line.removeprefix("data: ")))
                        if len(events) == 3:
                            break
                metrics = (await client.get(f"http://{address}/metrics")).text
                strange = await client.get(f"http://{address}/stream", headers={"Host": "evil.example"})
                posted = await client.post(f"http://{address}/stream")
                return events, metrics, (strange.status_code, posted.status_code)

    events, metrics, refused = asyncio.run(listen())
    seconds = [{record["second"] for record in event} for event in events]
    assert all(len(one) == 1 for one in seconds)
    assert [record["book"] for record in events[0]] == list(BOOKS)
    assert 'cryptodudez_recorder_records_total{source="ws"}' in metrics
    assert refused == (403, 405)
    assert not (tmp_path / "address").exists()
