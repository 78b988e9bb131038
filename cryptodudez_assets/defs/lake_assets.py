"""Assets and jobs about the lake as a whole: the list of its tables, and their upkeep."""

from typing import Any

import dagster as dg

from cryptodudez_assets.contracts.catalogue import Tables
from cryptodudez_assets.defs.automation import on_sound_update
from cryptodudez_assets.defs.metadata import INVENTORY, contract_schema, key_of, table_metadata
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.inventory import TABLES, take_inventory


def build_inventory(tables: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The asset that lists all tables, made anew whenever one of them changed."""

    @dg.asset(
        key=key_of(TABLES.name),
        deps=tables,
        description="The metastore's tables: where each lies, how many rows and bytes it has, how fresh it is.",
        group_name=INVENTORY,
        owners=["team:platform"],
        kinds={"iceberg"},
        automation_condition=on_sound_update,
        metadata={"dagster/column_schema": contract_schema(Tables)},
    )
    def tables_of_the_lake(lake: LakeResource) -> dg.MaterializeResult[Any]:
        opened = lake.open()
        take_inventory(opened)
        return dg.MaterializeResult(metadata=table_metadata(opened, TABLES.name))

    return tables_of_the_lake


@dg.op(description="Compact small files, expire old snapshots, remove what nothing refers to.")
def maintain_tables(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Upkeep of every table."""
    from cryptodudez_assets.lake.maintenance import maintain

    for done in maintain(lake.open()):
        context.log.info(str(done))


@dg.op(description="Copy the catalog's database into the home's folder of backups, if it is a file.")
def back_up_catalog(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Backup of what names the tables."""
    from cryptodudez_assets.lake.catalog_database import back_up
    from cryptodudez_assets.lake.lake import now

    made = back_up(lake.open().settings, now())
    context.log.info(
        f"backup of the catalog: {made}" if made else "no backup: the catalog is no file, or there is none yet"
    )


@dg.job(
    description="Backup of the catalog, and upkeep of every table: compaction, snapshot expiry, removal of orphaned files."
)
def maintenance() -> None:
    """Run the upkeep."""
    back_up_catalog()
    maintain_tables()


nightly_maintenance = dg.ScheduleDefinition(
    job=maintenance,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
