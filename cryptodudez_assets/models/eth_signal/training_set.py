"""`ml.eth_training_set`: one row per UTC day, features as known at its close, and the label that followed.

The snapshots of the tables that it was made from are noted in its own snapshot and tagged, so that upkeep does not forget
them: any past training set can be built again, exactly. Where other snapshots give the same rows, only the table's note of
what it agrees with is renewed.
"""

import json
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from pyiceberg.expressions import AlwaysTrue, EqualTo
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from cryptodudez_assets import contracts
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.features.days import end_of
from cryptodudez_assets.lake.iceberg.provenance import MADE_FROM, MadeFrom, content_of, kept, made_from
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.eth_signal.contract import EthTrainingSet
from cryptodudez_assets.models.eth_signal.inputs import FEATURES, NAMES, PRICES, SYMBOL, VIEWS
from cryptodudez_assets.models.eth_signal.labels import UNKNOWN, triple_barrier
from cryptodudez_assets.models.eth_signal.options import CLASSES, SignalOptions

SPEC = TableSpec("ml.eth_training_set", EthTrainingSet, (), ("event_ts",))
OPTIONS = "cryptodudez.options"
DAY = timedelta(days=1)
DAYS_A_YEAR = 365
LABELLING = ("horizon_days", "barrier_width")
"""The options that a training set depends on; the others are about models."""


@dataclass(frozen=True)
class TrainingSet:
    """Rows of the contract, the snapshot that holds them, and those that they were made from."""

    rows: pl.DataFrame
    snapshot_id: int
    inputs: dict[str, int]


def build(lake: Lake, options: SignalOptions, snapshots: dict[str, int]) -> pl.DataFrame:
    """The training set from these snapshots of the views' tables."""
    days = _labelled(_prices(lake, snapshots[PRICES.history]), options)
    asked = days.select(symbol=pl.lit(SYMBOL), as_of=pl.col("known_ts"))
    found = historical_features(lake, VIEWS, asked, FEATURES, time="as_of", snapshots=snapshots)
    features: pl.DataFrame = found.frame.select(NAMES)
    rows = pl.concat([days, features], how="horizontal")
    return rows.select(pl.col(name).cast(dtype) for name, dtype in polars_schema(EthTrainingSet).items())


def update(lake: Lake, options: SignalOptions) -> TrainingSet | None:
    """Write the training set if what it is made from has changed. None where there are no rows to make it of yet."""
    inputs = _current_snapshots(lake)
    if inputs is None:
        return None
    contents = {name: content_of(lake.tables.table(name), snapshot_id) for name, snapshot_id in inputs.items()}
    now = MadeFrom(code_hash(options), {name: content for name, content in contents.items() if content is not None})
    with lake.tables.changing(SPEC) as change:
        if made_from(change.table) != now:
            rows = build(lake, options, inputs)
            change.remember(now.note)
            if change.snapshot_id is None or not rows.equals(change.rows().sort("event_ts").collect()):
                for name, snapshot_id in inputs.items():
                    lake.tables.keep(name, snapshot_id)
                labelling = json.dumps(options.model_dump(include=set(LABELLING)), sort_keys=True)
                change.delete(AlwaysTrue()).note(now.note | {OPTIONS: labelling}).add(rows).as_result()
    lake.tables.keep(SPEC.name)
    return read(lake) if change.snapshot_id is not None else None


def read(lake: Lake, snapshot_id: int | None = None) -> TrainingSet:
    """The training set as it was written in that snapshot, or as it is now."""
    table = lake.tables.table(SPEC.name)
    snapshot = _snapshot(table, snapshot_id)
    if table is None or snapshot is None:
        raise LookupError(f"there is no training set {snapshot_id or ''} in {SPEC.name}: materialise it first")
    rows = scan(table, None, snapshot.snapshot_id).sort("event_ts").collect()
    return TrainingSet(rows, snapshot.snapshot_id, dict(_made_from(table, snapshot).inputs))


def rebuild(lake: Lake, snapshot_id: int | None = None) -> pl.DataFrame:
    """Make a training set again from the snapshots and options that it was made from, without looking at its rows."""
    table = lake.tables.table(SPEC.name)
    snapshot = _snapshot(table, snapshot_id)
    if table is None or snapshot is None:
        raise LookupError(f"there is no training set {snapshot_id or ''} in {SPEC.name}")
    told, inputs = _saying(table, snapshot)[OPTIONS], _made_from(table, snapshot).inputs
    # Upkeep may have rearranged an input and forgotten how it lay before.
    there = {name: kept(lake.tables.table(name), content) or content for name, content in inputs.items()}
    return build(lake, SignalOptions(**json.loads(told)), there)


