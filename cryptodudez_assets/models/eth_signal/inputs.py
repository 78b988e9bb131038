"""What the signal's models see: which features of which views, read for the past and for now.

Returns, ratios and counts only: the level of a price says nothing that holds in another year. Chosen once, with the view of
all columns but of no result; every other choice would be another trial.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptodudez_assets.feature_store.online import OnlineStore
from cryptodudez_assets.features import view_named
from cryptodudez_assets.features.declaration import FeatureView

SYMBOL = "ETH"
TWEETS = (
    "n_tweets",
    "share_replies",
    *("frequency_dogecoin", "frequency_bitcoin", "frequency_ethereum", "frequency_tesla"),
)
CHOSEN: dict[str, tuple[str, ...]] = {
    "crypto_daily": (
        *("log_return_30d", "volatility_30d", "high_low_range", "volume_zscore_30d", "drawdown_365d", "turnover"),
    ),
    "eth_predictors_daily": (
        *("eth_log_return_1d", "eth_log_return_7d"),
        *("eth_log_return_1d_lag_1", "eth_log_return_1d_lag_2", "eth_log_return_1d_lag_3"),
        *("btc_log_return_1d", "btc_log_return_7d", "doge_log_return_1d", "doge_log_return_7d"),
        *("ltc_log_return_1d", "xrp_log_return_1d"),
        *("market_factor_1", "market_factor_2", "market_factor_3", "market_factor_1_share"),
        *("breadth", "coin_market_return", "stock_market_return"),
        *("coin_beta_30d_mean", "coin_beta_30d_dispersion", "coin_correlation_30d_mean", "stock_correlation_30d_mean"),
        *TWEETS,
    ),
}
PRICES = view_named("crypto_daily", ["symbol"], CHOSEN["crypto_daily"])
PREDICTORS = view_named("eth_predictors_daily", [], CHOSEN["eth_predictors_daily"])
VIEWS: tuple[FeatureView, ...] = (PRICES, PREDICTORS)
FEATURES = tuple(f"{view}:{name}" for view, names in CHOSEN.items() for name in names)
"""As `historical_features` is asked for them."""
NAMES = tuple(name.replace(":", "__") for name in FEATURES)
"""As they are called in training sets and requests."""
TWEET_NAMES = tuple(f"{PREDICTORS.name}__{name}" for name in TWEETS)


@dataclass(frozen=True)
class OnlineRow:
    """The newest features of each view, their values in the order of `NAMES`.

    `as_of` says since when the newest of them are known, `oldest` the same of the view that lags most.
    """

    as_of: datetime
    oldest: datetime
    values: list[float | None]


def online_row(store: OnlineStore) -> OnlineRow | None:
    """The newest row in the online store, however old: whoever serves it must say so. None where a view has none."""
    found = [_newest(store, view) for view in VIEWS]
    if any(row["known_ts"] is None for row in found):
        return None
    # A point-in-time read at the later of the two times finds the same, but nothing of a view that lags by more than its ttl.
    known = [row["known_ts"] for row in found]
    values = [row[name] for view, row in zip(VIEWS, found, strict=True) for name in CHOSEN[view.name]]
    return OnlineRow(max(known), min(known), [None if value is None else float(value) for value in values])


def _newest(store: OnlineStore, view: FeatureView) -> dict[str, Any]:
    [row] = store.newest(view, [dict.fromkeys(view.key, SYMBOL)], CHOSEN[view.name])
    return row
