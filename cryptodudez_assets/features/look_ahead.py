"""Whether a view looks ahead at one moment: change what was not yet known, compute again, compare what was.

Made for any declared view from its declaration alone. Pure: tests run it on samples, asset checks on the real tables
(`look_ahead_check`, which chooses the moments).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.features.declaration import FeatureView, Frames, Input

SAMPLE_SEED = 17
DROPPED = 1 / 3
# Numbers become up to so many times larger or smaller: enough to cross whatever threshold a view may have.
FACTOR = 4.0
# Last digits may depend on what else is computed beside a row (Polars multiplies by the reciprocal where a divisor is the same
# for all rows): that is no leak. That the features of this project are exact all the same, other tests show.
ROUNDING = 1e-12
# So many rows are told of one moment and future: a view that leaks may leak everywhere.
EXAMPLES = 5

Rows = Mapping[str, pl.DataFrame]
"""Inputs of a view, read, by table."""
Change = Callable[[pl.DataFrame, Input], pl.DataFrame]


@dataclass(frozen=True)
class Difference:
    """A row that was known, and yet depends on what was not: where it is, and which columns differ."""

    row: dict[str, object]
    columns: tuple[str, ...]

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.row.items())
        return f"{where}: {', '.join(self.columns)}"


@dataclass(frozen=True)
class Compared:
    """How many rows were known at a moment, and some of those that the future changes."""

    rows: int
    differences: list[Difference]


def look_ahead(view: FeatureView, inputs: Frames, t: datetime) -> list[Difference]:
    """Rows known by `t` that are not the same when nothing that became known after `t` is there."""
    return _differences(view, inputs, t, _nothing)


def perturb(view: FeatureView, inputs: Frames, t: datetime, seed: int = SAMPLE_SEED) -> list[Difference]:
    """Rows known by `t` that are not the same when what became known after `t` is something else."""
    return _differences(view, inputs, t, something_else(view, seed))


def look_back(view: FeatureView, inputs: Frames, t: datetime) -> list[Difference]:
    """Rows from `t` on that are not the same without what lies further back than the window."""
    if view.window is None:
        return []
    whole = read(view, inputs)
    cut = {one.table: whole[one.table].filter(pl.col(one.time) >= t - view.window) for one in view.inputs}
    rows, others = (computed(view, one).filter(pl.col("event_ts") >= t) for one in (whole, cut))
    return compare(view, rows, others)


def _differences(view: FeatureView, inputs: Frames, t: datetime, change: Change) -> list[Difference]:
    whole = read(view, inputs)
    is_known = pl.col("known_ts") <= t
    rows, others = (computed(view, one).filter(is_known) for one in (whole, _changed(view, whole, t, change)))
    return compare(view, rows, others)


def look_ahead_at(view: FeatureView, inputs: Rows, rows: pl.DataFrame, t: datetime, seed: int) -> Compared:
    """Rows of the view known by `t`, compared with those of a world without a future, and of a world with another."""
    is_known = pl.col("known_ts") <= t
    rows = rows.filter(is_known)
    found: dict[str, Difference] = {}
    for change in (_nothing, something_else(view, seed)):
        try:
            others = computed(view, _changed(view, inputs, t, change)).filter(is_known)
        except Exception as error:
            error.add_note(f"{view.name}: while its inputs had another future after {t}")
            raise
        for difference in compare(view, rows, others, rounding=ROUNDING, at_most=EXAMPLES):
            found.setdefault(str(difference), difference)
    return Compared(len(rows), list(found.values()))


def read(view: FeatureView, inputs: Frames) -> dict[str, pl.DataFrame]:
    """What the view reads of its inputs."""
    inputs = with_absent(view, inputs)
    return {one.table: inputs[one.table].select(one.all_columns).collect() for one in view.inputs}


def with_absent(view: FeatureView, inputs: Frames) -> Frames:
    """The inputs, and those that may be absent, and are, as tables without rows."""
    empty = {one.table: pl.LazyFrame(schema=polars_schema(one.absent)) for one in view.inputs if one.absent is not None}
    return {**empty, **inputs}


def computed(view: FeatureView, inputs: Rows) -> pl.DataFrame:
    """The view's rows."""
    return view.transform({name: rows.lazy() for name, rows in inputs.items()}).collect()


