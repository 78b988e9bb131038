"""The simulated Bitso over real sockets: what it says, what it refuses, its faults, and that REST and websocket are one book."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from cryptodudez_assets.simulator.venues.bitso import Options, Server, bitso_server
from cryptodudez_assets.simulator.venues.bitso.books import BOOKS
from cryptodudez_assets.simulator.venues.bitso.forced import forced_file, forced_seconds
from cryptodudez_assets.venues.bitso.protocol import DiffOrders, read_message, read_order_book, read_tickers
from cryptodudez_assets_tests.order_book_client import PlainClient, orders_of, read

LIVELY = Options(rate=60.0, rest_limit=1000)
PATIENCE = 10.0

Talk = Callable[[ClientConnection], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def quiet() -> Iterator[Server]:
    """An exchange of three books that say next to nothing."""
    with bitso_server(books=("btc_mxn", "usd_mxn", "btc_usd"), rate=0.0001, rest_limit=10_000) as server:
        yield server


@pytest.fixture
def lively() -> Iterator[Server]:
    with bitso_server(LIVELY) as server:
        yield server


@asynccontextmanager
async def opened(server: Server, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(server.ws_url, **{"compression": None, "close_timeout": 0.2, **options}) as socket:
        yield socket


def talk(server: Server, conversation: Talk, **options: Any) -> None:
    async def work() -> None:
        async with asyncio.timeout(PATIENCE * 2), opened(server, **options) as socket:
            await conversation(socket)

    asyncio.run(work())


async def ask(socket: ClientConnection, text: str) -> dict[str, Any]:
    await socket.send(text)
    return read(await asyncio.wait_for(socket.recv(), PATIENCE))


async def follow(socket: ClientConnection, book: str, kind: str = "diff-orders") -> None:
    reply = await ask(socket, json.dumps({"action": "subscribe", "book": book, "type": kind}))
    assert reply["response"] == "ok"


async def next_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        told = read(await asyncio.wait_for(socket.recv(), PATIENCE))
        if told["type"] == kind:
            return told


async def listen(socket: ClientConnection, patience: float) -> None:
    """Hear whatever comes, until nothing comes for so many seconds."""
    while True:
        await asyncio.wait_for(socket.recv(), patience)


def get(server: Server, path: str) -> httpx.Response:
    return httpx.get(f"{server.rest_url}/{path}", trust_env=False)


class TestSocket:
    @pytest.mark.parametrize("kind", ["diff-orders", "orders", "trades"])
    def test_a_subscription_is_answered_and_no_snapshot_follows(self, quiet: Server, kind: str):
        async def conversation(socket: ClientConnection) -> None:
            before = time.time() * 1000 - 5
            reply = await ask(socket, json.dumps({"action": "subscribe", "book": "btc_mxn", "type": kind}))
            assert list(reply) == ["action", "response", "time", "type", "book"]
            assert before <= reply.pop("time") <= time.time() * 1000 + 5
            assert reply == {"action": "subscribe", "response": "ok", "type": kind, "book": "btc_mxn"}
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.3)

        talk(quiet, conversation)

    @pytest.mark.parametrize(
        ("said", "answer"),
        [
            (
                '{"action":"subscribe","book":"nope_usd","type":"orders"}',
                {"action": "subscribe", "type": "orders", "error": "This book is not supported - nope_usd"},
            ),
            (
                '{"action":"subscribe","book":"BTC_USD","type":"orders"}',
                {"action": "subscribe", "type": "orders", "error": "This book is not supported - BTC_USD"},
            ),
            (
                '{"action":"subscribe","book":"btc_mxn","type":"nope"}',
                {"action": "subscribe", "type": "nope", "error": "This type of channel is not supported - nope"},
            ),
            (
                '{"action":"nope","book":"btc_mxn","type":"orders"}',
                {"action": "nope", "type": "orders", "error": "unknown subscription"},
            ),
            ("nonsense", {"error": "invalid message"}),
            ("17", {"error": "invalid message"}),
        ],
    )
    def test_what_is_refused_is_told_and_the_socket_stays(self, quiet: Server, said: str, answer: dict[str, str]):
        async def conversation(socket: ClientConnection) -> None:
            told = await ask(socket, said)
            assert list(told) == [*answer, "time"]
            told.pop("time")
            assert told == answer
            await follow(socket, "btc_mxn")

        talk(quiet, conversation)

    def test_a_second_subscription_is_told_to_be_there_and_one_that_ended_can_be_made_again(self, quiet: Server):
        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_usd", "orders")
            again = await ask(socket, '{"action":"subscribe","book":"btc_usd","type":"orders"}')
            assert again["response"] == "Already subscribed to channel: orders:btc_usd"
            ended = await ask(socket, '{"action":"unsubscribe","book":"btc_usd","type":"orders"}')
            assert (ended["action"], ended["response"]) == ("unsubscribe", "ok")
            await follow(socket, "btc_usd", "orders")

        talk(quiet, conversation)

    def test_a_subscription_without_a_book_ends_the_connection_after_a_while(self, quiet: Server):
        async def conversation(socket: ClientConnection) -> None:
            began = time.monotonic()
            await socket.send('{"action":"subscribe","type":"orders"}')
            with pytest.raises(ConnectionClosedError):
                await socket.recv()
            assert socket.close_code == 1011
            assert 0.3 < time.monotonic() - began < 3

        talk(quiet, conversation)

    def test_an_ended_subscription_says_nothing_more(self, lively: Server):
        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_mxn")
            await next_of(socket, "diff-orders")
            await socket.send('{"action":"unsubscribe","book":"btc_mxn","type":"diff-orders"}')
            while "action" not in read(await socket.recv()):
                pass
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.3)

        talk(lively, conversation)

    def test_compression_is_used_if_it_is_offered(self, lively: Server):
        async def conversation(socket: ClientConnection) -> None:
            assert "permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"]
            await follow(socket, "btc_mxn", "orders")
            assert len((await next_of(socket, "orders"))["payload"]["bids"]) == 20

        async def plain(socket: ClientConnection) -> None:
            assert "Sec-WebSocket-Extensions" not in socket.response.headers

        talk(lively, conversation, compression="deflate")
        talk(lively, plain)

    def test_all_channels_of_all_books_go_over_one_socket(self):
        async def conversation(socket: ClientConnection) -> None:
            for book in BOOKS:
                for kind in ("diff-orders", "orders"):
                    await socket.send(json.dumps({"action": "subscribe", "book": book, "type": kind}))
            seen: set[tuple[str, str]] = set()
            replies = 0
            while replies < 2 * len(BOOKS) or len(seen) < 2 * len(BOOKS):
                told = read(await socket.recv())
                replies += "action" in told
                if "action" not in told and told["type"] != "ka":
                    seen.add((told["book"], told["type"]))

        with bitso_server(books=tuple(BOOKS), rate=4.0) as server:
            talk(server, conversation)

    def test_a_quiet_socket_says_that_it_is_alive(self, quiet: Server, monkeypatch: pytest.MonkeyPatch):
        """A hundred times as often as it does, so that nobody has to wait."""
        monkeypatch.setattr("cryptodudez_assets.simulator.venues.bitso.socket.FIRST_KEEP_ALIVE", (0.05, 0.15))
        monkeypatch.setattr("cryptodudez_assets.simulator.venues.bitso.socket.KEEP_ALIVE_SECONDS", 0.2)

        async def conversation(socket: ClientConnection) -> None:
            times = []
            for _ in range(4):
                assert await socket.recv() == '{"type":"ka"}'
                times.append(time.monotonic())
            assert (times[-1] - times[0]) / 3 == pytest.approx(0.2, abs=0.1)

        talk(quiet, conversation)


class TestOneBook:
    def test_a_seeded_client_follows_the_socket_to_the_next_snapshot(self, lively: Server):
        """By a client that is written for this test alone, and by the messages that the project's own client reads."""

        async def conversation(socket: ClientConnection) -> None:
            async with httpx.AsyncClient(trust_env=False) as rest:

                async def snapshot() -> dict[str, Any]:
                    answer = await rest.get(f"{lively.rest_url}/order_book/?book=btc_mxn&aggregate=false")
                    read_order_book(answer.content)
                    return read(answer.content)["payload"]

                await follow(socket, "btc_mxn")
                client = PlainClient(await snapshot())
                for _ in range(4):
                    await asyncio.sleep(0.3)
                    wanted = await snapshot()
                    while client.sequence < int(wanted["sequence"]):
                        text = await socket.recv()
                        message = read_message(text)
                        if isinstance(message, DiffOrders):
                            client.apply(read(text))
                    assert client.orders == orders_of(wanted)

        talk(lively, conversation)

    def test_the_channel_of_trades_and_rest_tell_of_the_same_trades(self, lively: Server):
        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_mxn", "trades")
            trade = (await next_of(socket, "trades"))["payload"][0]
            assert list(trade) == ["a", "i", "mo", "r", "t", "to", "v", "x"]
            rows = get(lively, "trades/?book=btc_mxn&limit=100").json()["payload"]
            assert (trade["a"], trade["r"]) in [
                (row["amount"], row["price"]) for row in rows if row["tid"] == trade["i"]
            ]

        talk(lively, conversation)


