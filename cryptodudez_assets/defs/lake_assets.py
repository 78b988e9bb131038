"""Assets and jobs about the lake as a whole: the list of its tables, their upkeep, and whether all is as it was written."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from cryptodudez_assets.contracts.base import summary_of
from cryptodudez_assets.contracts.catalogue import Tables
from cryptodudez_assets.contracts.erasures import Erasures
from cryptodudez_assets.defs.metadata import INVENTORY, contract_schema, key_of, table_metadata
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.table_checks import INTACT, verdict_on
from cryptodudez_assets.lake.erasing.registry import ERASURES
from cryptodudez_assets.lake.metastore.inventory import TABLES, take_inventory
from cryptodudez_assets.lake.upkeep.verify import Difference, verify_raw, verify_table


def build_inventory(tables: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset that lists all tables, made anew whenever one of them changed."""

    @dg.asset(
        key=key_of(TABLES.name),
        deps=tables,
        description="The metastore's tables: where each lies, how many rows and bytes it has, how fresh it is.",
        group_name=INVENTORY,
        owners=["team:platform"],
        kinds={"iceberg"},
        metadata={"dagster/column_schema": contract_schema(Tables)},
    )
    def tables_of_the_lake(lake: LakeResource) -> dg.MaterializeResult[Any]:
        opened = lake.open()
        take_inventory(opened)
        return dg.MaterializeResult(metadata=table_metadata(opened, TABLES.name))

    return tables_of_the_lake


def build_erasures() -> dg.AssetSpec:
    """The table of who was erased, which commands write."""
    return dg.AssetSpec(
        key_of(ERASURES.name),
        description=f"{summary_of(Erasures)} `cryptodudez erase-user` and `cryptodudez comply` write it.",
        group_name=INVENTORY,
        owners=["team:platform"],
        kinds={"iceberg"},
        metadata={"dagster/column_schema": contract_schema(Erasures)},
    )


@dg.op(description="Copy the catalog's database into the home's folder of backups, if it is a file.")
def back_up_catalog(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Backup of what names the tables."""
    from cryptodudez_assets.lake.iceberg.catalog_database import back_up
    from cryptodudez_assets.lake.lake import now

    made = back_up(lake.open().settings, now())
    context.log.info(
        f"backup of the catalog: {made}" if made else "no backup: the catalog is no file, or there is none yet"
    )


def build_maintenance(sources: Sequence[str], checked: Sequence[str]) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    """The upkeep of the lake, and when it is done. `checked` tables have the check `intact`, which it evaluates."""

    @dg.op(
        description="Compare every file with what was recorded when it was written; compact small files, expire old snapshots, "
        "remove what nothing refers to. A damaged table is left as it is."
    )
    def maintain_tables(context: dg.OpExecutionContext, lake: LakeResource) -> None:
        from cryptodudez_assets.lake.lake import now
        from cryptodudez_assets.lake.upkeep.maintenance import maintain, record_unrecorded
        from cryptodudez_assets.models import shared_receipts
        from cryptodudez_assets.models.verify import verify_models

        opened = lake.open()
        differences: list[Difference] = []
        for name in opened.tables.names():
            told = verify_table(opened, name)
            differences += told.differences
            if name in checked:
                passed, description = verdict_on(told)
                evaluation = dg.AssetCheckEvaluation(
                    key_of(name), INTACT, passed, description=description, blocking=True
                )
                context.log_event(evaluation)  # type: ignore[arg-type]  # Dagster takes it, and does not say so
            if told.differences:
                context.log.error(f"{name} is damaged, and left as it is")
                continue
            if recorded := record_unrecorded(opened, told):
                context.log.info(f"{name}: {recorded} files had no checksum; they are taken as they are from now on")
            for done in maintain(opened, [name]):
                context.log.info(str(done))
        n_forgotten = shared_receipts.forget(opened, now())
        context.log.info(f"{n_forgotten} receipts of over {shared_receipts.KEPT.days} days ago are removed")
        for told in (*(verify_raw(opened, source) for source in sources), *verify_models(opened.settings)):
            differences += told.differences
        if differences:
            raise dg.Failure(
                "\n".join(["files are not what was recorded:", *map(str, differences)]), allow_retries=False
            )
        context.log.info("every file is what was recorded")

    @dg.job(
        description="Backup of the catalog, comparison of all files with their checksums, and upkeep of every table: compaction, "
        "snapshot expiry, removal of orphaned files."
    )
    def maintenance() -> None:
        back_up_catalog()
        maintain_tables()

    nightly = dg.ScheduleDefinition(
        job=maintenance,
        cron_schedule="30 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return maintenance, nightly