def _changed(view: FeatureView, inputs: Rows, t: datetime, change: Change) -> Rows:
    """The inputs with another future: what became known after `t` is changed."""
    changed = {}
    for one in view.inputs:
        rows, is_known = inputs[one.table], pl.col(one.known) <= t
        changed[one.table] = pl.concat([rows.filter(is_known), change(rows.filter(~is_known), one)])
    return changed


def _nothing(rows: pl.DataFrame, _: Input) -> pl.DataFrame:
    return rows.clear()


def something_else(view: FeatureView, seed: int) -> Change:
    """A future of which a third is gone, and in which values are others, save times and what rows may be joined by.

    Numbers are dealt out anew among the rows (so that signs and missing values move, too) and scaled up or down; of flags,
    texts and lists half are turned, days move on.
    """
    names = [name for one in view.inputs for name in one.columns]
    shared = {name for name in names if names.count(name) > 1}

    def change(rows: pl.DataFrame, one: Input) -> pl.DataFrame:
        fixed = {*view.key, one.known, one.time}
        kept = rows.sample(fraction=1 - DROPPED, seed=seed)
        return kept.with_columns(
            _joined_by(name, dtype) if name in shared and not dtype.is_float() else _other(name, dtype, seed + number)
            for number, (name, dtype) in enumerate(kept.schema.items())
            if name not in fixed
        )

    return change


def _joined_by(name: str, dtype: pl.DataType) -> pl.Expr:
    """What several inputs have: a number becomes the same other one in all of them, so that rows still find each other."""
    return pl.col(name) * 3 + 1 if dtype.is_integer() else pl.col(name)


def _other(name: str, dtype: pl.DataType, seed: int) -> pl.Expr:
    value, share = pl.col(name), _uniform(seed)
    if dtype == pl.Boolean:
        return value ^ (share < 0.5)
    if dtype == pl.String:
        return pl.when(share < 0.5).then(value.str.reverse()).otherwise(value)
    if isinstance(dtype, pl.Date | pl.Datetime):
        return value.dt.offset_by(pl.format("{}d", (share * 3).cast(pl.Int64)))
    if isinstance(dtype, pl.List):
        return pl.when(share < 0.5).then(value.list.reverse()).otherwise(value)
    if not dtype.is_numeric():
        return value
    # Zero must become something, too.
    other = value.shuffle(seed).cast(pl.Float64) * FACTOR ** (2 * share - 1) + share
    return (other.round() + 1 if dtype.is_integer() else other).cast(dtype, strict=False).alias(name)


def _uniform(seed: int) -> pl.Expr:
    """A number from 0 to 1 for each row."""
    return pl.int_range(pl.len()).hash(seed) / 2.0**64


def compare(
    view: FeatureView, rows: pl.DataFrame, others: pl.DataFrame, *, rounding: float = 0.0, at_most: int | None = None
) -> list[Difference]:
    """Rows of the view (at most so many) that are in only one of two computations, or not identical in both.

    With `rounding`, numbers are the same if they differ by no more than this share of the larger.
    """
    if rows.equals(others):
        return []
    identity = [*view.key, "event_ts", "known_ts"]
    columns = [*identity, *view.features]
    rows, others = (frame.select(columns).sort(identity) for frame in (rows, others))
    if rows.equals(others):
        return []
    for frame in (rows, others):
        if frame.select(identity).is_duplicated().any():
            raise ValueError(f"{view.name}: rows are not unique by {', '.join(identity)}")
    both = rows.with_columns(here=True).join(
        others.with_columns(here=True), on=identity, how="full", nulls_equal=True, coalesce=True, suffix=" of other"
    )
    differs = {name: _differ(name, both.schema[name], rounding) for name in [*view.features, "here"]}
    found = both.filter(pl.any_horizontal(differs.values())).sort(identity).head(at_most or len(both))
    flags = found.select(is_other.alias(name) for name, is_other in differs.items()).iter_rows(named=True)
    where = found.select(identity).iter_rows(named=True)
    return [Difference(row, _differing(flag)) for row, flag in zip(where, flags, strict=True)]


def _differ(name: str, dtype: pl.DataType, rounding: float) -> pl.Expr:
    one, other = pl.col(name), pl.col(f"{name} of other")
    if not dtype.is_float():
        return one.ne_missing(other)
    close = (one - other).abs() <= rounding * pl.max_horizontal(one.abs(), other.abs())
    return one.ne_missing(other) & ~close.fill_null(value=False)


def _differing(flags: dict[str, bool]) -> tuple[str, ...]:
    return ("the row itself",) if flags["here"] else tuple(name for name, differs in flags.items() if differs)
