"""The Ethereum signal, by the short names that tests call its parts."""

from cryptodudez_assets.declared_models import all_models
from cryptodudez_assets.declared_models.forecast import VolumeForecast
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.declared_models.volume import VolumeModel
from cryptodudez_assets.models.signal.inputs import inputs_of


def _declared() -> tuple[SignalModel, VolumeModel, VolumeForecast]:
    ether, volume, forecast = (all_models()[name] for name in ("eth_signal", "volume_model", "volume_forecast"))
    assert isinstance(ether, SignalModel)
    assert isinstance(volume, VolumeModel)
    assert isinstance(forecast, VolumeForecast)
    return ether, volume, forecast


ETHER, VOLUME_MODEL, FORECAST_MODEL = _declared()
SIGNAL, VOLUME = ETHER.name, VOLUME_MODEL.name
INPUTS = inputs_of(ETHER)
CHOSEN, NAMES, VIEWS, SYMBOL = INPUTS.chosen, INPUTS.names, INPUTS.views, INPUTS.symbol
PRICES, PREDICTORS = VIEWS
