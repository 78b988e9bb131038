"""One recorder beside the simulated exchange, in this process: clocks that are set, captures, the stream."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets.recorder.capture import captured, replayed
from cryptodudez_assets.recorder.keeper import Keeper
from cryptodudez_assets.recorder.metrics import Metrics
from cryptodudez_assets.recorder.pacing import Pacer
from cryptodudez_assets.recorder.process import Recorder
from cryptodudez_assets.recorder.record import to_frame
from cryptodudez_assets.recorder.stream import ALL_ADDRESSES, Stream, served
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


@pytest.mark.parametrize("name", ["recorder-0.recorder", "127.0.0.1"])
def test_other_machines_are_told_the_metrics_alone_and_with_the_key(name: str) -> None:
    """Whatever name they ask for: who they are is told by where they come from."""
    key, elsewhere = "a-key-of-the-apis", ("10.44.0.9", 4000)
    ways: dict[str, dict[str, Any]] = {
        "nothing": {},
        "wrong": {"auth": ("prometheus", "another")},
        "password": {"auth": ("prometheus", key)},
        "header": {"headers": {"X-API-Key": key}},
    }

    async def asked(listens_with: str) -> dict[tuple[str, str], int]:
        itself = about("a", BOOKS, "https://api.example/v3", "wss://ws.example")
        stream = httpx.ASGITransport(Stream(Metrics().registry, itself, listens_with), client=elsewhere)
        told = {}
        async with httpx.AsyncClient(transport=stream, base_url=f"http://{name}") as client:
            for way, more in ways.items():
                for path in ("/metrics", "/recent", "/about"):
                    answer = await client.get(path, **more)
                    told[way, path] = answer.status_code
                    assert ("cryptodudez_recorder" in answer.text) is (answer.status_code == 200)
        return told

    with_key, without = asyncio.run(asked(key)), asyncio.run(asked(""))
    assert {way for way, code in with_key.items() if code == 200} == {("password", "/metrics"), ("header", "/metrics")}
    assert with_key["nothing", "/metrics"] == with_key["wrong", "/metrics"] == 401
    assert with_key["password", "/recent"] == 403
    assert set(without.values()) == {403}


def test_this_machine_finds_the_stream_also_where_others_reach_it(tmp_path: Path) -> None:
    async def asked() -> int:
        stream = Stream(Metrics().registry, about("a", BOOKS, "https://api.example/v3", "wss://ws.example"), "key")
        async with served(stream, tmp_path / "address", host=ALL_ADDRESSES), httpx.AsyncClient() as client:
            address = (tmp_path / "address").read_text()
            assert address.startswith("127.0.0.1:")
            return (await client.get(f"http://{address}/about")).status_code

    assert asyncio.run(asked()) == 200
