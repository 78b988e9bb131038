"""The blocking check that every table has: its rows keep the rules of the contract, and its key is unique."""

from collections.abc import Sequence

import dagster as dg
import numpy as np
import polars as pl

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.contracts.rules import evaluate_rules
from cryptodudez_assets.defs.judged import CONTENT
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.iceberg.scan import planned_files, scan_files
from cryptodudez_assets.lake.lake import Lake


def build_contract_check(
    table: str, contract: type[Contract], key: Sequence[str], version: str
) -> dg.AssetChecksDefinition:
    """The check for one table; without a `key`, rows need not be unique."""
    unique = f", and ({', '.join(key)}) is unique." if key else "."

    @dg.asset_check(
        asset=key_of(table),
        name="contract",
        blocking=True,
        description=f"Every row of {table} keeps the rules of its contract{unique}",
    )
    def keeps_contract(lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        content = content_of(opened.tables.table(table))  # before the rows, so that newer ones are judged again
        errors, warnings = count_broken_rules(opened, table, contract)
        if key and (repeated := _repeated_keys(opened, table, key)):
            errors["key_repeats"] = repeated
        return dg.AssetCheckResult(
            passed=not errors,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"broken rules: {errors}" if errors else "every rule holds",
            metadata={
                "errors": errors,
                "warnings": warnings,
                "contract_version": version,
                **({CONTENT: str(content)} if content is not None else {}),
            },
        )

    return keeps_contract


def count_broken_rules(lake: Lake, table: str, contract: type[Contract]) -> tuple[dict[str, int], dict[str, int]]:
    """How many rows of the table break which errors and which warnings. One data file at a time, for memory's sake."""
    found = lake.tables.table(table)
    errors: dict[str, int] = {}
    warnings: dict[str, int] = {}
    for path in planned_files(found) if found is not None else ():
        assert found is not None  # noqa: S101  (for the type checker: there are paths)
        for finding in evaluate_rules(contract, scan_files(found, [path]).collect()):
            counts = warnings if finding.is_warning else errors
            counts[finding.rule] = counts.get(finding.rule, 0) + int(finding.broken.sum())
    return errors, warnings


def _repeated_keys(lake: Lake, table: str, key: Sequence[str]) -> int:
    """How many rows have a key that an earlier row has. A hash for each row is held, not its key: tables may be large."""
    found = lake.tables.table(table)
    paths = planned_files(found) if found is not None else []
    if found is None or not paths:
        return 0
    keys = pl.struct(key)
    parts = (scan_files(found, [path]).select(keys.hash()).collect().to_series().to_numpy() for path in paths)
    hashes = np.concatenate(list(parts))
    hashes.sort()
    if not (hashes[1:] == hashes[:-1]).any():
        return 0
    # Equal keys, or else equal hashes by chance: counted exactly.
    return int(scan_files(found, paths).select(pl.len() - keys.n_unique()).collect(engine="streaming").item())
