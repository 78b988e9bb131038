"""What a signal's models see: which features of which views, read for the past and for now.

Returns, ratios and counts only: the level of a price says nothing that holds in another year. Chosen once, with the view of
all columns but of no result; every other choice would be another trial.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.feature_store.online import OnlineStore
from cryptodudez_assets.features import view_named
from cryptodudez_assets.features.coin_days import own_returns
from cryptodudez_assets.features.declaration import FeatureView

OF_PRICES = ("log_return_30d", "volatility_30d", "high_low_range", "volume_zscore_30d", "drawdown_365d", "turnover")
OF_MARKET = (
    *("market_factor_1", "market_factor_2", "market_factor_3", "market_factor_1_share"),
    *("breadth", "coin_market_return", "stock_market_return"),
    *("coin_beta_30d_mean", "coin_beta_30d_dispersion", "coin_correlation_30d_mean", "stock_correlation_30d_mean"),
)
OF_PRICES_TOLD = "from_candle"
"""What is read beside them, and not seen: whether the day's prices are of a candle that was fetched."""
OF_TWEETS = ("n_tweets", "share_replies")


@dataclass(frozen=True)
class OnlineRow:
    """The newest features of each view, their values in the order of the signal's names.

    `as_of` says since when the newest of them are known, `oldest` the same of the view that lags most. `from_candle`: the prices are of
    a candle that was fetched, where the archive lacks the day.
    """

    as_of: datetime
    oldest: datetime
    values: list[float | None]
    from_candle: bool = False


class SignalInputs:
    """The features of one signal."""

    def __init__(self, model: SignalModel) -> None:
        self.symbol = model.coin.symbol
        self._tweets = (*OF_TWEETS, *(f"frequency_{term}" for term in model.coin.terms))
        self.chosen: dict[str, tuple[str, ...]] = {
            "crypto_daily": OF_PRICES,
            model.coin.predictors: (*own_returns(model.coin), *model.others, *OF_MARKET, *self._tweets),
        }
        self._predictors = model.coin.predictors

    @cached_property
    def prices(self) -> FeatureView:
        """The view that the coin's price and its deviation are read from."""
        return view_named("crypto_daily", ["symbol"], [*self.chosen["crypto_daily"], OF_PRICES_TOLD])

    @cached_property
    def predictors(self) -> FeatureView:
        """The view of everything else."""
        return view_named(self._predictors, [], self.chosen[self._predictors])

    @property
    def views(self) -> tuple[FeatureView, FeatureView]:
        """Both."""
        return self.prices, self.predictors

    @cached_property
    def features(self) -> tuple[str, ...]:
        """As `historical_features` is asked for them."""
        return tuple(f"{view}:{name}" for view, names in self.chosen.items() for name in names)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """As they are called in training sets and requests."""
        return tuple(name.replace(":", "__") for name in self.features)

    @property
    def tweet_names(self) -> tuple[str, ...]:
        """Those of them that are about tweets."""
        return tuple(f"{self._predictors}__{name}" for name in self._tweets)

    def online_row(self, store: OnlineStore) -> OnlineRow | None:
        """The newest row in the online store, however old: whoever serves it must say so. None where a view has none."""
        found = [self._newest(store, view) for view in self.views]
        if any(row["known_ts"] is None for row in found):
            return None
        # A point-in-time read at the later of the two times finds the same, but nothing of a view that lags by more than its ttl.
        known = [row["known_ts"] for row in found]
        values = [row[name] for view, row in zip(self.views, found, strict=True) for name in self.chosen[view.name]]
        told = [None if value is None else float(value) for value in values]
        return OnlineRow(max(known), min(known), told, bool(found[0][OF_PRICES_TOLD]))

    def _newest(self, store: OnlineStore, view: FeatureView) -> dict[str, Any]:
        beside = [OF_PRICES_TOLD] if view is self.prices else []
        [row] = store.newest(view, [dict.fromkeys(view.key, self.symbol)], [*self.chosen[view.name], *beside])
        return row


@cache
def inputs_of(model: SignalModel) -> SignalInputs:
    """What this signal's models see."""
    return SignalInputs(model)
