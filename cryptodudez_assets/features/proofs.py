"""Proof that a view does not look ahead, by doing: change what was not yet known, compute again, compare what was.

Made for any declared view from its declaration alone. Pure: tests run it on samples, asset checks on the real tables.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cryptodudez_assets.features.declaration import FeatureView, Frames, Input

SAMPLE_SEED = 17


@dataclass(frozen=True)
class Difference:
    """A row that was known, and yet depends on what was not: where it is, and which columns differ."""

    row: dict[str, object]
    columns: tuple[str, ...]

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.row.items())
        return f"{where}: {', '.join(self.columns)}"


def look_ahead(view: FeatureView, inputs: Frames, t: datetime) -> list[Difference]:
    """Rows known by `t` that are not the same when nothing that became known after `t` is there; none is the proof."""
    return _differences(view, inputs, t, lambda rows, _: rows.clear())


def perturb(view: FeatureView, inputs: Frames, t: datetime) -> list[Difference]:
    """Rows known by `t` that are not the same when what became known after `t` is something else; none is the proof."""
    return _differences(view, inputs, t, lambda rows, one: _perturbed(rows, view, one))


def look_back(view: FeatureView, inputs: Frames, t: datetime) -> list[Difference]:
    """Rows from `t` on that are not the same without what lies further back than the window; none is the proof."""
    if view.window is None:
        return []
    whole = _inputs(view, inputs)
    cut = {one.table: whole[one.table].filter(pl.col(one.time) >= t - view.window) for one in view.inputs}
    return compare(view, *(_rows(view, frames).filter(pl.col("event_ts") >= t) for frames in (whole, cut)))


Change = Callable[[pl.DataFrame, Input], pl.DataFrame]


def _differences(view: FeatureView, inputs: Frames, t: datetime, change: Change) -> list[Difference]:
    whole = _inputs(view, inputs)
    changed = {one.table: _with_other_future(whole[one.table], one, t, change) for one in view.inputs}
    return compare(view, *(_rows(view, frames).filter(pl.col("known_ts") <= t) for frames in (whole, changed)))


def _inputs(view: FeatureView, inputs: Frames) -> dict[str, pl.DataFrame]:
    return {one.table: inputs[one.table].select(one.all_columns).collect() for one in view.inputs}


def _rows(view: FeatureView, inputs: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return view.transform({name: frame.lazy() for name, frame in inputs.items()}).collect()


def _with_other_future(rows: pl.DataFrame, one: Input, t: datetime, change: Change) -> pl.DataFrame:
    is_known = pl.col(one.known) <= t
    return pl.concat([rows.filter(is_known), change(rows.filter(~is_known), one)])


def _perturbed(rows: pl.DataFrame, view: FeatureView, one: Input) -> pl.DataFrame:
    """A third of the rows is gone, and in the others every value is another, save keys and times."""
    kept = rows.sample(fraction=2 / 3, seed=SAMPLE_SEED)
    fixed = {*view.key, one.known, one.time}
    return kept.with_columns(_other(name, dtype) for name, dtype in kept.schema.items() if name not in fixed)


def _other(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if dtype == pl.Boolean:
        return ~value
    if dtype == pl.String:
        return value.str.reverse()
    if dtype.is_integer():
        return value * 3 + 1
    return value * 1.7 + 1 if dtype.is_float() else value


def compare(view: FeatureView, rows: pl.DataFrame, others: pl.DataFrame) -> list[Difference]:
    """Rows of the view that are in only one of two computations, or not identical in both."""
    identity = [*view.key, "event_ts", "known_ts"]
    for frame in (rows, others):
        if frame.select(identity).is_duplicated().any():
            raise ValueError(f"{view.name}: rows are not unique by {', '.join(identity)}")
    both = rows.with_columns(here=True).join(
        others.with_columns(here=True), on=identity, how="full", nulls_equal=True, coalesce=True, suffix=" of other"
    )
    differs = {name: pl.col(name).ne_missing(pl.col(f"{name} of other")) for name in [*view.features, "here"]}
    found = both.filter(pl.any_horizontal(differs.values())).sort(identity)
    flags = found.select(is_other.alias(name) for name, is_other in differs.items()).iter_rows(named=True)
    where = found.select(identity).iter_rows(named=True)
    return [Difference(row, _differing(flag)) for row, flag in zip(where, flags, strict=True)]


def _differing(flags: dict[str, bool]) -> tuple[str, ...]:
    return ("the row itself",) if flags["here"] else tuple(name for name, differs in flags.items() if differs)
