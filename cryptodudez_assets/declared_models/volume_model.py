"""The volume of a stock's day."""

from cryptodudez_assets.declared_models.volume import VolumeModel

MODEL = VolumeModel(name="volume_model", reads="features.stock_rolling", serves="/predict", place=2)