def dataset_of(rows: pl.DataFrame) -> Dataset:
    """Rows of the training set as arrays, on days without gaps: a day without a candle has nothing known about it."""
    days = _without_gaps(rows)
    positions = {day: row for row, day in enumerate(days["event_ts"].to_list())}
    known = [None if time is None else time - DAY for time in days["label_known_ts"].to_list()]
    classes = {name: number for number, name in enumerate(CLASSES)}
    return Dataset(
        days=days["event_ts"].to_list(),
        names=NAMES,
        classes=CLASSES,
        features=days.select(pl.col(NAMES).cast(pl.Float32).fill_null(np.nan)).to_numpy(),
        labels=np.array([classes.get(label, UNKNOWN) for label in days["label"].to_list()]),
        label_row=np.array([-1 if day is None else positions[day] for day in known]),
        closes=days["close"].fill_null(np.nan).to_numpy(),
    )


def code_hash(options: SignalOptions | None = None) -> str:
    """A hash of what a training set depends on: the code that builds it, that of the views, and the options."""
    labelling = (options or SignalOptions()).model_dump_json(include=set(LABELLING))
    within = (__name__.rpartition(".")[0], contracts.__name__)
    return hash_of_code(build, within=within, more=([view.code_hash for view in VIEWS], labelling))


def _prices(lake: Lake, snapshot_id: int) -> pl.DataFrame:
    rows = lake.tables.scan(PRICES.history, EqualTo("symbol", SYMBOL), snapshot_id)
    if rows is None:
        raise LookupError(f"there is no table {PRICES.history} yet: materialise {PRICES.name} first")
    wanted = rows.filter(symbol=SYMBOL).select("event_ts", "close", "volatility_30d")
    return _without_gaps(wanted.sort("event_ts").collect())


def _labelled(prices: pl.DataFrame, options: SignalOptions) -> pl.DataFrame:
    days = prices.select(
        "event_ts",
        "close",
        known_ts=end_of("event_ts"),
        deviation=pl.col("volatility_30d") / DAYS_A_YEAR**0.5,
        return_next_day=(pl.col("close").shift(-1) / pl.col("close")).log(),
    )
    closes, deviations = (days[name].fill_null(np.nan).to_numpy() for name in ("close", "deviation"))
    labels, known = triple_barrier(closes, deviations, options.horizon_days, options.barrier_width)
    names = pl.Series([None if label == UNKNOWN else CLASSES[label] for label in labels], dtype=pl.String)
    ends = days["known_ts"].gather(pl.Series(known).replace(-1, None).cast(pl.UInt32))
    return days.with_columns(label=names, label_known_ts=ends).filter(pl.col("close").is_not_null())


def _without_gaps(days: pl.DataFrame) -> pl.DataFrame:
    return days if days.is_empty() else days.upsample("event_ts", every="1d")


def _current_snapshots(lake: Lake) -> dict[str, int] | None:
    found = {view.history: _snapshot(lake.tables.table(view.history), None) for view in VIEWS}
    snapshots = {name: one.snapshot_id for name, one in found.items() if one is not None}
    return snapshots if len(snapshots) == len(VIEWS) else None


def _snapshot(table: Table | None, snapshot_id: int | None) -> Snapshot | None:
    if table is None:
        return None
    return table.current_snapshot() if snapshot_id is None else table.snapshot_by_id(snapshot_id)


def _made_from(table: Table, snapshot: Snapshot) -> MadeFrom:
    """What the rows of a snapshot were made from."""
    return MadeFrom.parse(_saying(table, snapshot)[MADE_FROM])


def _saying(table: Table, snapshot: Snapshot) -> dict[str, str]:
    """What is noted in a snapshot, or in that of which upkeep has only rearranged the rows."""
    newest_first = sorted(table.metadata.snapshots, key=lambda one: one.sequence_number or 0, reverse=True)
    for one in newest_first[newest_first.index(snapshot) :]:
        told = one.summary.additional_properties if one.summary else {}
        if MADE_FROM in told:
            return {name: told[name] for name in (MADE_FROM, OPTIONS)}
    raise LookupError(f"no snapshot of {SPEC.name} says what it was made from")
