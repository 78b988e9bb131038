"""The blocking check of every model that serves: its file is sound."""

import dagster as dg

from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.models.registry import Registry


def build_loads_check(asset: dg.AssetKey, model: str) -> dg.AssetChecksDefinition:
    """The check for the champion of one model."""

    @dg.asset_check(
        asset=asset,
        blocking=True,
        description="The file that serves is the one that was registered, and predicts what it predicted then.",
    )
    def champion_loads(lake: LakeResource) -> dg.AssetCheckResult:
        """Load it as the API does."""
        from cryptodudez_assets.models.predictor import ModelRefused, load

        registry = Registry(lake.open().settings, model)
        promotions = registry.promotions()
        if not promotions:
            return dg.AssetCheckResult(passed=True, description="nothing was promoted yet")
        try:
            predictor = load(registry, promotions[-1].version)
        except ModelRefused as refused:
            return dg.AssetCheckResult(passed=False, description=str(refused))
        return dg.AssetCheckResult(passed=True, description=f"{predictor.manifest.label} loads and predicts as it did")

    return champion_loads
