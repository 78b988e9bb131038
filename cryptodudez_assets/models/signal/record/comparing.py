"""Features as they were served against those that the feature store gives: read again, point in time, from the same snapshots.

A receipt names the snapshots that had been brought online when it was written. Later ones say what was corrected since, which is no
fault of what was served; so nothing is read from those that were not there yet.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import get_args

import polars as pl
from pyiceberg.table import Table

from cryptodudez_assets.contracts.scored_signals import Uncompared
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.predictor import MODEL
from cryptodudez_assets.models.receipts import Receipt
from cryptodudez_assets.models.registry import Damaged, Tampered, registry_of
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.models.signal.record.served import ById

DAMAGED, OTHER_FEATURES, NO_SNAPSHOT, SNAPSHOT_GONE = get_args(Uncompared)
HOWEVER_OLD = timedelta(days=36_500)
"""What is served is the newest row whatever its age: it says how old it is."""


@dataclass(frozen=True)
class Compared:
    """How many features of a receipt differ; or None, and why they could not be compared."""

    n_differing: int | None
    why_not: str | None = None


def compared(lake: Lake, model: SignalModel, receipts: ById) -> dict[str, Compared]:
    """Each receipt, by its id."""
    found = {name: Compared(None, DAMAGED) for name, one in receipts.items() if one is None}
    whole = [one for one in receipts.values() if one is not None]
    fits = _fitting(lake, model)
    found |= {one.id: Compared(None, OTHER_FEATURES) for one in whole if not fits(one)}
    open_ = [one for one in whole if one.id not in found]
    of_views = [_of_view(lake, model, view, open_) for view in inputs_of(model).views]
    return found | {one.id: _together([told[one.id] for told in of_views]) for one in open_}


def _together(parts: Sequence[Compared]) -> Compared:
    """What was found of a receipt's views, as one."""
    why_not = next((one.why_not for one in parts if one.why_not), None)
    return Compared(None, why_not) if why_not else Compared(sum(one.n_differing or 0 for one in parts))


def _fitting(lake: Lake, model: SignalModel) -> Callable[[Receipt], bool]:
    """Whether a receipt's model is there, the same file, and takes the features of this version of the code."""
    registry, names = registry_of(lake.settings, model), list(inputs_of(model).names)

    @cache
    def takes_them(version: int, sha256: str) -> bool:
        try:
            manifest = registry.manifest(version)
        except (LookupError, Tampered, Damaged):
            return False
        return manifest.features == names and manifest.files.get(MODEL) == sha256

    def fits(one: Receipt) -> bool:
        return takes_them(one.version, one.sha256) and [len(row) for row in one.inputs] == [len(names)]

    return fits


def _of_view(lake: Lake, model: SignalModel, view: FeatureView, receipts: Iterable[Receipt]) -> dict[str, Compared]:
    """The part of each receipt that is of this view, by its id."""
    past = _Past(lake.tables.table(view.history))
    found: dict[str, Compared] = {}
    open_: list[tuple[Receipt, list[int]]] = []
    for one in receipts:
        begun = one.feature_snapshots.get(view.history)
        there = [] if begun is None else past.between(begun, one.made_at)
        if there:
            open_.append((one, there))
        else:
            found[one.id] = Compared(None, NO_SNAPSHOT if begun is None else SNAPSHOT_GONE)
    # Rows are brought online before that is noted: what was served may be of a snapshot behind the one that is named.
    for place in range(max((len(there) for _, there in open_), default=0)):
        open_ = [(one, there) for one, there in open_ if len(there) > place and _is_open(found.get(one.id))]
        by_snapshot = sorted(open_, key=lambda pair: pair[1][place])
        for snapshot_id, pairs in groupby(by_snapshot, key=lambda pair: pair[1][place]):
            for name, n in _differing(lake, model, view, snapshot_id, [one for one, _ in pairs]):
                before = found[name].n_differing if name in found else None
                found[name] = Compared(n if before is None else min(before, n))
    return found


def _is_open(one: Compared | None) -> bool:
    return one is None or bool(one.n_differing)


class _Past:
    """The snapshots of a table that are kept, oldest first."""

    def __init__(self, table: Table | None) -> None:
        snapshots = sorted(table.metadata.snapshots if table else [], key=lambda one: one.sequence_number or 0)
        self._ids = [one.snapshot_id for one in snapshots]
        self._contents = [content_of(table, name) for name in self._ids]
        self._times = [datetime.fromtimestamp(one.timestamp_ms / 1000, UTC) for one in snapshots]

    def between(self, begun: int, until: datetime) -> list[int]:
        """The snapshot of this id, or a later one with the same content; then those behind it that were there by then."""
        at = next((place for place, one in enumerate(self._ids) if one == begun), None)
        if at is None:
            at = next((place for place, one in enumerate(self._contents) if one == begun), None)
        if at is None:
            return []
        later = zip(self._ids[at + 1 :], self._times[at + 1 :], strict=True)
        return [self._ids[at], *(name for name, time in later if time <= until)]


def _differing(
    lake: Lake, model: SignalModel, view: FeatureView, snapshot_id: int, receipts: Sequence[Receipt]
) -> Iterator[tuple[str, int]]:
    """For each receipt how many features of the view are others in this snapshot."""
    inputs = inputs_of(model)
    names = inputs.chosen[view.name]
    asked = pl.DataFrame({"event_ts": [one.as_of for one in receipts]}, schema={"event_ts": pl.Datetime("us", "UTC")})
    asked = asked.with_columns(pl.lit(inputs.symbol).alias(name) for name in view.key)
    read = historical_features(
        lake,
        [replace(view, ttl=HOWEVER_OLD)],
        asked,
        [f"{view.name}:{name}" for name in names],
        snapshots={view.history: snapshot_id},
    )
    offline = read.frame.select(_as_served(f"{view.name}__{name}") for name in names)
    places = [inputs.names.index(f"{view.name}__{name}") for name in names]
    rows = [[one.inputs[0][place] for place in places] for one in receipts]
    online = pl.DataFrame(rows, schema=dict.fromkeys(offline.columns, pl.Float64), orient="row")
    differ = [online[name].ne_missing(offline[name]) for name in offline.columns]
    n = pl.DataFrame(differ).sum_horizontal()
    yield from zip((one.id for one in receipts), n, strict=True)


def _as_served(name: str) -> pl.Expr:
    """A feature as the online store has it: what is not finite is null."""
    value = pl.col(name).cast(pl.Float64)
    return pl.when(value.is_finite()).then(value).alias(name)
