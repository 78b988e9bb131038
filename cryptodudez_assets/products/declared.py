"""All products, from the declarations of sources and derived tables: each behind those that it is made from."""

from collections.abc import Collection, Iterable, Sequence
from functools import partial

from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.forecast import VolumeForecast
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.declared_models.volume import VolumeModel
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.materialize import made_from_by, table_specs
from cryptodudez_assets.feature_store.registry import REGISTRY, code_hash_of
from cryptodudez_assets.features import configured_tables, topological
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.iceberg.provenance import NOTHING, MadeFrom, made_from
from cryptodudez_assets.lake.ingest import lookups
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.inventory import RECEIPTS, TABLES
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.products import dogecoin, incidents, mood, trends
from cryptodudez_assets.products.exports import Exported, exports_of
from cryptodudez_assets.products.look import Look
from cryptodudez_assets.products.models import signal_products, volume_product
from cryptodudez_assets.products.standing import Product
from cryptodudez_assets.sources.declaration import Source


def all_products(lake: Lake) -> list[Product]:
    """Those of all sources and derived tables, as the lake's settings have them."""
    return products_of(lake.sources.values(), configured_tables(lake.settings.rolling_days))


def products_of(sources: Iterable[Source], derived: Iterable[Derived]) -> list[Product]:
    """Those of these sources and derived tables."""
    sources, derived = list(sources), topological(derived)
    views = [table for table in derived if isinstance(table, FeatureView)]
    names = {view.name for view in views}
    tables = {*(source.table for source in sources), *(table.table for table in derived)}
    return [
        *map(_looked_up, (source for source in sources if source.lookup)),
        *map(_derived, derived),
        *(product for one in models_of_kind(SignalModel) if _reads(one) <= names for product in signal_products(one)),
        *(volume_product(one) for one in models_of_kind(VolumeModel) if one.reads in tables),
        *(volume_product(one) for one in models_of_kind(VolumeForecast) if one.reads in tables),
        *([_study()] if set(dogecoin.READS) <= tables else ()),
        *([_mood(tables)] if mood.POSTS in tables else ()),
        *([_trends(tables)] if trends.TERMS in tables else ()),
        *([_incidents()] if {incidents.SPREADS, incidents.GAPS} <= tables else ()),
        *map(_export, exports_of(sources, derived)),
        *map(_online, views),
        *([_registry(views)] if views else ()),
        _inventory(),
    ]


def _reads(model: SignalModel) -> set[str]:
    """The views that a signal is made from."""
    return {view.name for view in inputs_of(model).views}


def online_name(view: FeatureView) -> str:
    """The view in the online store."""
    return f"online.{view.name}"


def _looked_up(source: Source) -> Product:
    """A source's table, as far as another table tells a column of it. What its files tell is asked of files."""
    lookup = source.lookup
    assert lookup is not None  # noqa: S101  (for the type checker: the caller has looked)
    return Product(
        (source.table,),
        lambda _: [lookup.table],
        lookups.code_hash_of(lookup),
        lambda look: made_from(look.table(source.table)),
        # Without the other table the column is empty, and so it stays: nothing waits.
        concerns=lambda look: look.content(source.table) is not None and look.content(lookup.table) is not None,
    )


def _derived(table: Derived) -> Product:
    return Product(
        tuple(spec.name for spec in table_specs(table)),
        lambda _: [one.table for one in table.inputs],
        table.code_hash,
        lambda look: made_from_by(table, look.table),
        may_be_absent=frozenset(one.table for one in table.inputs if one.absent is not None),
    )


def _study() -> Product:
    def made(look: Look) -> MadeFrom | None:
        return made_from(look.table(dogecoin.DOGECOIN.name)) if pages.is_there(look.lake, dogecoin.REPORT) else None

    return Product((dogecoin.DOGECOIN.name,), lambda _: list(dogecoin.READS), dogecoin.code_hash(), made)


def _mood(tables: set[str]) -> Product:
    def made(look: Look) -> MadeFrom | None:
        return made_from(look.table(mood.MOOD.name)) if pages.is_there(look.lake, mood.REPORT) else None

    reads = [name for name in mood.READS if name in tables]
    return Product((mood.MOOD.name,), lambda _: reads, mood.code_hash(), made, may_be_absent=frozenset(mood.OPTIONAL))


def _trends(tables: set[str]) -> Product:
    def made(look: Look) -> MadeFrom | None:
        return made_from(look.table(trends.TRENDS.name)) if pages.is_there(look.lake, trends.REPORT) else None

    reads = [name for name in trends.READS if name in tables]
    return Product(
        (trends.TRENDS.name,), lambda _: reads, trends.code_hash(), made, may_be_absent=frozenset(trends.OPTIONAL)
    )


def _incidents() -> Product:
    def inputs(look: Look) -> list[str]:
        # Without a gap there is no table of gaps, and the page says so.
        return [incidents.SPREADS, *([incidents.GAPS] if look.content(incidents.GAPS) is not None else [])]

    return Product(
        (incidents.NAME,),
        inputs,
        incidents.code_hash(),
        lambda look: pages.made_from(look.lake, incidents.REPORT),
    )


def _export(one: Exported) -> Product:
    def absent(tables: Collection[str]) -> int | None:
        return NOTHING if one.is_one_of_several(tables) else None

    return Product(
        (one.product,), lambda _: [one.table], one.code_hash, lambda look: one.made_from(look.lake), absent=absent
    )


def _online(view: FeatureView) -> Product:
    def made(look: Look) -> MadeFrom | None:
        bookmark = look.online.bookmark(view) if look.online else None
        return bookmark.made if bookmark else None

    return Product((online_name(view),), lambda _: [view.history], None, made)


def _registry(views: Sequence[FeatureView]) -> Product:
    return Product(
        (REGISTRY.name,),
        lambda _: [],
        code_hash_of(views),
        lambda look: made_from(look.table(REGISTRY.name)),
        concerns=lambda look: bool(look.names),
    )


def _inventory() -> Product:
    def others(look: Look) -> list[str]:
        return [name for name in look.names if name not in (TABLES.name, RECEIPTS)]

    return Product(
        (TABLES.name,),
        others,
        None,
        partial(_noted, TABLES.name),
        concerns=lambda look: bool(others(look)),
        absent=lambda _: NOTHING,
    )


def _noted(name: str, look: Look) -> MadeFrom | None:
    return made_from(look.table(name))
