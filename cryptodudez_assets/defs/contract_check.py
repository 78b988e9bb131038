"""The blocking check that every table has: its rows keep the rules of the contract, and its key is unique.

Each materialization has what is new judged; every night, and by `cryptodudez run --check-all`, all rows are.
"""

from collections.abc import Iterable, Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.defs.judged import CONTENT
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.upkeep.judging import judge_table

NAME = "contract"
ALL_ROWS = "check_all_rows"
"""The job that has all rows of all tables judged."""


class ContractCheckConfig(dg.Config):
    """Which data files are judged: by default those that are new since the table last passed."""

    everything: bool = False


def build_contract_check(
    table: str, contract: type[Contract], key: Sequence[str], version: str
) -> dg.AssetChecksDefinition:
    """The check for one table; without a `key`, rows need not be unique."""
    unique = f", and ({', '.join(key)}) is unique." if key else "."

    @dg.asset_check(
        asset=key_of(table),
        name=NAME,
        blocking=True,
        description=f"Every row of {table} keeps the rules of its contract{unique} Data files that passed are judged again each "
        "night.",
    )
    def keeps_contract(config: ContractCheckConfig, lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        content = content_of(opened.tables.table(table))  # before the rows, so that newer ones are judged again
        found = judge_table(opened, table, contract, key, version, everything=config.everything)
        return dg.AssetCheckResult(
            passed=not found.errors,
            severity=dg.AssetCheckSeverity.ERROR,
            description=str(found),
            metadata={
                "errors": found.errors,
                "warnings": found.warnings,
                "rows_judged": found.rows,
                "rows_compared": found.compared,
                "files_judged": found.files,
                "files": found.files_in_all,
                "contract_version": version,
                **({CONTENT: str(content)} if content is not None else {}),
            },
        )

    return keeps_contract


def build_full_check(
    checks: Iterable[dg.AssetsDefinition],
) -> tuple[UnresolvedAssetJobDefinition, dg.ScheduleDefinition]:
    """The job that judges all rows of the tables among these checks, and when it is done."""
    chosen = [one for one in checks if any(key.name == NAME for key in one.check_keys)]
    everything = {"config": ContractCheckConfig(everything=True).model_dump()}
    job = dg.define_asset_job(
        ALL_ROWS,
        selection=dg.AssetSelection.checks(*(key for one in chosen for key in one.check_keys)),
        config={"ops": {one.node_def.name: everything for one in chosen}},
        description="Every row of every table is judged by its contract, also in data files that passed before.",
    )
    nightly = dg.ScheduleDefinition(
        job=job,
        cron_schedule="30 4 * * *",  # behind the upkeep
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return job, nightly
