"""Feature views: every module here that holds a `VIEW` is one. Adding a file adds a view."""

from collections.abc import Iterable
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pkgutil import iter_modules

from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Input, refuse_too_early
from cryptodudez_assets.sources import all_sources

__all__ = ["FeatureContract", "FeatureView", "Input", "all_views", "configured_views", "in_order"]


@cache
def all_views() -> dict[str, FeatureView]:
    """Every declared view by name, in alphabetical order; none takes what it reads for known too early."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    views = [module.VIEW for module in modules if hasattr(module, "VIEW")]
    contracts = {
        table: source.contract
        for source in all_sources().values()
        for table in (source.table, source.observations)
        if table
    }
    refuse_too_early(
        views, contracts | {table: view.contract for view in views for table in (view.table, view.history)}
    )
    return {view.name: view for view in sorted(views, key=lambda view: view.name)}


def configured_views(rolling_days: int) -> list[FeatureView]:
    """The same, with `stock_rolling` over so many calendar days instead of its rows; 0: as it is declared."""
    from cryptodudez_assets.features.stock_rolling import rolling_view

    changed = {"stock_rolling": rolling_view(rolling_days)} if rolling_days else {}
    return list((all_views() | changed).values())


def in_order(views: Iterable[FeatureView]) -> list[FeatureView]:
    """The views, each behind those whose tables it reads."""
    tables = {view.table: view for view in views}
    graph = {name: {one.table for one in view.inputs if one.table in tables} for name, view in tables.items()}
    return [tables[name] for name in TopologicalSorter(graph).static_order()]
