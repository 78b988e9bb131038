"""Studies as assets: a table with every number, the words and plots in the UI, one HTML report."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from cryptodudez_assets.defs.column_lineage import columns
from cryptodudez_assets.defs.metadata import contract_schema, key_of, report_link, table_metadata
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.shown import number
from cryptodudez_assets.defs.table_checks import build_table_checks
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products import dogecoin, mood, trends
from cryptodudez_assets.products.dogecoin import CarriedOut
from cryptodudez_assets.reports.sections import markdown
from cryptodudez_assets.studies.contract import KEY
from cryptodudez_assets.studies.mood.contract import KEY as KEY_OF_MOOD
from cryptodudez_assets.studies.trends.contract import KEY as KEY_OF_TRENDS


@dataclass(frozen=True)
class StudyAsset:
    """A study. `reads`: columns by table; it does without the `optional` ones. `numbers`: columns that depend on all it reads."""

    spec: TableSpec
    key: Sequence[str]
    reads: Mapping[str, Sequence[str]]
    carry_out: Callable[[Lake], CarriedOut]
    report: str
    code_hash: Callable[[], str]
    domain: str
    numbers: Sequence[str]
    optional: Collection[str] = ()

    @property
    def name(self) -> str:
        """Its name within its namespace."""
        return self.spec.name.partition(".")[2]

    @property
    def needs(self) -> set[str]:
        """The tables without which it waits."""
        return set(self.reads) - set(self.optional)


STUDIES = [
    StudyAsset(
        dogecoin.DOGECOIN,
        KEY,
        dogecoin.READS,
        dogecoin.carry_out,
        dogecoin.REPORT,
        dogecoin.code_hash,
        "market",
        ("value", "z", "n", "p", "q"),
    ),
    StudyAsset(
        mood.MOOD,
        KEY_OF_MOOD,
        mood.READS,
        mood.carry_out,
        mood.REPORT,
        mood.code_hash,
        "social",
        ("correlation", "n", "n_candles", "low", "high", "detectable", "p", "q"),
        mood.OPTIONAL,
    ),
    StudyAsset(
        trends.TRENDS,
        KEY_OF_TRENDS,
        trends.READS,
        trends.carry_out,
        trends.REPORT,
        trends.code_hash,
        "market",
        ("n", "correlation", "low", "high", "p", "q", "n_later", "correlation_later", "p_later"),
        trends.OPTIONAL,
    ),
]


def study_keys(derived: Iterable[Derived]) -> list[dg.AssetKey]:
    """The studies whose tables are there."""
    return [key_of(study.spec.name) for study in _over(derived)]


def build_study_assets(derived: Iterable[Derived], api_url: str) -> list[dg.AssetsDefinition]:
    """The studies over these tables. `api_url`: where their reports are served."""
    tables = _tables(derived)
    return [_asset(study, tables, api_url) for study in STUDIES if study.needs <= tables]


def build_study_checks(derived: Iterable[Derived]) -> list[dg.AssetChecksDefinition]:
    """The checks of their tables."""
    return [
        check
        for study in _over(derived)
        for check in build_table_checks(study.spec.name, study.spec.contract, study.key, study.code_hash())
    ]


def _over(derived: Iterable[Derived]) -> list[StudyAsset]:
    tables = _tables(derived)
    return [study for study in STUDIES if study.needs <= tables]


def _tables(derived: Iterable[Derived]) -> set[str]:
    return {table.table for table in derived}


def _asset(study: StudyAsset, tables: set[str], api_url: str) -> dg.AssetsDefinition:
    @dg.multi_asset(name=f"study_{study.name}", specs=[_spec(study, tables, api_url)])
    def carry_out_study(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult[Any]]:
        opened = lake.open()
        waits_for = [name for name in study.needs if content_of(opened.tables.table(name)) is None]
        if waits_for:
            context.log.info(f"the {study.name} study waits for rows in {', '.join(sorted(waits_for))}")
            return
        told = _told(opened, study, study.carry_out(opened))
        yield dg.MaterializeResult(asset_key=key_of(study.spec.name), metadata=told)

    return carry_out_study


def _told(lake: Lake, study: StudyAsset, done: CarriedOut) -> dict[str, Any]:
    pictures = {f"plot_{name}": dg.MetadataValue.md(f"![{name}]({uri})") for name, uri in done.pictures.items()}
    return {
        **table_metadata(lake, study.spec.name),
        **{name: number(one) if isinstance(one, float) else one for name, one in done.key_numbers.items()},
        "words": dg.MetadataValue.md(markdown(done.words)),
        **pictures,
        "report_file": dg.MetadataValue.path(pages.place(lake, study.report)),
    }


def _spec(study: StudyAsset, tables: set[str], api_url: str) -> dg.AssetSpec:
    reads = {name: found for name, found in study.reads.items() if name in tables}
    read = [dg.TableColumnDep(key_of(table), column) for table, found in reads.items() for column in found]
    return dg.AssetSpec(
        key_of(study.spec.name),
        deps=[key_of(table) for table in reads],
        description=study.spec.description,
        group_name="studies",
        owners=["team:quant-research"],
        kinds={"iceberg", "polars", "matplotlib"},
        tags={"domain": study.domain},
        code_version=study.code_hash(),
        skippable=True,
        metadata={
            "report": report_link(api_url, study.report),
            **columns(contract_schema(study.spec.contract), dict.fromkeys(study.numbers, read)),
        },
    )
