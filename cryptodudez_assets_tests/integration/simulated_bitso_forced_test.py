"""What the simulated Bitso's faults are said to force can be kept: by a client that is written here, and knows none of the project's."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from cryptodudez_assets.simulator.venues.bitso import Server, bitso_server
from cryptodudez_assets.simulator.venues.bitso.forced import forced_file, forced_seconds
from cryptodudez_assets_tests.order_book_client import PlainClient, read

BOOKS = ("btc_mxn", "usd_mxn")
SECONDS = 24
FAULTS = {
    "drop": 0.002,
    "duplicate": 0.01,
    "reorder": 0.002,
    "gap": 0.001,
    "bad-json": 0.001,
    "crossed": 0.001,
    "5xx": 0.2,
}


class Recorder:
    """Follows both books, asks for a whole one once it must, and notes each second what it knows of the last second."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.known: dict[str, PlainClient | None] = dict.fromkeys(BOOKS)
        self.held: dict[str, list[dict[str, Any]]] = {book: [] for book in BOOKS}
        self.sent: dict[str, int] = dict.fromkeys(BOOKS, 0)
        self.notes: dict[tuple[str, int], tuple[int, tuple[float, float]] | None] = {}
        self.reconnects = 0

    async def run(self, seconds: int) -> None:
        tasks = [asyncio.create_task(one) for one in (self.follow(), self.seed())]
        began = int(time.time()) + 2
        for second in range(began, began + seconds):
            await asyncio.sleep(max(0.0, second - time.time()))
            if fault := {2: "stall", seconds - 3: "disconnect"}.get(second - began):
                self.server.force(fault)
            for book in BOOKS:
                client = self.known[book]
                fresh = client is not None and 1000 * (second - 1) < self.sent[book] <= 1000 * second
                self.notes[book, second] = (client.sequence, client.best()) if client and fresh else None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def follow(self) -> None:
        while True:
            try:
                async with connect(self.server.ws_url, compression=None, close_timeout=0.1) as socket:
                    for book in BOOKS:
                        await socket.send(json.dumps({"action": "subscribe", "book": book, "type": "diff-orders"}))
                    async for text in socket:
                        self.hear(text)
            except (ConnectionClosed, OSError):
                pass  # as asked for
            self.reconnects += 1
            for book in BOOKS:
                self.forget(book)

    def hear(self, text: str | bytes) -> None:
        try:
            told = read(text)
        except ValueError:
            return
        if "sequence" not in told:
            return
        book, client = told["book"], self.known[told["book"]]
        if client is None:
            self.held[book].append(told)
        elif told["sequence"] > client.sequence + 1:
            self.forget(book)
            self.held[book].append(told)
        elif told["sequence"] == client.sequence + 1:
            client.apply(told)
            self.sent[book] = told["sent"]
            if client.best()[0] >= client.best()[1]:
                self.forget(book)

    def forget(self, book: str) -> None:
        self.known[book], self.held[book] = None, []

    async def seed(self) -> None:
        async with httpx.AsyncClient(base_url=self.server.rest_url, trust_env=False) as rest:
            while True:
                await asyncio.sleep(0.02)
                for book in BOOKS:
                    # A book of which nothing was heard since is not followed yet: what it says would be missed.
                    if self.known[book] is None and self.held[book]:
                        await self.ask(rest, book)

    async def ask(self, rest: httpx.AsyncClient, book: str) -> None:
        answer = await rest.get("/order_book/", params={"book": book, "aggregate": "false"})
        if answer.status_code != 200:
            await asyncio.sleep(0.5)
            return
        client, held = PlainClient(answer.json()["payload"]), sorted(self.held[book], key=lambda one: one["sequence"])
        for told in held:
            if told["sequence"] > client.sequence + 1:
                return
            client.apply(told)
        self.known[book] = client
        self.sent[book] = held[-1]["sent"] if held and held[-1]["sequence"] >= client.sequence else 0


@pytest.mark.long
def test_a_client_that_does_everything_right_carries_no_more_than_is_forced(tmp_path: Path):
    truth = tmp_path / "truth.csv"
    with bitso_server(books=BOOKS, rate=30.0, faults=FAULTS, truth=truth, rest_limit=1000, seed=3) as server:
        recorder = Recorder(server)
        asyncio.run(recorder.run(SECONDS))

    rows = [line.split(",") for line in truth.read_text().splitlines()[1:]]
    prices = {(row[0], int(row[1])): (float(row[3]), float(row[4])) for row in rows}
    told = {key: note for key, note in recorder.notes.items() if note is not None}
    assert all(prices[book, sequence] == best for (book, _), (sequence, best) in told.items())

    seconds = [second for _, second in recorder.notes]
    forced = forced_seconds(truth, min(seconds), max(seconds), BOOKS)
    carried = set(recorder.notes) - set(told)
    faults = {line.split(",")[1] for line in forced_file(truth).read_text().splitlines()[1:]}
    print(f"{len(told)} told, {len(carried)} carried, {len(forced)} forced by {sorted(faults)}")
    assert {"stall", "disconnect"} < faults
    assert recorder.reconnects > 0
    assert len(carried) <= 1.2 * len(forced)
    assert len(forced) < len(recorder.notes)
