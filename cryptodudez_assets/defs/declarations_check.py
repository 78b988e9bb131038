"""The standing check `declarations`: which files of sources and views are left out, so that the code location loads without them."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from cryptodudez_assets.declarations import LeftOut
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.lake.metastore.inventory import TABLES

NAME = "declarations"


def build_declarations_check(left_out: Sequence[LeftOut]) -> dg.AssetChecksDefinition:
    """The check. Beside its runs, the reconciling sensor tells its answer whenever that changes."""

    @dg.asset_check(
        asset=key_of(TABLES.name),
        name=NAME,
        description=" ".join(["Every file that declares a source or a view could be loaded.", *map(str, left_out)]),
    )
    def declarations() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(**_answer(left_out))

    return declarations


def evaluation_of(left_out: Sequence[LeftOut]) -> dg.AssetCheckEvaluation:
    """The answer without a run."""
    return dg.AssetCheckEvaluation(asset_key=key_of(TABLES.name), check_name=NAME, **_answer(left_out))


def _answer(left_out: Sequence[LeftOut]) -> dict[str, Any]:
    return {
        "passed": not left_out,
        "severity": dg.AssetCheckSeverity.ERROR,
        "description": "; ".join(map(str, left_out)) or "every declaration is loaded",
        "metadata": {f"{one.file}:{one.line}": dg.MetadataValue.text(one.reason) for one in left_out},
    }
