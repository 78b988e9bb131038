"""Feature views: every module here that holds a `VIEW` is one, and every coin with a signal has its own. Adding a file adds a view."""

from collections.abc import Iterable
from functools import cache

from cryptodudez_assets.declarations import Declarations, Declared, LeftOut, folders_of_own, pickled_by_name, shown
from cryptodudez_assets.declared_models import declared_models, left_out_models
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.declared_rules import left_out_rules
from cryptodudez_assets.derived import Declares, Derived, all_derived, left_out_derived, topological
from cryptodudez_assets.features.checking import problem_of, refuse_unknown_others
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Input
from cryptodudez_assets.features.standing_in import standing_in
from cryptodudez_assets.feeds import left_out_feeds
from cryptodudez_assets.sources import left_out_sources

__all__ = [
    "FeatureContract",
    "FeatureView",
    "Input",
    "all_views",
    "configured_tables",
    "configured_views",
    "left_out",
    "topological",
    "view_named",
]

__path__ += folders_of_own("features")


def _add_those_of_coins(found: Declarations[FeatureView]) -> None:
    """Take the views of each coin that a signal is declared for, once, at the place of that declaration."""
    coins = {one.value.coin: (one, one.value) for one in declared_models().taken if isinstance(one.value, SignalModel)}
    for coin, (one, model) in coins.items():
        try:
            from cryptodudez_assets.features.coin_views import views_of

            views = views_of(coin)
            refuse_unknown_others(model, views)
        except Exception as error:  # they read views whose files may be those that cannot be loaded
            reason = f"the views of {coin.name} cannot be made: {error}"
            found.left_out.append(LeftOut(found.kind, shown(one.file), one.line, reason))
        else:
            found.taken += [Declared(one.file, one.line, view, found.kind) for view in views]


DECLARES = Declares("VIEW", "feature view", FeatureView, problem_of, "the view", _add_those_of_coins)


pickled_by_name(FeatureView, all_derived, lambda view: view.table)


@cache
def all_views() -> dict[str, FeatureView]:
    """Every declared view by name, in alphabetical order; none takes what it reads for known too early.

    What cannot be taken is in `left_out`.
    """
    views = [table for table in all_derived().values() if isinstance(table, FeatureView)]
    return {view.name: view for view in sorted(views, key=lambda view: view.name)}


def left_out() -> list[LeftOut]:
    """Every declaration that is left out."""
    return [*left_out_sources(), *left_out_models(), *left_out_derived(), *left_out_rules(), *left_out_feeds()]


def view_named(name: str, key: Iterable[str], features: Iterable[str]) -> FeatureView:
    """The view of this name, for whoever stands on these features of it; where it is left out, what stands for it."""
    return all_views().get(name) or standing_in(name, key, features)


def configured_views(rolling_days: int) -> list[FeatureView]:
    """The same, with `stock_rolling` over so many calendar days instead of its rows; 0: as it is declared."""
    if not rolling_days or "stock_rolling" not in all_views():
        return list(all_views().values())
    from cryptodudez_assets.features.stock_rolling import rolling_view

    return list((all_views() | {"stock_rolling": rolling_view(rolling_days)}).values())


def configured_tables(rolling_days: int) -> list[Derived]:
    """Every derived table, views among them, as these are configured."""
    others = [table for table in all_derived().values() if not isinstance(table, FeatureView)]
    return [*others, *configured_views(rolling_days)]
