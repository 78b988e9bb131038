"""`ml.eth_training_set`: one row per UTC day, features as known at its close, and the label that followed.

The snapshots of the tables that it was made from are kept in its own snapshot and tagged, so that upkeep does not forget
them: any past training set can be built again, exactly.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
from pyiceberg.expressions import AlwaysTrue, EqualTo
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.feature_store.materialize import MADE_FROM
from cryptodudez_assets.features.days import end_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.tables import TableSpec, scan
from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.eth_signal.contract import EthTrainingSet
from cryptodudez_assets.models.eth_signal.inputs import FEATURES, NAMES, PRICES, SYMBOL, VIEWS
from cryptodudez_assets.models.eth_signal.labels import UNKNOWN, triple_barrier
from cryptodudez_assets.models.eth_signal.options import CLASSES, SignalOptions

SPEC = TableSpec("ml.eth_training_set", EthTrainingSet, (), ("event_ts",))
OPTIONS, CODE = "cryptodudez.options", "cryptodudez.code"
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
    """Write the training set if what it is made from has changed. None where a view has no rows yet."""
    inputs = _current_snapshots(lake)
    if inputs is None:
        return None
    properties = _properties(options, inputs)
    with lake.tables.changing(SPEC) as change:
        snapshot = change.table.current_snapshot()
        if snapshot is None or _said_by(snapshot) != properties:
            for name, snapshot_id in inputs.items():
                lake.tables.keep(name, snapshot_id)
            rows = build(lake, options, inputs)
            change.delete(AlwaysTrue()).note(properties).add(rows)
    lake.tables.keep(SPEC.name)
    return read(lake)


def read(lake: Lake, snapshot_id: int | None = None) -> TrainingSet:
    """The training set as it was written in that snapshot, or as it is now."""
    table = lake.tables.table(SPEC.name)
    snapshot = _snapshot(table, snapshot_id)
    if table is None or snapshot is None:
        raise LookupError(f"there is no training set {snapshot_id or ''} in {SPEC.name}: materialise it first")
    rows = scan(table, None, snapshot.snapshot_id).sort("event_ts").collect()
    return TrainingSet(rows, snapshot.snapshot_id, json.loads(_said_by(snapshot)[MADE_FROM]))


def rebuild(lake: Lake, snapshot_id: int | None = None) -> pl.DataFrame:
    """Make a training set again from the snapshots and options that it was made from, without looking at its rows."""
    snapshot = _snapshot(lake.tables.table(SPEC.name), snapshot_id)
    if snapshot is None:
        raise LookupError(f"there is no training set {snapshot_id or ''} in {SPEC.name}")
    said = _said_by(snapshot)
    return build(lake, SignalOptions(**json.loads(said[OPTIONS])), json.loads(said[MADE_FROM]))


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


def version() -> str:
    """A hash of the code that a training set depends on: this folder's and that of the views."""
    files = (Path(__file__).with_name(name) for name in ("contract.py", "inputs.py", "labels.py", "training_set.py"))
    parts = [file.read_bytes() for file in files] + [view.version.encode() for view in VIEWS]
    return sha256(b"".join(parts)).hexdigest()[:12]


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


def _properties(options: SignalOptions, inputs: dict[str, int]) -> dict[str, str]:
    labelling = options.model_dump(include=set(LABELLING))
    return {
        MADE_FROM: json.dumps(inputs, sort_keys=True),
        OPTIONS: json.dumps(labelling, sort_keys=True),
        CODE: version(),
    }


def _said_by(snapshot: Snapshot) -> dict[str, str]:
    said = snapshot.summary.additional_properties if snapshot.summary else {}
    return {name: said[name] for name in (MADE_FROM, OPTIONS, CODE) if name in said}
