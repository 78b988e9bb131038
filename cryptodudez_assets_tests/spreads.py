"""Records of a book with the spreads that a test wants."""

from collections.abc import Iterable

from cryptodudez_assets.recorder.record import Origin, Record

START = 1_651_291_826
BOOK = "btc_mxn"


def record(second: int, spread: float | None, book: str = BOOK, source: Origin = Origin.WS) -> Record:
    """A record with this spread in percent; None for a gap. Seconds count from `START`."""
    if spread is None:
        return Record(START + second, book, source=Origin.CARRIED, is_gap=True)
    return Record(START + second, book, bid=1000.0 * (1 - spread / 100), ask=1000.0, source=source)


def records(spreads: Iterable[float | None], first: int = 0, book: str = BOOK) -> list[Record]:
    """One a second."""
    return [record(first + n, spread, book) for n, spread in enumerate(spreads)]


def runs(*parts: tuple[float | None, int]) -> list[float | None]:
    """Spreads in runs: `(0.2, 5)` is five seconds of 0.2 %."""
    return [spread for spread, seconds in parts for _ in range(seconds)]
