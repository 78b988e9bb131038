"""Training sets of signals: one row per UTC day, features as known at its close, and the label that followed.

The snapshots of the tables that it was made from are noted in its own snapshot and tagged, so that upkeep does not forget
them: any past training set can be built again, exactly. Where other snapshots give the same rows, only the table's note of
what it agrees with is renewed.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import numpy as np
import polars as pl
from pyiceberg.expressions import AlwaysTrue, EqualTo
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from cryptodudez_assets import contracts
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.declared_models.signal import CLASSES, SignalModel, SignalOptions
from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.features.days import end_of
from cryptodudez_assets.lake.iceberg.provenance import MADE_FROM, MadeFrom, content_of, kept, made_from
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.dataset import Dataset, Ints
from cryptodudez_assets.models.signal.contract import training_contract
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.models.signal.labels import UNKNOWN, triple_barrier, uniqueness

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


@cache
def spec_of(model: SignalModel) -> TableSpec:
    """The table of a signal's training set."""
    return TableSpec(model.training_set, training_contract(model), (), ("event_ts",))


def build(lake: Lake, model: SignalModel, options: SignalOptions, snapshots: dict[str, int]) -> pl.DataFrame:
    """The training set from these snapshots of the views' tables."""
    inputs = inputs_of(model)
    days = _labelled(_prices(lake, model, snapshots[inputs.prices.history]), options)
    asked = days.select("event_ts", symbol=pl.lit(inputs.symbol))
    found = historical_features(lake, inputs.views, asked, inputs.features, moment="close", snapshots=snapshots)
    features: pl.DataFrame = found.frame.select(inputs.names)
    rows = pl.concat([days, features], how="horizontal")
    return rows.select(pl.col(name).cast(dtype) for name, dtype in polars_schema(training_contract(model)).items())


def update(lake: Lake, model: SignalModel, options: SignalOptions | None = None) -> TrainingSet | None:
    """Write the training set if what it is made from has changed. None where there are no rows to make it of yet.

    `options`: other than the declared ones.
    """
    options, spec, inputs = options or model.options, spec_of(model), _current_snapshots(lake, model)
    if inputs is None:
        return None
    contents = {name: content_of(lake.tables.table(name), snapshot_id) for name, snapshot_id in inputs.items()}
    now = MadeFrom(
        code_hash(model, options), {name: content for name, content in contents.items() if content is not None}
    )
    with lake.tables.changing(spec) as change:
        if made_from(change.table) != now:
            rows = build(lake, model, options, inputs)
            change.remember(now.note)
            if change.snapshot_id is None or not rows.equals(change.rows().sort("event_ts").collect()):
                for name, snapshot_id in inputs.items():
                    lake.tables.keep(name, snapshot_id)
                labelling = json.dumps(options.model_dump(include=set(LABELLING)), sort_keys=True)
                change.delete(AlwaysTrue()).note(now.note | {OPTIONS: labelling}).add(rows).as_result()
    lake.tables.keep(spec.name)
    return read(lake, model) if change.snapshot_id is not None else None


def read(lake: Lake, model: SignalModel, snapshot_id: int | None = None) -> TrainingSet:
    """The training set as it was written in that snapshot, or as it is now."""
    table = lake.tables.table(model.training_set)
    snapshot = _snapshot(table, snapshot_id)
    if table is None or snapshot is None:
        raise LookupError(f"there is no training set {snapshot_id or ''} in {model.training_set}: materialise it first")
    rows = scan(table, None, snapshot.snapshot_id).sort("event_ts").collect()
    return TrainingSet(rows, snapshot.snapshot_id, dict(_made_from(table, snapshot).inputs))


def rebuild(lake: Lake, model: SignalModel, snapshot_id: int | None = None) -> pl.DataFrame:
    """Make a training set again from the snapshots and options that it was made from, without looking at its rows."""
    table = lake.tables.table(model.training_set)
    snapshot = _snapshot(table, snapshot_id)
    if table is None or snapshot is None:
        raise LookupError(f"there is no training set {snapshot_id or ''} in {model.training_set}")
    told, inputs = _saying(table, snapshot)[OPTIONS], _made_from(table, snapshot).inputs
    # Upkeep may have rearranged an input and forgotten how it lay before.
    there = {name: kept(lake.tables.table(name), content) or content for name, content in inputs.items()}
    return build(lake, model, SignalOptions(**json.loads(told)), there)


def dataset_of(model: SignalModel, rows: pl.DataFrame) -> Dataset:
    """Rows of the training set as arrays, on days without gaps: a day without a candle has nothing known about it."""
    days, names = _without_gaps(rows), inputs_of(model).names
    positions = {day: row for row, day in enumerate(days["event_ts"].to_list())}

    def rows_of(closes: str) -> Ints:
        """The days at whose ends these times are."""
        return np.array(
            [-1 if time is None else positions[time - DAY] for time in days[closes].to_list()], dtype=np.int64
        )

    classes = {name: number for number, name in enumerate(CLASSES)}
    return Dataset(
        days=days["event_ts"].to_list(),
        names=names,
        classes=CLASSES,
        features=days.select(pl.col(names).cast(pl.Float32).fill_null(np.nan)).to_numpy(),
        labels=np.array([classes.get(label, UNKNOWN) for label in days["label"].to_list()], dtype=np.int64),
        label_row=rows_of("label_known_ts"),
        uniqueness=uniqueness(rows_of("label_ended_ts")),
        closes=days["close"].fill_null(np.nan).to_numpy(),
    )


def code_hash(model: SignalModel, options: SignalOptions | None = None) -> str:
    """A hash of what a training set depends on: the code that builds it, that of the views, and the options."""
    labelling = (options or model.options).model_dump_json(include=set(LABELLING))
    within = (__name__.rpartition(".")[0], contracts.__name__)
    inputs = inputs_of(model)
    seen = (inputs.features, [view.code_hash for view in inputs.views], labelling)
    return hash_of_code(build, within=within, more=seen)


def _prices(lake: Lake, model: SignalModel, snapshot_id: int) -> pl.DataFrame:
    prices, symbol = inputs_of(model).prices, model.coin.symbol
    rows = lake.tables.scan(prices.history, EqualTo("symbol", symbol), snapshot_id)
    if rows is None:
        raise LookupError(f"there is no table {prices.history} yet: materialise {prices.name} first")
    wanted = rows.filter(symbol=symbol).select("event_ts", "close", "volatility_30d")
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
    labels, known, ended = triple_barrier(closes, deviations, options.horizon_days, options.barrier_width)
    names = pl.Series([None if label == UNKNOWN else CLASSES[label] for label in labels], dtype=pl.String)
    at = [days["known_ts"].gather(pl.Series(one).replace(-1, None).cast(pl.UInt32)) for one in (known, ended)]
    return days.with_columns(label=names, label_known_ts=at[0], label_ended_ts=at[1]).filter(
        pl.col("close").is_not_null()
    )


def _without_gaps(days: pl.DataFrame) -> pl.DataFrame:
    return days if days.is_empty() else days.upsample("event_ts", every="1d")


def _current_snapshots(lake: Lake, model: SignalModel) -> dict[str, int] | None:
    views = inputs_of(model).views
    found = {view.history: _snapshot(lake.tables.table(view.history), None) for view in views}
    snapshots = {name: one.snapshot_id for name, one in found.items() if one is not None}
    return snapshots if len(snapshots) == len(views) else None


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
    raise LookupError(f"no snapshot of {'.'.join(table.name())} says what it was made from")
