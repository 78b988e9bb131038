"""Feature views: every module here that holds a `VIEW` is one. Adding a file adds a view."""

from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.declarations import Declarations, LeftOut, declared_in
from cryptodudez_assets.features.checking import problem_of
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Input, refuse_too_early
from cryptodudez_assets.features.standing_in import standing_in
from cryptodudez_assets.sources import all_sources, left_out_sources

__all__ = [
    "FeatureContract",
    "FeatureView",
    "Input",
    "all_views",
    "configured_views",
    "in_order",
    "left_out",
    "left_out_views",
    "view_named",
]


@cache
def all_views() -> dict[str, FeatureView]:
    """Every declared view by name, in alphabetical order; none takes what it reads for known too early.

    What cannot be taken is in `left_out_views`.
    """
    taken = [one.value for one in _look().taken]
    return {view.name: view for view in sorted(taken, key=lambda view: view.name)}


def left_out_views() -> list[LeftOut]:
    """The files of views that are left out, each with its reason."""
    return sorted(_look().left_out)


def left_out() -> list[LeftOut]:
    """Every declaration that is left out."""
    return [*left_out_sources(), *left_out_views()]


def view_named(name: str, key: Iterable[str], features: Iterable[str]) -> FeatureView:
    """The view of this name, for whoever stands on these features of it; where it is left out, what stands for it."""
    return all_views().get(name) or standing_in(name, key, features)


def configured_views(rolling_days: int) -> list[FeatureView]:
    """The same, with `stock_rolling` over so many calendar days instead of its rows; 0: as it is declared."""
    if not rolling_days or "stock_rolling" not in all_views():
        return list(all_views().values())
    from cryptodudez_assets.features.stock_rolling import rolling_view

    return list((all_views() | {"stock_rolling": rolling_view(rolling_days)}).values())


def topological(views: Iterable[FeatureView]) -> list[FeatureView]:
    """The views, each behind those whose tables it reads."""
    tables = {view.table: view for view in views}
    graph = {name: {one.table for one in view.inputs if one.table in tables} for name, view in tables.items()}
    return [tables[name] for name in TopologicalSorter(graph).static_order()]


def _look() -> Declarations[FeatureView]:
    found = declared_in(__name__, __path__, "VIEW", "feature view", FeatureView)
    found.keep(problem_of)
    found.leave_out_shared(
        lambda view: [view.name, f"{view.name}_versions"] if view.versions else [view.name], "the view"
    )
    contracts: dict[str, type[Contract]] = {
        table: source.contract
        for source in all_sources().values()
        for table in (source.table, source.observations)
        if table
    }
    contracts |= {table: one.value.contract for one in found.taken for table in (one.value.table, one.value.history)}

    def too_early(view: FeatureView) -> None:
        refuse_too_early([view], contracts)

    found.keep(too_early)
    _leave_out_circles(found)
    return found


def _leave_out_circles(found: Declarations[FeatureView]) -> None:
    """Views that read each other's tables in a circle can never be made."""
    while True:
        try:
            topological(one.value for one in found.taken)
        except CycleError as error:
            circle = error.args[1]
            for one in [one for one in found.taken if one.value.table in circle]:
                found.leave_out(one, f"it reads what is made from itself: {' from '.join(circle)}")
        else:
            return
