"""Asset checks generated for every source: contract, conservation of rows, schema changes, what is stuck, how old data are."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
import polars as pl

from cryptodudez_assets.contracts.catalogue import OPEN, Status
from cryptodudez_assets.defs.automation import hourly
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.shown import markdown
from cryptodudez_assets.defs.source_assets import catalogue_key, quarantine_key
from cryptodudez_assets.defs.table_checks import build_table_checks
from cryptodudez_assets.lake.checking import look_back
from cryptodudez_assets.lake.freshness import HOUR, freshness, in_words
from cryptodudez_assets.lake.ingest.undecided import UNDECIDED
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.unknown import look_for_unknown
from cryptodudez_assets.lake.quarantine.review import FILE_NAME, WHERE, overview
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.sources.declaration import Source, SourceCheck

A_WHILE = timedelta(hours=1)
NAMED = 5
"""Reasons that a check's description names."""


def build_source_checks(source: Source) -> Sequence[dg.AssetChecksDefinition]:
    """All checks of a source."""
    checks = build_table_checks(source.table, source.contract, source.key, source.code_hash)
    if source.observations:
        checks += build_table_checks(source.observations, source.contract, (), source.code_hash)
    return [
        *checks,
        _conservation(source),
        _fresh(source),
        _schemas(source),
        _stuck(source),
        _everything_known(source),
        *(_own(source, check) for check in source.checks),
    ]


def _conservation(source: Source) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(source.table),
        name="conservation",
        description="For every file: rows read = rows in the table + rows in quarantine + duplicates.",
    )
    def conservation(lake: LakeResource) -> dg.AssetCheckResult:
        wrong = unbalanced_files(lake.open(), source)
        return dg.AssetCheckResult(
            passed=wrong.is_empty(),
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"{len(wrong)} files do not add up" if len(wrong) else "every file adds up",
            metadata={"files": markdown(wrong)},
        )

    return conservation


def _fresh(source: Source) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(source.table),
        name="fresh",
        description=f"The newest event in the table is at most {in_words(source.fresh_within)} old. When the table was "
        "written does not matter.",
        automation_condition=hourly,  # data age while nothing runs
    )
    def fresh(lake: LakeResource) -> dg.AssetCheckResult:
        found = freshness(lake.open(), source)
        metadata: dict[str, Any] = {"allowed_hours": source.fresh_within / HOUR}
        if found.newest is not None and found.age is not None:
            metadata |= {"newest": dg.MetadataValue.timestamp(found.newest), "age_hours": found.age / HOUR}
        return dg.AssetCheckResult(
            passed=not found.is_old, severity=dg.AssetCheckSeverity.WARN, description=str(found), metadata=metadata
        )

    return fresh


