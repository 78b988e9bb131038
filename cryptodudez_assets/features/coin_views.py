"""All views of a coin that something is said about."""

from cryptodudez_assets.declared_models.signal import Coin
from cryptodudez_assets.features.coin_days import days_view
from cryptodudez_assets.features.coin_predictors import predictors_view
from cryptodudez_assets.features.coin_sensitivity import sensitivity_view
from cryptodudez_assets.features.declaration import FeatureView


def views_of(coin: Coin) -> list[FeatureView]:
    """Its own days (where the markets' view has them not), how closely everything moves with it, what may bear on it."""
    days = days_view(coin)
    return [*([days] if days else []), sensitivity_view(coin), predictors_view(coin)]
