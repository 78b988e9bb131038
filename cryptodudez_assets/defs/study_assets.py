"""Studies as assets: a table with every number, the words and plots in the UI, one HTML report."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets import studies
from cryptodudez_assets.defs.automation import on_sound_update_of_all
from cryptodudez_assets.defs.metadata import contract_schema, key_of, table_metadata
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.table_checks import build_table_checks
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.tables import TableSpec
from cryptodudez_assets.reports.page import write
from cryptodudez_assets.reports.sections import markdown
from cryptodudez_assets.studies.contract import KEY, DogecoinStudy

DOGECOIN = TableSpec("studies.dogecoin", DogecoinStudy, (), KEY)
CRYPTO, TERMS = "features.crypto_daily", "features.term_frequency_daily"
READS = {
    CRYPTO: ["symbol", "event_ts", "close", "log_return_1d"],
    TERMS: ["term", "event_ts", "n_tweets", "n_tweets_all"],
}


def study_keys(views: Iterable[FeatureView]) -> list[dg.AssetKey]:
    """The studies whose features are there."""
    return [key_of(DOGECOIN.name)] if set(READS) <= {view.table for view in views} else []


def build_study_assets(views: Iterable[FeatureView]) -> list[dg.AssetsDefinition]:
    """The studies over these views."""
    return [_dogecoin()] if study_keys(views) else []


def build_study_checks(views: Iterable[FeatureView]) -> list[dg.AssetChecksDefinition]:
    """The checks of their tables."""
    return build_table_checks(DOGECOIN.name, DogecoinStudy, KEY, _version()) if study_keys(views) else []


def _dogecoin() -> dg.AssetsDefinition:
    @dg.multi_asset(name="study_dogecoin", specs=[_spec()])
    def study_dogecoin(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        crypto, terms = opened.tables.scan(CRYPTO), opened.tables.scan(TERMS)
        if crypto is None or terms is None:
            context.log.info(f"the dogecoin study waits for {CRYPTO if crypto is None else TERMS}")
            return
        yield dg.MaterializeResult(asset_key=key_of(DOGECOIN.name), metadata=carry_out(opened, crypto, terms))

    return study_dogecoin


def report_path(lake: Lake) -> Path:
    """Where the report is written."""
    return lake.settings.home / "reports" / "dogecoin.html"


def carry_out(lake: Lake, crypto: pl.LazyFrame, terms: pl.LazyFrame) -> dict[str, Any]:
    """Study, table and report; what the UI is to show of them."""
    # Drawing takes long to load, and is needed only here.
    from cryptodudez_assets.reports.figures import data_uri
    from cryptodudez_assets.studies import dogecoin, plots, report, result, words

    found = dogecoin.study(crypto, terms)
    told, drawn = words.sections(found), plots.draw(found)
    with lake.tables.changing(DOGECOIN) as change:
        change.delete(AlwaysTrue()).add(result.rows_of(found))
    write(report_path(lake), report.page(found, told, drawn))
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
        code_version=_version(),
        skippable=True,
        automation_condition=on_sound_update_of_all,
        metadata={
            "dagster/column_schema": contract_schema(DogecoinStudy),
            "dagster/column_lineage": dg.TableColumnLineage(dict.fromkeys(("value", "z", "n", "p", "q"), read)),
        },
    )


def _version() -> str:
    """A hash of the studies' code."""
    files = sorted(Path(studies.__file__).parent.glob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
