"""The look-ahead check of a view: at many moments, on as many of its rows as time allows.

A spot check: what it finds is a leak, what it does not find may be one all the same (docs/feature_store.md says which).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import numpy as np
import polars as pl

from cryptodudez_assets.features.declaration import FeatureView, Frames, Input
from cryptodudez_assets.features.look_ahead import Compared, Rows, computed, look_ahead_at, read, with_absent
from cryptodudez_assets.features.moments import ALL_ROWS, MOMENTS, Moment, choose, moment_of
from cryptodudez_assets.features.series import Times, times

# Keys are sampled where the inputs have more rows than this.
ROWS_READ = 200_000
# So many rows may go into transforms; after that no moment is begun, but for the first few.
ROWS_COMPUTED = 10_000_000
MOMENTS_AT_LEAST = 10
# What is computed around a moment: rows of so many days, or of so many times at which something became known if these last
# longer. At a few moments it is all rows, where dependence over longer spans shows.
DAYS_BACK, DAYS_ON, STEPS = timedelta(days=30), timedelta(days=60), 10


@dataclass(frozen=True)
class Looked:
    """What one moment showed."""

    moment: Moment
    compared: Compared


def check(view: FeatureView, rows: Rows, random: Random, n: int = MOMENTS) -> Iterator[Looked]:
    """Look at one moment after the other, in the inputs as they were read; where `n` are fewer than all, at some at random."""
    if not all(len(rows[name]) for name in view.needs(lambda name: len(rows[name]) > 0)):
        return
    outputs = computed(view, rows)
    of_inputs = [rows[one.table][one.known] for one in view.inputs]
    known = np.unique(np.concatenate([times(its) for its in (outputs["known_ts"], *of_inputs)]))
    n_rows = 0
    moments = choose(view, rows, outputs, random)
    chosen = moments if n >= len(moments) else random.sample(moments, n)
    for number, moment in enumerate(chosen):
        if number >= MOMENTS_AT_LEAST and n_rows > ROWS_COMPUTED:
            return
        near = rows if moment.kind == ALL_ROWS else _near(view, rows, moment.time, known)
        here = outputs if near is rows else computed(view, near)
        n_rows += (2 if near is rows else 3) * _count(near)
        yield Looked(moment, look_ahead_at(view, near, here, moment.time, random.randrange(2**32)))


def _near(view: FeatureView, rows: Rows, t: datetime, known: Times) -> Rows:
    """The inputs near a moment. A view that does not look ahead does so on no part of its inputs: any part will do."""
    back = _looks_back(view)
    if back is None:
        return rows
    place = int(np.searchsorted(known, (t - moment_of(0)) // timedelta(microseconds=1)))
    since = min(t - DAYS_BACK, moment_of(int(known[max(0, place - STEPS)])))
    until = max(t + DAYS_ON, moment_of(int(known[min(len(known) - 1, place + STEPS)])))
    near = {one.table: rows[one.table].filter(_within(one, since, until, back)) for one in view.inputs}
    return near if 3 * _count(near) < 2 * _count(rows) else rows  # where these have been computed already


def _count(rows: Rows) -> int:
    return sum(map(len, rows.values()))


def _looks_back(view: FeatureView) -> timedelta | None:
    if view.rows_back is not None:  # twice as many days hold so many trading days
        return timedelta(days=2 * (view.rows_back + 1))
    return view.window


def _within(one: Input, since: datetime, until: datetime, back: timedelta) -> pl.Expr:
    return pl.col(one.time).is_between(since - back, until) | pl.col(one.known).is_between(since, until)


def read_for_check(view: FeatureView, inputs: Frames, random: Random) -> tuple[Rows, str]:
    """The inputs, each read once; of keys chosen at random where they are large. And how much that is, in words."""
    inputs = with_absent(view, inputs)
    keys = _some_keys(view, inputs, random)
    if keys is None:
        return read(view, inputs), "all keys"
    names, all_keys, sample = keys
    some = {
        one.table: inputs[one.table].join(sample.lazy(), on=names, how="semi", nulls_equal=True)
        for one in view.inputs
        if set(names) <= set(one.columns)
    }
    return read(view, {**inputs, **some}), f"{len(sample):,} of {all_keys:,} keys"


def _some_keys(view: FeatureView, inputs: Frames, random: Random) -> tuple[list[str], int, pl.DataFrame] | None:
    """The key's columns that its inputs share, how many keys there are, and some; None where all fit, or there is no key."""
    keyed = [one for one in view.inputs if set(view.key) & set(one.columns)]
    names = [name for name in view.key if all(name in one.columns for one in keyed)]
    if not names:
        return None
    counts = pl.concat([inputs[one.table].group_by(names).len() for one in keyed])
    sizes = counts.group_by(names).agg(pl.col("len").sum()).sort(names).collect(engine="streaming")
    if sizes["len"].sum() <= ROWS_READ:
        return None
    mixed = sizes.sample(fraction=1, shuffle=True, seed=random.randrange(2**32))
    few = mixed.filter((pl.col("len").cum_sum() <= ROWS_READ) | (pl.int_range(pl.len()) == 0))
    return names, len(sizes), few.select(names)