class TestRest:
    @pytest.mark.parametrize(
        ("path", "status", "body"),
        [
            (
                "order_book?book=nope_usd",
                400,
                '{"error":{"code":"0301","details":[],"message":"Unknown order book nope_usd"},"success":false}',
            ),
            (
                "order_book",
                400,
                '{"error":{"code":"0301","details":[],"message":"Unknown order book missing"},"success":false}',
            ),
            ("ticker?book=nope_usd", 400, '{"error":{"code":20,"message":"Unknown OrderBook nope_usd"}}'),
            ("trades?book=nope_usd", 200, '{"success":true,"payload":[]}'),
            ("nope/", 404, ""),
            (
                "trades?book=btc_mxn&limit=101",
                400,
                '{"success":false,"error":{"code":"0304","message":"The field limit() is either invalid or missing"}}',
            ),
        ],
    )
    def test_errors_have_the_exact_bodies(self, quiet: Server, path: str, status: int, body: str):
        answer = get(quiet, path)
        assert (answer.status_code, answer.text) == (status, body)

    def test_what_is_private_needs_credentials(self, quiet: Server):
        answer = get(quiet, "balance/")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "0201")

    def test_a_book_is_told_by_price_or_by_order(self, quiet: Server):
        levels = get(quiet, "order_book/?book=btc_mxn").json()["payload"]
        whole = get(quiet, "order_book/?book=btc_mxn&aggregate=false").json()["payload"]

        assert list(levels) == ["updated_at", "bids", "asks", "sequence"]
        assert len(levels["bids"]) == len(levels["asks"]) == 50
        assert list(levels["bids"][0]) == ["book", "price", "amount"]
        assert list(whole["bids"][0]) == ["book", "price", "amount", "oid"]
        assert len(whole["bids"]) > 100
        assert isinstance(whole["sequence"], str)
        assert levels["bids"][0]["price"] == whole["bids"][0]["price"]

    def test_a_ticker_tells_of_one_book_or_of_all(self, quiet: Server):
        one = get(quiet, "ticker/?book=btc_mxn").json()["payload"]
        every = read_tickers(get(quiet, "ticker/").content)

        fields = "high last created_at book volume vwap low ask bid change_24 rolling_average_change"
        assert list(one) == fields.split()
        assert [ticker.book for ticker in every] == ["btc_mxn", "usd_mxn", "btc_usd"]
        best = get(quiet, "order_book?book=btc_mxn").json()["payload"]
        assert (one["bid"], one["ask"]) == (best["bids"][0]["price"], best["asks"][0]["price"])

    def test_trades_are_paged_by_a_marker(self, lively: Server):
        deadline = time.monotonic() + PATIENCE
        while len(get(lively, "trades?book=btc_mxn").json()["payload"]) < 5:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        newest = get(lively, "trades?book=btc_mxn&limit=2").json()["payload"]
        older = get(lively, f"trades?book=btc_mxn&limit=2&marker={newest[-1]['tid']}").json()["payload"]
        ids = [row["tid"] for row in newest + older]
        assert ids == sorted(ids, reverse=True)
        assert len(set(ids)) == 4

    def test_books_are_listed(self, quiet: Server):
        rows = get(quiet, "available_books/").json()["payload"]
        fields = "book minimum_price maximum_price minimum_amount maximum_amount minimum_value maximum_value tick_size"
        assert list(rows[0]) == [*fields.split(), "default_chart", "margin_enabled", "fees"]

    def test_who_asks_too_often_is_refused_and_not_told_for_how_long(self):
        with bitso_server(rest_limit=3) as server, httpx.Client(base_url=server.rest_url, trust_env=False) as client:
            answers = [client.get("/ticker/") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 420, 420]
        assert answers[3].json() == {
            "error": {"code": "0801", "details": [], "message": "You have hit the request rate-limit"},
            "success": False,
        }
        assert not {"retry-after", "x-ratelimit-limit"} & set(answers[3].headers)


