"""Hours of order books as the live panel gets them: from a fake recorder that tells them with the real stream, or from a table."""

import asyncio
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from cryptodudez_assets.recorder.record import Origin, Record
from cryptodudez_assets.recorder.stream import Stream, served
from cryptodudez_assets.recorder.telling import About, Told, told

PRICES = {"btc_mxn": 1_402_000.0, "usd_mxn": 18.42}
GAPS = [range(900, 1020), range(2400, 2403)]
CARRIED = range(1500, 1900)


def seconds_of(book: str, end: int, count: int = 3600) -> list[Record]:
    """Records until a second: a spread that wanders and leaps now and then, gaps, and a stretch at which nothing is said."""
    rng, records, wide = random.Random(book), [], 0.0
    leap = 1.0
    for place in range(3600):
        second = end - 3599 + place
        if place not in CARRIED:
            wide = 0.97 * wide + rng.gauss(0, 0.12)
            leap = rng.uniform(4, 14) if rng.random() < 1 / 500 else 1 + 0.8 * (leap - 1)
        percent = 0.07 * math.exp(wide) * leap
        is_gap = any(place in gap for gap in GAPS)
        is_carried = is_gap or place in CARRIED or rng.random() < 0.3
        ask = PRICES[book] * (1 + percent / 100)
        records.append(
            Record(
                second,
                book,
                bid=None if is_gap else ask * (1 - percent / 100),
                ask=None if is_gap else ask,
                staleness_ms=None if is_gap else rng.randrange(20, 900),
                source=Origin.CARRIED if is_carried else Origin.WS,
                is_gap=is_gap,
            )
        )
    return records[-count:]


def told_of(records: Sequence[Record]) -> list[Told]:
    """As a table or a listener has them."""
    return [told(one) for one in records]


def a_stream(instance: str = "alpha", simulated: bool = False, books: Sequence[str] = tuple(PRICES)) -> Stream:
    """Of a recorder that has told nothing yet."""
    venue = "127.0.0.1:8900" if simulated else "api.bitso.com"
    return Stream(CollectorRegistry(), About(instance, list(books), venue, simulated))


@contextmanager
def recording(home: Path, stream: Stream) -> Iterator[Callable[[Sequence[Record]], None]]:
    """A recorder of a home, up while the context lasts; yields what tells a second."""
    folder = home / "recorder" / stream.about.instance
    folder.mkdir(parents=True, exist_ok=True)
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def run() -> None:
        async with served(stream, folder / "address"):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield lambda records: _tell(loop, stream, records)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)
        loop.close()


def _tell(loop: asyncio.AbstractEventLoop, stream: Stream, records: Sequence[Record]) -> None:
    loop.call_soon_threadsafe(stream.publish, records)


@contextmanager
def telling(say: Callable[[Sequence[Record]], None]) -> Iterator[None]:
    """Tell each second of all books, while the context lasts: who is silent is taken to be down."""
    over = threading.Event()

    def run() -> None:
        told = int(time.time())
        while not over.wait(0.1):
            while told < int(time.time()):
                told += 1
                say([seconds_of(book, told, 1)[0] for book in PRICES])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(20)
