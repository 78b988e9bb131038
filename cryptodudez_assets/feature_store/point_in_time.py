"""The point-in-time join: for each entity and time, what was known of it then. Frames in, frame out.

A row is eligible at time t if `event_ts <= t`, `known_ts <= t` and `t - event_ts <= ttl`, all bounds inclusive. Of the
eligible rows the one with the greatest `event_ts` wins, among versions of it the one with the greatest `known_ts`.

How: a row can be used from `usable = max(event_ts, known_ts)` on, so an as-of join on `usable` is nearly right. It errs
only where old events became known late. In the order of (event_ts, known_ts), a row with one behind it that is usable no
later can never win; without such rows `usable` rises in that order, so that the last usable row is the winner. The age
is checked afterwards: if the winner is too old, so are all others.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

TIME = pl.Datetime("us", "UTC")
TIMES = ("event_ts", "known_ts")
AT_ONCE = 2  # views: much of a join runs on one core, and what is in memory at a time stays bounded
NEVER = -(2**62)  # microseconds: before every time that there can be


@dataclass(frozen=True)
class History:
    """Rows of a view: its key, `event_ts`, `known_ts` and the features to add. An empty key is every entity's."""

    name: str
    key: Sequence[str]
    features: Sequence[str]
    ttl: timedelta
    rows: pl.DataFrame | pl.LazyFrame

    def collect(self) -> pl.DataFrame:
        """The rows in memory, without columns that nobody asked for."""
        return self.rows.lazy().select(list(dict.fromkeys([*self.key, *TIMES, *self.features]))).collect()


@dataclass(frozen=True)
class _Asked:
    """The entities as the views of one key see them.

    `numbers` gives each value of the key a number, which is quicker to join on; `rows` are (number, time), sorted;
    `places` says which of them each entity became.
    """

    numbers: pl.DataFrame
    rows: pl.DataFrame
    places: pl.Series


def join_as_of(
    entities: pl.DataFrame | pl.LazyFrame, time: str, views: Sequence[History], *, with_times: bool = False
) -> pl.DataFrame:
    """The entities, in their order, with `<view>__<feature>` for each feature as it was known at the entity's time.

    Where no row is eligible, or the entity's key or time is null, features are null. `with_times` adds the winner's
    `<view>__event_ts` and `<view>__known_ts`. Of rows that agree in key and times, the last of the history is taken.
    """
    frame = entities.lazy().collect()
    _insist_on_times(frame, "the entities", [time])
    asked = {key: _ask(frame, key, time) for key in {tuple(view.key) for view in views}}

    def found(view: History) -> pl.DataFrame:
        return _look_up(asked[tuple(view.key)], view, [*view.features, *(TIMES if with_times else ())])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return pl.concat([frame, *pool.map(found, views)], how="horizontal")


def _insist_on_times(frame: pl.DataFrame, whose: str, columns: Sequence[str]) -> None:
    for name in columns:
        if frame.schema[name] != TIME:
            raise TypeError(f"{name} of {whose} is {frame.schema[name]}; expected {TIME}")


def _ask(frame: pl.DataFrame, key: Sequence[str], time: str) -> _Asked:
    times = _keys(frame, key, pl.col(time).to_physical().fill_null(NEVER).alias("time"))
    numbers = times.drop("time").unique().drop_nulls().with_row_index("number")
    rows = times.with_columns(_number(times, numbers)).select("number", "time").with_row_index("place")
    rows = rows.sort("time").sort("number", maintain_order=True)  # quicker than by both at once
    index = pl.int_range(len(rows), dtype=pl.UInt32, eager=True)
    return _Asked(numbers, rows.drop("place"), index.clone().scatter(rows["place"], index))


def _keys(frame: pl.DataFrame, key: Sequence[str], *others: pl.Expr) -> pl.DataFrame:
    """The key's columns under names that nothing else has, and others."""
    return frame.select(*(pl.col(name).alias(f"key{i}") for i, name in enumerate(key)), *others)


def _number(rows: pl.DataFrame, numbers: pl.DataFrame) -> pl.Series:
    """The number of each row's key, null for keys that have none; looked up once for each run of rows with one key."""
    key = numbers.columns[1:]
    if not key:
        return pl.Series("number", [0], pl.UInt32).new_from_index(0, len(rows))
    runs = rows.select(pl.struct(key).rle().struct.field("value")).unnest("value")
    run = rows.select(pl.struct(key).rle_id()).to_series()
    return runs.join(numbers, on=key, how="left", maintain_order="left")["number"].gather(run)


def _look_up(asked: _Asked, view: History, wanted: Sequence[str]) -> pl.DataFrame:
    rows = view.collect()
    _insist_on_times(rows, view.name, TIMES)
    event, known = pl.col("event_ts").to_physical().alias("event"), pl.col("known_ts").to_physical().alias("known")
    times = _keys(rows, view.key, event, known, pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"))
    candidates = _candidates(times.with_columns(_number(times, asked.numbers)).drop_nulls())
    winners = asked.rows.join_asof(candidates, left_on="time", right_on="usable", by="number", check_sortedness=False)
    fresh = pl.col("event") >= pl.col("time") - min(view.ttl // timedelta(microseconds=1), -NEVER)
    row = winners.select(pl.when(fresh).then("row")).to_series().gather(asked.places)
    return rows.select(pl.col(name).gather(row).alias(f"{view.name}__{name}") for name in wanted)


def _candidates(times: pl.DataFrame) -> pl.DataFrame:
    """The rows that win at some time, per key in the order in which they do."""
    times = times.select("number", "event", "known", "row", usable=pl.max_horizontal("event", "known"))
    if not _climbs(times):
        later = pl.col("usable").cum_min(reverse=True).shift(-1).over("number")
        times = times.sort("number", "event", "known", maintain_order=True)
        times = times.filter((pl.col("usable") < later).fill_null(True))
    return times.select("number", "usable", "event", "row")


def _climbs(times: pl.DataFrame) -> bool:
    """Whether neither `event` nor `known` ever falls within a key: rows are in order, and `usable` rises with them.

    Then every row is a candidate; of those that become usable together an as-of join takes the last, as it should.
    Neighbours are compared first, which is cheap, then the ends of each run of a key with its next run: a file may
    hold a year.
    """
    begins = (pl.col("number") != pl.col("number").shift(1)).fill_null(True)
    rises = [pl.col(name) >= pl.col(name).shift(1) for name in ("event", "known")]
    if not times.select((begins | (rises[0] & rises[1])).all()).item():
        return False
    ends = times.filter(begins | begins.shift(-1, fill_value=True))
    return bool(ends.select(pl.all_horizontal(rises).over("number").all()).item())
