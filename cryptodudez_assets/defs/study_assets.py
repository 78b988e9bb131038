"""Studies as assets: a table with every number, the words and plots in the UI, one HTML report."""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from cryptodudez_assets.defs.metadata import contract_schema, key_of, table_metadata
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.table_checks import build_table_checks
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products.dogecoin import DOGECOIN, READS, CarriedOut, carry_out, code_hash, report_path
from cryptodudez_assets.reports.sections import markdown
from cryptodudez_assets.studies.contract import KEY, DogecoinStudy


def study_keys(views: Iterable[FeatureView]) -> list[dg.AssetKey]:
    """The studies whose features are there."""
    return [key_of(DOGECOIN.name)] if set(READS) <= {view.table for view in views} else []


def build_study_assets(views: Iterable[FeatureView]) -> list[dg.AssetsDefinition]:
    """The studies over these views."""
    return [_dogecoin()] if study_keys(views) else []


def build_study_checks(views: Iterable[FeatureView]) -> list[dg.AssetChecksDefinition]:
    """The checks of their tables."""
    return build_table_checks(DOGECOIN.name, DogecoinStudy, KEY, code_hash()) if study_keys(views) else []


def _dogecoin() -> dg.AssetsDefinition:
    @dg.multi_asset(name="study_dogecoin", specs=[_spec()])
    def study_dogecoin(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        waits_for = [name for name in READS if content_of(opened.tables.table(name)) is None]
        if waits_for:
            context.log.info(f"the dogecoin study waits for rows in {', '.join(waits_for)}")
            return
        yield dg.MaterializeResult(asset_key=key_of(DOGECOIN.name), metadata=_told(opened, carry_out(opened)))

    return study_dogecoin


def _told(lake: Lake, done: CarriedOut) -> dict[str, Any]:
    pictures = {f"plot_{name}": dg.MetadataValue.md(f"![{name}]({uri})") for name, uri in done.pictures.items()}
    return {
        **table_metadata(lake, DOGECOIN.name),
        **done.key_numbers,
        "words": dg.MetadataValue.md(markdown(done.words)),
        **pictures,
        "report": dg.MetadataValue.path(report_path(lake)),
    }


def _spec() -> dg.AssetSpec:
    read = [dg.TableColumnDep(key_of(table), column) for table, columns in READS.items() for column in columns]
    return dg.AssetSpec(
        key_of(DOGECOIN.name),
        deps=[key_of(table) for table in READS],
        description=DOGECOIN.description,
        group_name="studies",
        owners=["team:quant-research"],
        kinds={"iceberg", "polars", "matplotlib"},
        tags={"domain": "market"},
        code_version=code_hash(),
        skippable=True,
        metadata={
            "dagster/column_schema": contract_schema(DogecoinStudy),
            "dagster/column_lineage": dg.TableColumnLineage(dict.fromkeys(("value", "z", "n", "p", "q"), read)),
        },
    )