def _schemas(source: Source) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=catalogue_key(source),
        name="schema_change",
        description="The raw files have the columns that their layouts declare: "
        "none missing or retyped (error), none added (warning).",
    )
    def schema_change(lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        schemas = file_entries.schemas_of(opened.tables, source.name)
        problems = _not_loaded(opened, source, schemas.filter(pl.col("problem").is_not_null()))
        added = schemas.filter(pl.col("added").list.len() > 0)
        told = [f"{row['first_uri']}: {row['problem']}" for row in problems.to_dicts()]
        told += [f"{row['first_uri']}: new columns {row['added']}" for row in added.to_dicts()]
        return dg.AssetCheckResult(
            passed=not told,
            severity=dg.AssetCheckSeverity.ERROR if len(problems) else dg.AssetCheckSeverity.WARN,
            description="; ".join(told) or "all files have a known layout",
            metadata={"versions": markdown(schemas.drop("fingerprint"))},
        )

    return schema_change


def _not_loaded(lake: Lake, source: Source, schemas: pl.DataFrame) -> pl.DataFrame:
    """Schemas of which a file is set aside now: after a replay that succeeds there is nothing to complain about."""
    files = file_entries.files_of(lake.tables, source.name).filter(pl.col("status") != Status.LOADED)
    aside = files.select("layout", version="schema_version").unique().collect()
    return schemas.join(aside, on=["layout", "version"], how="semi", nulls_equal=True)


def _stuck(source: Source) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=quarantine_key(source),
        name="nothing_left_behind",
        blocking=True,  # it fails the run where it is an error; nothing stands on the quarantine
        description="Nothing of this source is in quarantine, pending or unreadable now (warning), and its declaration can be "
        "used (error).",
    )
    def nothing_left_behind(lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        aside = overview(opened, source.name)
        waiting = (
            file_entries.files_of(opened.tables, source.name)
            .filter(pl.col("status").is_in([str(status) for status in OPEN]))
            .collect()
        )
        metadata: dict[str, Any] = {"quarantined": len(aside), "waiting": len(waiting)}
        if len(aside):
            metadata["in_quarantine"] = markdown(_why_first(aside.head(100)))
        if len(waiting):
            metadata["still_waiting"] = markdown(
                waiting.select("uri", "member", "status", "reason", "discovered_at").head(100)
            )
        undecided = waiting.filter(pl.col("reason").str.starts_with(UNDECIDED))
        waits = f"{len(waiting)} waiting" + (f", such as {_told(undecided)}" if len(undecided) else "")
        return dg.AssetCheckResult(
            passed=not len(aside) and not len(waiting),
            severity=dg.AssetCheckSeverity.ERROR if len(undecided) else dg.AssetCheckSeverity.WARN,
            description=f"{_counted(aside)}; {waits} (see `cryptodudez quarantine list` and `status --files`)",
            metadata=metadata,
        )

    return nothing_left_behind


def _own(source: Source, check: SourceCheck) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(source.table),
        name=check.name,
        description=check.description,
        automation_condition=hourly,  # what nobody lands is what it looks for
    )
    def of_its_own(lake: LakeResource) -> dg.AssetCheckResult:
        found = look_back(lake.open(), source, check)
        if found is None:
            return dg.AssetCheckResult(passed=True, description=f"{source.table} has no rows yet")
        details = {name: markdown(one) if isinstance(one, pl.DataFrame) else one for name, one in found.details.items()}
        return dg.AssetCheckResult(
            passed=found.passed, severity=dg.AssetCheckSeverity.WARN, description=found.told, metadata=details
        )

    return of_its_own


def _everything_known(source: Source) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=catalogue_key(source),
        name="everything_known",
        description="No object is listed in the raw zone for over an hour without being catalogued.",
        automation_condition=hourly,
    )
    def everything_known(lake: LakeResource) -> dg.AssetCheckResult:
        look = look_for_unknown(lake.open(), source.name, A_WHILE)
        told = [f"{one.key}: {one.why}" for one in look.unknown[:NAMED]]
        more = len(look.unknown) - len(told)
        return dg.AssetCheckResult(
            passed=not told,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join([*told, *([f"{more} more"] if more else [])]) or "every object listed is catalogued",
            metadata={
                "unknown": len(look.unknown),
                "listed": look.listed,
                "all_were_listed": look.complete,
                "objects": markdown(pl.DataFrame([vars(one) for one in look.unknown[:100]])),
            },
        )

    return everything_known


def _told(undecided: pl.DataFrame) -> str:
    """A file that stays pending, and why."""
    name, reason = undecided.sort("uri", "member").select(FILE_NAME, "reason").row(0)
    return f"{name}: {reason}"


def _why_first(aside: pl.DataFrame) -> pl.DataFrame:
    """What lies to the right is out of sight in the UI."""
    return aside.select("why", "reason", WHERE, FILE_NAME, "id")


def _counted(aside: pl.DataFrame) -> str:
    """How much is in quarantine, and the most common reasons."""
    if aside.is_empty():
        return "nothing in quarantine"
    numbers = dict(aside["kind"].value_counts().iter_rows())
    told = [f"{n} {kind}{'s' * (n != 1)}" for kind in ("row", "file") if (n := numbers.get(kind, 0))]
    of_rows, of_files = (aside.filter(pl.col("kind") == kind)["why"] for kind in ("row", "file"))
    # A row may break several rules; a file's reason is a sentence.
    why = pl.concat([of_rows.str.split(", ").explode(), of_files]).value_counts()
    common = [f"{n} × {reason}" for reason, n in why.sort(["count", "why"], descending=[True, False]).iter_rows()]
    return f"{' and '.join(told)} in quarantine: {', '.join(common[:NAMED])}{', …' * (len(common) > NAMED)}"
