"""Jobs by what they are for, to be started by hand: features, training.

Automation asks for assets, not for these. Ingest's jobs are made with the sensors that ask for them (`source_sensors.py`); what runs at
night and makes no asset has its job where that is: `lake_assets.py`, `contract_check.py`, `complying.py`.
"""

from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from cryptodudez_assets.declared_models.declaration import Model
from cryptodudez_assets.defs.derived_assets import derived_keys
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.features.declaration import FeatureView

FEATURES, TRAIN = "features", "train_"


def build_jobs(views: Iterable[FeatureView], models: Iterable[Model]) -> list[UnresolvedAssetJobDefinition]:
    """Those of features and models that are there; the sources' are made with their sensors."""
    keys = [key for view in views for key in derived_keys(view)]
    features = dg.define_asset_job(
        FEATURES, dg.AssetSelection.assets(*keys), description="Brings all features up to date."
    )
    return [*([features] if keys else []), *map(_training_job, models)]


def _training_job(model: Model) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        f"{TRAIN}{model.name}",
        dg.AssetSelection.assets(*(key_of(name) for name in model.tables)),
        description=f"Trains and judges {model.name}, and has the better one serve.",
    )
