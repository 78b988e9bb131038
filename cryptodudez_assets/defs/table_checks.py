"""The blocking checks that every table has: it keeps its contract, and its files are what was written."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.defs.automation import never_looked
from cryptodudez_assets.defs.contract_check import build_contract_check
from cryptodudez_assets.defs.judged import CONTENT
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.upkeep.verify import Verified, verify_table

INTACT = "intact"
NAMED = 5
"""Files that a check's description names."""


def build_table_checks(
    table: str, contract: type[Contract], key: Sequence[str], version: str
) -> list[dg.AssetChecksDefinition]:
    """The checks for one table; without a `key`, rows need not be unique."""
    return [build_contract_check(table, contract, key, version), _intact(table)]


def _intact(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(table),
        name=INTACT,
        blocking=True,
        automation_condition=never_looked,
        description="The files of its present version have the SHA-256 that was recorded when they were written. The nightly "
        "upkeep looks, too, at all files of all versions.",
    )
    def is_intact(lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        try:
            content = _content(opened, table)  # before its files, so that newer ones are looked at again
            told = verify_table(opened, table, newest_only=True)
        except LookupError as missing:
            return dg.AssetCheckResult(passed=True, description=str(missing))
        passed, description = verdict_on(told)
        metadata: dict[str, Any] = {
            "files": told.files,
            "bytes": told.bytes,
            "not_recorded": len(told.unrecorded),
            **({CONTENT: str(content)} if content is not None else {}),
        }
        return dg.AssetCheckResult(passed=passed, description=description, metadata=metadata)

    return is_intact


def _content(lake: Lake, table: str) -> int | None:
    """What the check is about; None where the table's metadata cannot be read, which the check itself then says."""
    try:
        return content_of(lake.tables.table(table))
    except (HomeRefused, OSError, ValueError):
        return None


def verdict_on(told: Verified) -> tuple[bool, str]:
    """Whether the present version of a table is intact, and in words why not."""
    wrong = [one for one in told.differences if one.is_read]
    if not wrong:
        return True, f"{told.files:,} files are what was written"
    named = "; ".join(f"{one.where} {one.problem}" for one in wrong[:NAMED])
    more = f"; and {len(wrong) - NAMED:,} more" * (len(wrong) > NAMED)
    return False, f"{named}{more}: {wrong[0].remedy}"
