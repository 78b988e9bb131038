"""Studies as assets: a table with every number, the words and plots in the UI, one HTML report."""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.defs.metadata import contract_schema, key_of, table_metadata
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.table_checks import build_table_checks
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products.dogecoin import CRYPTO, DOGECOIN, READS, TERMS, report_path, version
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
    return build_table_checks(DOGECOIN.name, DogecoinStudy, KEY, version()) if study_keys(views) else []


def _dogecoin() -> dg.AssetsDefinition:
    @dg.multi_asset(name="study_dogecoin", specs=[_spec()])
    def study_dogecoin(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        waits_for = [name for name in READS if content_of(opened.tables.table(name)) is None]
        if waits_for:
            context.log.info(f"the dogecoin study waits for rows in {', '.join(waits_for)}")
            return
        yield dg.MaterializeResult(asset_key=key_of(DOGECOIN.name), metadata=carry_out(opened))

    return study_dogecoin


def carry_out(lake: Lake) -> dict[str, Any]:
    """Study, report and table; what the UI is to show of them."""
    # Drawing takes long to load, leaves a folder of its own where it is, and is needed only here.
    from cryptodudez_assets.reports.figures import data_uri
    from cryptodudez_assets.reports.page import write
    from cryptodudez_assets.studies import dogecoin, plots, report, result, words

    inputs = {name: lake.tables.load(name) for name in READS}
    made = MadeFrom(version(), {name: content_of(table) or 0 for name, table in inputs.items()})
    found = dogecoin.study(scan(inputs[CRYPTO]), scan(inputs[TERMS]))
    told, drawn = words.sections(found), plots.draw(found)
    write(report_path(lake), report.page(found, told, drawn))
    # The table comes last, since it says what it was made from.
    with lake.tables.changing(DOGECOIN) as change:
        change.delete(AlwaysTrue()).add(result.rows_of(found)).note(made.note).remember(made.note).as_result()
    pictures = {f"plot_{name}": dg.MetadataValue.md(f"![{name}]({data_uri(svg)})") for name, svg in drawn.items()}
    return {
        **table_metadata(lake, DOGECOIN.name),
        **result.key_numbers(found),
        "words": dg.MetadataValue.md(markdown(told)),
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
        code_version=version(),
        skippable=True,
        metadata={
            "dagster/column_schema": contract_schema(DogecoinStudy),
            "dagster/column_lineage": dg.TableColumnLineage(dict.fromkeys(("value", "z", "n", "p", "q"), read)),
        },
    )
