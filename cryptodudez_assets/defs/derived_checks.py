"""Asset checks generated for every derived table: its contract, its files, its own, and, where it has days, which are behind."""

from datetime import date, timedelta
from typing import Any

import dagster as dg
import polars as pl

from cryptodudez_assets.defs.automation import hourly, looks_again, never_looked
from cryptodudez_assets.defs.judged import CONTENT
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.shown import markdown
from cryptodudez_assets.defs.table_checks import build_table_checks
from cryptodudez_assets.defs.watching import QUALITY, REPLACED
from cryptodudez_assets.derived.declaration import Daily, Derived
from cryptodudez_assets.derived.own_checks import TableCheck
from cryptodudez_assets.derived.quality import Quality
from cryptodudez_assets.derived.upkeep.day_counts import judge_quality
from cryptodudez_assets.derived.upkeep.gates import Refused
from cryptodudez_assets.derived.upkeep.looking import NotKept, look
from cryptodudez_assets.derived.upkeep.materialize import stale, without_rows
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake

DAYS = "days"
SHOWN = 20


def build_derived_checks(table: Derived) -> list[dg.AssetChecksDefinition]:
    """All checks of a derived table that any has."""
    checks = []
    for stored in table.stored:
        key = table.identity if stored.name == table.table else stored.sort_by
        checks += build_table_checks(stored.name, table.contract, key, table.code_hash)
    checks += [_own(table, check) for check in table.checks]
    checks += [_quality(table, table.quality), _replaced(table)] if table.quality else []
    return [*checks, *([_days(table, table.partitions)] if table.partitions else [])]


def _own(table: Derived, check: TableCheck) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(table.table),
        name=check.name,
        blocking=True,
        additional_deps=[key_of(name) for name in check.beside],
        automation_condition=looks_again if check.beside else never_looked,
        description=check.description,
    )
    def of_its_own(lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        content = content_of(opened.tables.table(table.table))  # before the rows, so that newer ones are judged again
        try:
            found = look(opened, table, check)
        except NotKept as error:
            return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=str(error))
        if found is None:
            return dg.AssetCheckResult(passed=True, description=f"{table.table} has not been made yet")
        told: dict[str, Any] = {
            name: markdown(one) if isinstance(one, pl.DataFrame) else one for name, one in found.details.items()
        }
        metadata = told | ({CONTENT: str(content)} if content is not None else {})
        return dg.AssetCheckResult(passed=found.passed, description=found.told, metadata=metadata)

    return of_its_own


def _quality(table: Derived, quality: Quality) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(table.table),
        name=QUALITY,
        description="The newest day that is over has no nulls beyond what is usual, and not far fewer rows. The rows are kept.",
    )
    def quality_of_days(lake: LakeResource) -> dg.AssetCheckResult:
        found = judge_quality(lake.open(), table, quality)
        metadata: dict[str, Any] = {"rows": found.rows, "past_days": found.past_days, **found.nulls}
        if found.limit is not None and found.usual is not None:
            metadata |= {"usual_rows": found.usual, "fewest_rows": found.limit}
        return dg.AssetCheckResult(
            passed=not found.is_poor, severity=dg.AssetCheckSeverity.WARN, description=str(found), metadata=metadata
        )

    return quality_of_days


def _replaced(table: Derived) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(table.table),
        name=REPLACED,
        description="What was computed last was let into the table. An error, told by the step that computes it, where there are rows "
        "without a key, or twice, or none although there are inputs: then the table stays as it was.",
    )
    def was_replaced() -> dg.AssetCheckResult:
        # It is asked where the step that it waits for went well.
        return dg.AssetCheckResult(passed=True, description="what was computed is in the table")

    return was_replaced


def refusal_of(table: Derived, refused: Refused) -> dg.AssetCheckEvaluation:
    """What the check says of rows that were not let into the table."""
    return dg.AssetCheckEvaluation(
        asset_key=key_of(table.table),
        check_name=REPLACED,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=str(refused),
    )


def _days(table: Derived, partitions: Daily) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(table.table),
        name=DAYS,
        automation_condition=hourly,
        description="Each day's rows are what the inputs say now, and no day is missing between the first and the last.",
    )
    def days_are_fresh(lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        behind, missing = behind_days(opened, table, partitions), missing_days(opened, table, partitions)
        told = {"behind": behind, "missing": [str(day) for day in missing]}
        words = [f"{len(days)} days {how}: {', '.join(days[:SHOWN])}" for how, days in told.items() if days]
        metadata: dict[str, Any] = {how: days[:SHOWN] for how, days in told.items()}
        return dg.AssetCheckResult(
            passed=not behind,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(words) or "every day is there and up to date",
            metadata=metadata,
        )

    return days_are_fresh


def behind_days(lake: Lake, table: Derived, partitions: Daily) -> list[str]:
    """The days of rows that do not agree with the inputs as they are now; stretches of them as `first to last`."""
    if without_rows(lake, table):
        return []
    reaches = stale(lake, table)
    if reaches is None:
        return ["all"]
    last = max(days_there(lake, table, partitions), default=None)
    told = []
    for reach in reaches:
        first = reach.start.date() if reach.start else partitions.start
        end = reach.end.date() - timedelta(days=1) if reach.end else last or first
        told.append(str(first) if first >= end else f"{first} to {end}")
    return told


def missing_days(lake: Lake, table: Derived, partitions: Daily) -> list[date]:
    """Days without a row between the first and the last that have one."""
    there = days_there(lake, table, partitions)
    if not there:
        return []
    span = (max(there) - min(there)).days
    return [day for n in range(span) if (day := min(there) + timedelta(days=n)) not in there]


def days_there(lake: Lake, table: Derived, partitions: Daily) -> set[date]:
    """The days that have rows."""
    rows = lake.tables.scan(table.table)
    if rows is None:
        return set()
    column = pl.col(partitions.column).cast(pl.Date)
    return set(rows.select(column.unique()).collect().to_series())
