"""At which moments a view is checked for looking ahead: where leaks hide, and some at random.

A row known at `k` that depends on something known at `k'` shows itself at every moment from `k` up to before `k'`. So moments
are times at which rows become known, above all those at which a view is likely to do something else than usual.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain, zip_longest
from random import Random
from typing import TypeVar

import numpy as np
import polars as pl

from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.features.look_ahead import Rows
from cryptodudez_assets.features.series import Part, Times, in_series, times

T = TypeVar("T")

MOMENTS = 60
ALL_ROWS = "amid all rows"
NEWEST_SHARE = 0.05
LARGEST_MOVES = 8
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
A_MINUTE, A_DAY = 60_000_000, 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Moment:
    """A time, and why it was chosen."""

    time: datetime
    kind: str


@dataclass(frozen=True)
class Known:
    """What moments are chosen from: rows of the view, its inputs, and when they became known."""

    view: FeatureView
    rows: pl.DataFrame
    outputs: Times
    inputs: Mapping[str, Times]
    parts: list[Part]
    random: Random

    def at(self, time: int) -> int:
        """When the rows that something known at a time goes into became known: with it, or next."""
        place = np.searchsorted(self.outputs, time)
        return int(self.outputs[place]) if place < len(self.outputs) else time

    def before(self, time: int) -> int:
        """When the last rows before a time became known."""
        place = np.searchsorted(self.outputs, time) - 1
        return int(self.outputs[place]) if place >= 0 else time

    @cached_property
    def moves_together(self) -> list[list[int]]:
        """When the rows became known in which all columns of an input rise or fall most."""
        return [some for part in self.parts[:-1] for some in part.moves_together()]

    @cached_property
    def moves_alone(self) -> list[list[int]]:
        """The same of each column of the inputs."""
        return [some for part in self.parts[:-1] for some in part.largest_moves()]

    def mixed(self, values: Iterable[T]) -> list[T]:
        """The values in random order."""
        values = list(values)
        return self.random.sample(values, len(values))


def choose(view: FeatureView, inputs: Rows, rows: pl.DataFrame, random: Random, n: int = MOMENTS) -> list[Moment]:
    """Up to `n` moments at which rows of the view, or of its inputs, become known; the kinds take turns.

    None is as late as the last knowledge: there is no future to change then.
    """
    there = [one for one in view.inputs if one.absent is None or len(inputs[one.table])]
    known = {one.table: times(inputs[one.table][one.known]) for one in there}
    parts = [in_series(view, inputs[one.table], one.known, one.time) for one in there]
    parts.append(in_series(view, rows, "known_ts", "event_ts"))
    about = Known(view, rows, times(rows["known_ts"]), known, parts, random)
    last = max((int(its[-1]) for its in known.values() if len(its)), default=0)
    kinds: dict[int, str] = {}
    for kind, (quota, candidates) in KINDS.items():
        fresh = (time for time in dict.fromkeys(candidates(about)) if time < last and time not in kinds)
        kinds |= {time: kind for time, _ in zip(fresh, range(min(quota, n - len(kinds))), strict=False)}
    by_kind = [[Moment(moment_of(time), kind) for time, its in kinds.items() if its == kind] for kind in KINDS]
    return [moment for turn in zip_longest(*by_kind) for moment in turn if moment is not None]


def moment_of(time: int) -> datetime:
    """A number of microseconds as a time."""
    return EPOCH + timedelta(microseconds=time)


def _first(known: Known) -> Iterator[int]:
    yield from map(int, known.outputs[:2])


def _newest(known: Known) -> Iterator[int]:
    """The last moments that have a future, and some of the last twentieth of all."""
    last = max(int(its[-1]) for its in known.inputs.values() if len(its))
    outputs = known.outputs[known.outputs < last]
    yield from map(int, outputs[:-3:-1])
    yield from known.mixed(map(int, outputs[-max(10, round(len(outputs) * NEWEST_SHARE)) :]))


def _month_ends(known: Known) -> Iterator[int]:
    """Of each month of the calendar one at random, since quarters end in some of them only; then others."""
    ends, begins = _sides(known, known.rows["event_ts"].dt.strftime("%Y-%m"))
    ends = ends.filter(pl.col("event_ts") < pl.col("event_ts").max())  # of a month that has ended
    of_each = ends.filter(
        pl.int_range(pl.len()).shuffle(known.random.getrandbits(32)).over(pl.col("event_ts").dt.month()) == 0
    )
    yield from known.mixed(map(int, times(of_each["known_ts"])))
    yield from _in_turn(known.mixed(map(int, times(side["known_ts"]))) for side in (begins, ends))


def _year_ends(known: Known) -> Iterator[int]:
    yield from _turns(known, known.rows["event_ts"].dt.year())


def _turns(known: Known, periods: pl.Series) -> Iterator[int]:
    """When the last rows of a period became known, and when the first of another did."""
    yield from _in_turn(known.mixed(map(int, times(side["known_ts"]))) for side in _sides(known, periods))


def _sides(known: Known, periods: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The last rows of each period, and the first."""
    dated = known.rows.select("event_ts", "known_ts").with_columns(period=periods)
    event = pl.col("event_ts")
    return dated.filter(event == event.max().over("period")), dated.filter(event == event.min().over("period"))


