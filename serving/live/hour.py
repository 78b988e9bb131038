"""The last hour of each book: of each second the best observation. Bounded: one slot a second, and a bounded number of books."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from cryptodudez_assets.recorder.record import Origin
from cryptodudez_assets.recorder.telling import Told

SECONDS = 3600
MOST_BOOKS = 64
DIGITS = 5
NEVER = -SECONDS
RANKS = {Origin.WS: 4, Origin.TICKER: 3, Origin.REST: 2, None: 1, Origin.CARRIED: 0}
STALEST = (1 << 40) - 1
OBSERVED, CARRIED, GAP, NOT_KNOWN = "ocg-"
"""A letter for each second: somebody looked and saw something new; nothing new was said; nobody looked; nothing is known."""
WORDS = {OBSERVED: "observed", CARRIED: "carried", GAP: "gap", NOT_KNOWN: "not known"}
COLUMNS = {"book": pl.String(), "event_ts": pl.Datetime("us", "UTC"), "spread": pl.Float64(), "known": pl.String()}

Ints = npt.NDArray[np.int64]


def precedence(told: Told) -> int:
    """How good an observation is: by where it comes from, then what is no gap, then the freshest."""
    fresh = STALEST - (STALEST if told.staleness_ms is None else min(max(told.staleness_ms, 0), STALEST))
    return (2 * RANKS[told.source] + (not told.is_gap)) * (STALEST + 1) + fresh


def state_of(told: Told) -> str:
    """The letter of an observation."""
    if told.is_gap:
        return GAP
    return CARRIED if told.source is Origin.CARRIED else OBSERVED


def rounded(spread: float | None) -> float | None:
    """As charts need it."""
    return None if spread is None else round(spread, DIGITS)


@dataclass(frozen=True)
class Batch:
    """Observations of one book in order of time, each second once; made where that keeps nobody waiting. `newest` is the last."""

    seconds: Ints
    precedence: Ints
    spreads: npt.NDArray[np.float64]
    states: npt.NDArray[np.uint8]
    newest: Told

    @classmethod
    def of(cls, observations: Sequence[Told]) -> "Batch":
        """One or more observations."""
        kept = observations[-SECONDS:]
        return cls(
            np.array([one.second for one in kept], np.int64),
            np.array([precedence(one) for one in kept], np.int64),
            np.array([np.nan if one.spread is None else one.spread for one in kept]),
            np.array([ord(state_of(one)) for one in kept], np.uint8),
            kept[-1],
        )


class BookHour:
    """One book. A second has the slot of its number modulo the hour; the newest that claims a slot has it."""

    def __init__(self) -> None:
        self._seconds = np.full(SECONDS, NEVER, np.int64)
        self._precedence = np.zeros(SECONDS, np.int64)
        self._spreads = np.full(SECONDS, np.nan)
        self._states = np.zeros(SECONDS, np.uint8)
        self.newest: Told | None = None

    def add(self, told: Told) -> bool:
        """Whether that is news: of a second that nothing better is known of."""
        slot, rank = told.second % SECONDS, precedence(told)
        held = self._seconds[slot]
        if held > told.second or (held == told.second and self._precedence[slot] >= rank):
            return False
        self._seconds[slot], self._precedence[slot] = told.second, rank
        self._spreads[slot] = np.nan if told.spread is None else told.spread
        self._states[slot] = ord(state_of(told))
        if self.newest is None or told.second >= self.newest.second:
            self.newest = told
        return True

    def add_all(self, batch: Batch) -> bool:
        """The same of many."""
        slots = batch.seconds % SECONDS
        held = self._seconds[slots]
        better = (batch.seconds > held) | ((batch.seconds == held) & (batch.precedence > self._precedence[slots]))
        slots = slots[better]
        self._seconds[slots], self._precedence[slots] = batch.seconds[better], batch.precedence[better]
        self._spreads[slots], self._states[slots] = batch.spreads[better], batch.states[better]
        if better[-1] and (self.newest is None or batch.newest.second >= self.newest.second):
            self.newest = batch.newest
        return bool(better.any())

    def until(self, end: int) -> dict[str, Any] | None:
        """The hour that ends with a second: spreads and letters, from `first` on, which is the first second that is known of.

        None where nothing is known of it.
        """
        asked = np.arange(end - SECONDS + 1, end + 1)
        slots = asked % SECONDS
        known = self._seconds[slots] == asked
        if not known.any():
            return None
        begin = int(known.argmax())
        slots, known = slots[begin:], known[begin:]
        spreads = np.where(known, self._spreads[slots], np.nan).round(DIGITS)
        states = np.where(known, self._states[slots], ord(NOT_KNOWN)).astype(np.uint8)
        return {
            "first": int(asked[begin]),
            "spreads": [None if one != one else one for one in spreads.tolist()],
            "states": states.tobytes().decode("ascii"),
        }


class Hour:
    """All books."""

    def __init__(self) -> None:
        self.books: dict[str, BookHour] = {}

    @property
    def newest(self) -> int | None:
        """The newest second that anything is known of."""
        return max((one.newest.second for one in self.books.values() if one.newest), default=None)

    def until(self, end: int) -> dict[str, dict[str, Any]]:
        """The hour that ends with a second, of each book that something is known of; `now` is its newest observation."""
        hours = {name: (one.until(end), one.newest) for name, one in sorted(self.books.items())}
        return {name: {**hour, "now": newest} for name, (hour, newest) in hours.items() if hour is not None}

    def book(self, name: str) -> BookHour | None:
        """That of a name; None where there are too many others already."""
        if name not in self.books and len(self.books) >= MOST_BOOKS:
            return None
        return self.books.setdefault(name, BookHour())


def as_frame(books: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """What `Hour.until` tells, with a row for each book and second: `spread` in percent, and what was `known` in words."""
    frames = [
        pl.DataFrame({"spread": one["spreads"], "known": [*one["states"]]}, {"spread": pl.Float64, "known": pl.String})
        .with_row_index("at")
        .select(
            pl.lit(name).alias("book"),
            pl.from_epoch(pl.col("at") + one["first"])
            .dt.cast_time_unit("us")
            .dt.replace_time_zone("UTC")
            .alias("event_ts"),
            "spread",
            pl.col("known").replace_strict(WORDS),
        )
        for name, one in books.items()
    ]
    return pl.concat([pl.DataFrame(schema=COLUMNS), *frames])