class TestFaults:
    def frames_with(self, fault: str, count: int = 120, **options: Any) -> list[str]:
        """What one connection is sent while a fifth of all messages are struck by a fault."""
        frames: list[str] = []

        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_mxn")
            while len(frames) < count:
                frames.append(str(await socket.recv()))

        with bitso_server(LIVELY, rate=300.0, books=("btc_mxn",), faults={fault: 0.2}, **options) as server:
            talk(server, conversation)
        return frames

    def sequences(self, fault: str) -> list[int]:
        return [read(frame)["sequence"] for frame in self.frames_with(fault)]

    def test_drop(self):
        steps = {b - a for a, b in pairwise(self.sequences("drop"))}
        assert 1 in steps
        assert steps & {2, 3}

    def test_gap(self):
        steps = {b - a for a, b in pairwise(self.sequences("gap"))}
        assert 1 in steps
        assert max(steps) > 3

    def test_duplicate(self):
        sequences = self.sequences("duplicate")
        assert len(sequences) - len(set(sequences)) > 5
        assert {1, 0, -1} == {b - a for a, b in pairwise(sequences)} - {2}
        assert set(sequences) == set(range(min(sequences), max(sequences) + 1))

    def test_reorder(self):
        sequences = self.sequences("reorder")
        assert sequences != sorted(sequences)
        assert len(sequences) == len(set(sequences))

    def test_bad_json(self):
        broken = 0
        for frame in self.frames_with("bad-json"):
            try:
                json.loads(frame)
            except ValueError:
                broken += 1
        assert 5 < broken < 60

    def test_crossed(self):
        frames = [read(frame) for frame in self.frames_with("crossed")]
        prices = [float(entry["r"]) for frame in frames for entry in frame["payload"] if entry["t"] == 0]
        assert max(prices) > 1.5 * min(prices)
        assert all(b - a == 1 for a, b in pairwise([frame["sequence"] for frame in frames]))
        assert max(len(frame["payload"]) for frame in frames) <= 3

    def test_stall_keeps_everything_and_sends_it_later(self, lively: Server):
        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_mxn")
            last = (await next_of(socket, "diff-orders"))["sequence"]
            lively.force("stall")
            longest = 0.0
            while longest < 2:
                began = time.monotonic()
                told = await next_of(socket, "diff-orders")
                longest = max(longest, time.monotonic() - began)
                assert told["sequence"] == last + 1
                last = told["sequence"]

        talk(lively, conversation)

    def test_slow_is_late(self, lively: Server):
        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_mxn")
            await next_of(socket, "diff-orders")
            lively.force("slow")
            latest = 0.0
            while latest < 1.5:
                told = await next_of(socket, "diff-orders")
                latest = max(latest, time.time() - told["sent"] / 1000)

        talk(lively, conversation)

    def test_disconnect_ends_by_a_reset_or_by_a_close(self, lively: Server):
        codes: set[int | None] = set()

        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_mxn")
            lively.force("disconnect")
            with pytest.raises(ConnectionClosed):
                await listen(socket, PATIENCE)
            codes.add(socket.close_code)

        for _ in range(12):
            talk(lively, conversation)
            if len(codes) == 2:
                break
        assert codes == {1001, 1006}

    def test_half_open_says_nothing_even_if_asked(self, lively: Server):
        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_mxn")
            lively.force("half-open")
            with pytest.raises(TimeoutError):
                await listen(socket, 0.5)
            pong = await socket.ping()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pong, 0.3)

        talk(lively, conversation)

    def test_5xx_is_a_page(self, quiet: Server):
        quiet.force("5xx")
        answer = get(quiet, "ticker/")
        assert answer.status_code >= 500
        assert answer.headers["content-type"] == "text/html"
        assert get(quiet, "ticker/").status_code == 200

    def test_420_locks_the_address(self, lively: Server):
        lively.force("420")
        assert [get(lively, "ticker/").status_code for _ in range(3)] == [420] * 3

    def test_skew_is_in_every_time(self):
        async def conversation(socket: ClientConnection) -> None:
            reply = await ask(socket, '{"action":"subscribe","book":"btc_mxn","type":"diff-orders"}')
            told = await next_of(socket, "diff-orders")
            for stamp in (reply["time"], told["sent"], told["payload"][0]["z"] or told["sent"]):
                assert stamp / 1000 - time.time() == pytest.approx(3600, abs=5)

        with bitso_server(LIVELY, faults={"skew": 3600}) as server:
            talk(server, conversation)


