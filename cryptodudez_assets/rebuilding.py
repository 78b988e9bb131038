"""Which table is made again how: those of sources from raw files, those that are computed from what they are computed from.

How a source's tables are made again is in `lake/upkeep/rebuild.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches

import polars as pl

from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.materialize import materialize, table_specs, without_rows
from cryptodudez_assets.feature_store import registry
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.features import configured_tables
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.erasing.registry import ERASURES
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries, inventory
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.upkeep.rebuild import (
    CannotRebuild,
    Rebuilt,
    Say,
    aside,
    rebuild_quarantine,
    rebuild_source,
)
from cryptodudez_assets.lake.upkeep.verify import verify_table
from cryptodudez_assets.models import ledger, shared_receipts
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.products import dogecoin, mood, trends
from cryptodudez_assets.products.exports import exports_of

Make = Callable[[], Rebuilt]
# Of these nothing else is the origin.
ORIGINALS = {
    file_entries.FILES.name: "it is the only record of what was found when in the raw zone",
    file_entries.SCHEMAS.name: "it is the only record of how raw files looked when they were first seen",
    ERASURES.name: "it is the only record of who was erased",
    ledger.SPEC.name: "it is the only record of the trials that were made",
    shared_receipts.SPEC.name: "it is the only record of what other homes answered",
}
OF_A_RECORD = "it outlives the receipts that it was made of"


def rebuild(lake: Lake, name: str, *, lose_rows: bool = False, say: Say = lambda _: None) -> Rebuilt:
    """Make a table (or an export, or a view in the online store) again.

    Raises CannotRebuild where that is not possible, and LookupError where there is nothing of that name.
    """
    originals = ORIGINALS | {one.record: OF_A_RECORD for one in models_of_kind(SignalModel)}
    if name in originals:
        raise CannotRebuild(
            f"{name} cannot be made again: {originals[name]}. Restore it from a backup (see docs/operations.md)"
        )
    ways = _ways(lake, say, lose_rows=lose_rows)
    if name not in ways:
        near = get_close_matches(name, ways, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(ways))}"
        raise LookupError(f"there is no table {name!r} that could be made again; {hint}")
    return ways[name]()


def _ways(lake: Lake, say: Say, *, lose_rows: bool) -> Mapping[str, Make]:
    ways: dict[str, Make] = {}
    for source in lake.sources.values():
        for table in filter(None, (source.table, source.observations)):
            ways[table] = lambda one=source: rebuild_source(lake, one, lose_rows=lose_rows, say=say)  # type: ignore[misc]
    derived = configured_tables(lake.settings.rolling_days)
    views = [one for one in derived if isinstance(one, FeatureView)]
    for one in derived:
        for spec in table_specs(one):
            ways[spec.name] = lambda one=one: _derived(lake, one, say)  # type: ignore[misc]
    for view in views:
        ways[f"online.{view.name}"] = lambda one=view: _online(lake, one)  # type: ignore[misc]
    for spec in (quarantine.ROWS, quarantine.FILES):
        ways[spec.name] = lambda: rebuild_quarantine(lake, lake.sources.values(), lose_rows=lose_rows, say=say)
    return ways | {
        **{one.training_set: lambda model=one: _training_set(lake, model) for one in models_of_kind(SignalModel)},  # type: ignore[misc]
        dogecoin.DOGECOIN.name: lambda: _study(lake, dogecoin.DOGECOIN.name, dogecoin.READS, dogecoin.carry_out),
        mood.MOOD.name: lambda: _study(lake, mood.MOOD.name, [mood.POSTS], mood.carry_out),
        trends.TRENDS.name: lambda: _study(lake, trends.TRENDS.name, [trends.TERMS], trends.carry_out),
        inventory.TABLES.name: lambda: _one(
            lake, inventory.TABLES.name, lambda made: len(inventory.take_inventory(made))
        ),
        registry.REGISTRY.name: lambda: _one(lake, registry.REGISTRY.name, lambda made: registry.publish(made, views)),
        # An export is replaced whole whenever it is written.
        **{one.product: lambda name=one.product: Rebuilt([name]) for one in exports_of(lake.sources.values(), derived)},  # type: ignore[misc]
    }


def _derived(lake: Lake, table: Derived, say: Say) -> Rebuilt:
    there = [one.table for one in table.inputs if lake.tables.table(one.table) is not None]
    _insist_on(lake, [*without_rows(lake, table), *there])
    names = [spec.name for spec in table_specs(table)]
    done = aside(lake, names, lambda made: materialize(made, table, full=True, progress=say))
    return Rebuilt(names, done.rows)


def _training_set(lake: Lake, model: SignalModel) -> Rebuilt:
    _insist_on(lake, (view.history for view in inputs_of(model).views))

    def make(made: Lake) -> int:
        found = training_set.update(made, model)
        return 0 if found is None else len(found.rows)

    return _one(lake, model.training_set, make)


def _study(lake: Lake, name: str, reads: Iterable[str], carry_out: Callable[[Lake], object]) -> Rebuilt:
    _insist_on(lake, reads)

    def make(made: Lake) -> int:
        carry_out(made)
        rows = made.tables.scan(name)
        return 0 if rows is None else int(rows.select(pl.len()).collect().item())

    return _one(lake, name, make)


def _online(lake: Lake, view: FeatureView) -> Rebuilt:
    """What is there is forgotten; what is published then is everything."""
    _insist_on(lake, [view.history])
    store = open_online_store(lake.settings.online)
    try:
        store.drop(view.name)
    finally:
        store.close()
    return Rebuilt([f"online.{view.name}"])


def _one(lake: Lake, name: str, make: Callable[[Lake], int]) -> Rebuilt:
    return Rebuilt([name], aside(lake, [name], make))


def _insist_on(lake: Lake, inputs: Iterable[str]) -> None:
    for name in inputs:
        try:
            told = verify_table(lake, name, newest_only=True)
        except LookupError:
            raise CannotRebuild(
                f"it is made of {name}, and there is no such table yet: `cryptodudez run` makes it"
            ) from None
        if told.differences:
            raise CannotRebuild(f"it is made of {name}, which is damaged: `cryptodudez rebuild {name}` first")
