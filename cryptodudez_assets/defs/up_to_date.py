"""The standing check `up_to_date`: what has been behind for longer than a landing takes to be followed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.lake import now
from cryptodudez_assets.lake.metastore.inventory import TABLES
from cryptodudez_assets.products.standing import Behind, Product, standing

NAME = "up_to_date"
PATIENCE = timedelta(seconds=60)
SHOWN = 50


def build_up_to_date_check(products: Sequence[Product]) -> dg.AssetChecksDefinition:
    """The check over all products. Beside its runs, the reconciling sensor tells its answer whenever that changes."""

    @dg.asset_check(
        asset=key_of(TABLES.name),
        name=NAME,
        description="Everything was made from what its inputs are now, by the code as it is now.",
    )
    def up_to_date(lake: LakeResource) -> dg.AssetCheckResult:
        late = [one for one in standing(lake.open(), products).behind if one.since and now() - one.since > PATIENCE]
        return dg.AssetCheckResult(**_answer(late))

    return up_to_date


def evaluation_of(late: Sequence[Behind]) -> dg.AssetCheckEvaluation:
    """The answer without a run."""
    return dg.AssetCheckEvaluation(asset_key=key_of(TABLES.name), check_name=NAME, **_answer(late))


def _answer(late: Sequence[Behind]) -> dict[str, Any]:
    named = ", ".join(one.name for one in late[:SHOWN])
    return {
        "passed": not late,
        "severity": dg.AssetCheckSeverity.WARN,
        "description": f"{len(late)} behind: {named}" if late else "everything is up to date",
        "metadata": {one.name: dg.MetadataValue.text(str(one)) for one in late[:SHOWN]},
    }