class TestTruth:
    def test_it_has_every_message_also_those_that_faults_ate(self, tmp_path: Path):
        truth = tmp_path / "truth.csv"
        heard: dict[int, dict[str, Any]] = {}
        client: list[PlainClient] = []
        best: dict[int, tuple[float, float]] = {}

        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_mxn")
            client.append(PlainClient(get(server, "order_book/?book=btc_mxn&aggregate=false").json()["payload"]))
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                told = await next_of(socket, "diff-orders")
                heard[told["sequence"]] = told
                if told["sequence"] == client[0].sequence + 1:
                    client[0].apply(told)
                    best[told["sequence"]] = client[0].best()

        options = Options(books=("btc_mxn",), rate=60, rest_limit=1000, faults={"drop": 0.05, "skew": 100}, truth=truth)
        with bitso_server(options) as server:
            talk(server, conversation)

        rows = [line.split(",") for line in truth.read_text().splitlines()]
        assert rows[0] == ["book", "sequence", "sent", "bid", "ask"]
        told = {int(row[1]): row for row in rows[1:]}
        assert list(told) == list(range(min(told), max(told) + 1))
        assert set(heard) < set(range(min(heard), max(heard) + 1)) <= set(told)
        assert all(int(told[one][2]) == frame["sent"] - 100_000 for one, frame in heard.items())
        assert best
        assert all(prices == (float(told[one][3]), float(told[one][4])) for one, prices in best.items())
        faults = [line.split(",")[1] for line in forced_file(truth).read_text().splitlines()[1:]]
        assert faults[0] == "start"
        assert "drop" in faults

    def test_it_knows_what_rest_tells_before_the_first_message(self, tmp_path: Path):
        truth = tmp_path / "truth.csv"
        with bitso_server(rate=0.0001, truth=truth) as server:
            book = get(server, "order_book/?book=usd_mxn&aggregate=false").json()["payload"]
        told = [line.split(",") for line in truth.read_text().splitlines()]
        best = [book["bids"][0]["price"], book["asks"][0]["price"]]
        assert ["usd_mxn", book["sequence"], *best] in [[*row[:2], *row[3:]] for row in told]

    def test_a_disconnect_forces_seconds_until_the_books_are_there_again(self, tmp_path: Path):
        truth = tmp_path / "truth.csv"

        async def conversation(socket: ClientConnection) -> None:
            await follow(socket, "btc_mxn")
            await asyncio.sleep(0.2)
            server.force("disconnect")
            with pytest.raises(ConnectionClosed):
                await listen(socket, PATIENCE)

        with bitso_server(LIVELY, books=("btc_mxn",), truth=truth) as server:
            talk(server, conversation)
        row = forced_file(truth).read_text().splitlines()[-1].split(",")
        assert row[:2] == ["btc_mxn", "disconnect"]
        begin, end = int(row[3]), int(row[4])
        # A second to connect again, and half a second for the answer.
        assert 1500 <= end - begin <= 2500
        assert len(forced_seconds(truth, begin // 1000 + 1, begin // 1000 + 1, {"btc_mxn"})) == 1


@pytest.fixture
def command() -> Path:
    return Path(sys.executable).with_name("cryptodudez")


def test_the_command_serves_until_it_is_interrupted(command: Path, tmp_path: Path):
    truth = tmp_path / "truth.csv"
    arguments = ["--port", str(_free_port()), "--books", "USD_MXN,MXN_BTC", "--rate", "50", "--truth", str(truth)]
    environment = {**os.environ, "CRYPTODUDEZ_HOME": str(tmp_path / "home"), "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(
        [command, "simulate", "bitso", *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert server.stdout is not None
        said = server.stdout.readline()
        url = said.partition("REST ")[2].partition(",")[0]
        books = [row["book"] for row in httpx.get(f"{url}/ticker/", trust_env=False).json()["payload"]]
        assert books == ["usd_mxn", "btc_mxn"]
        time.sleep(1.2)
        assert len(truth.read_text().splitlines()) > 20
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
    finally:
        server.kill()
        server.wait()
        server.stdout.close()  # type: ignore[union-attr]
    assert truth.read_text().endswith("\n")


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
