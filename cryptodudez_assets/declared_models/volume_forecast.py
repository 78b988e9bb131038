"""The volume of a stock's next trading day."""

from cryptodudez_assets.declared_models.forecast import VolumeForecast

MODEL = VolumeForecast(name="volume_forecast", reads="features.stock_volume", serves="/forecast/volume", place=3)