def _after_moves(known: Known) -> Iterator[int]:
    """When the rows that follow those of the largest moves became known."""
    together, alone = ([some[0] for some in moves] for moves in (known.moves_together, known.moves_alone))
    for time in _in_turn([known.mixed(alone), together]):
        yield known.at(known.at(time) + 1)


def _moves(known: Known) -> Iterator[int]:
    """Where all columns of an input rise or fall most, then where each does, or nearly; and the extremes of the features."""
    together, alone = known.moves_together, known.mixed(known.moves_alone)
    nearly, extremes = (
        [known.random.choice(some) for some in pool] for pool in (alone, known.mixed(known.parts[-1].extremes()))
    )
    largest = [some[0] for some in [*together, *alone]]
    first, others = largest[:LARGEST_MOVES], largest[LARGEST_MOVES:]
    yield from map(known.at, chain(first, _in_turn([nearly, extremes, others, *together])))


def _gaps(known: Known) -> Iterator[int]:
    """The last moment within a gap, and the first after it: of the largest of each table, then of any."""
    gaps = [part.gaps() for part in known.parts]
    largest = [known.random.choice(some[:3]) for some in gaps if some]
    for end in chain(known.mixed(largest), _in_turn(map(known.mixed, gaps))):
        yield known.before(end)
        yield known.at(end)


def _nulls(known: Known) -> Iterator[int]:
    """The last moment before the values of a column begin, or go on."""
    *inputs, outputs = known.parts
    yield from map(known.at, _in_turn([_ends_of_nulls(known, inputs), _ends_of_nulls(known, [outputs])]))


def _ends_of_nulls(known: Known, parts: list[Part]) -> Iterator[int]:
    columns = known.mixed(chain.from_iterable(part.nulls() for part in parts))
    return _in_turn(_in_turn(map(known.mixed, ends)) for ends in columns)


def _inputs(known: Known) -> Iterator[int]:
    """Just before something of an input becomes known, for each input."""
    yield from map(known.before, _in_turn(known.mixed(map(int, its)) for its in known.mixed(known.inputs.values())))


def _hours(known: Known) -> Iterator[int]:
    """At the times of day at which few rows become known."""
    minutes, counts = np.unique(known.outputs % A_DAY // A_MINUTE, return_counts=True)
    for minute in minutes[np.argsort(counts, kind="stable")]:
        yield known.random.choice([int(time) for time in known.outputs[known.outputs % A_DAY // A_MINUTE == minute]])


def _amid(known: Known) -> Iterator[int]:
    """Between a third and nine tenths of the history: then there is much that is known, and much that is not yet."""
    n = len(known.outputs)
    yield from known.mixed(map(int, known.outputs[n // 3 : n * 9 // 10]))


def _any(known: Known) -> Iterator[int]:
    of_inputs = map(int, np.concatenate([*known.inputs.values()]))
    yield from _in_turn([known.mixed(map(int, known.outputs)), known.mixed(of_inputs)])


def _in_turn(pools: Iterable[Iterable[T]]) -> Iterator[T]:
    """One of each, then the next of each."""
    absent = object()
    for turn in zip_longest(*pools, fillvalue=absent):
        yield from (one for one in turn if one is not absent)  # type: ignore[misc]


KINDS: Mapping[str, tuple[int, Callable[[Known], Iterator[int]]]] = {
    ALL_ROWS: (2, _amid),
    "first rows": (2, _first),
    "newest rows": (5, _newest),
    "month ends": (14, _month_ends),
    "year ends": (2, _year_ends),
    "largest moves": (10, _moves),
    "after the largest moves": (4, _after_moves),
    "beside gaps": (4, _gaps),
    "beside nulls": (5, _nulls),
    "before an input becomes known": (3, _inputs),
    "rare times of day": (2, _hours),
    "any": (MOMENTS, _any),
}
"""How many moments of each kind at most, and the times for it, the best first. What is left over is for any."""
