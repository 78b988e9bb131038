"""The report as one page, and as words."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.models.findings import Findings
from cryptodudez_assets.models.signal.record.summary import LiveRecord
from cryptodudez_assets.models.signal.report import tables, words
from cryptodudez_assets.models.signal.report.formats import day
from cryptodudez_assets.models.signal.report.plots import draw
from cryptodudez_assets.reports import page as shared
from cryptodudez_assets.reports.sections import Section


@dataclass(frozen=True)
class ReportHead:
    """Which model the report is about, and what it was made from."""

    coin: str
    """What the signal is about, in words."""
    model: str
    """Its version, such as `sol_signal-3`."""
    snapshots: Mapping[str, int]
    """Of every table that was read, the snapshot."""
    code_version: str
    promoted: str
    """In words, what became of the model."""
    record: LiveRecord
    """What became of the signals that were served."""


def page(findings: Findings, predictions: Mapping[str, pl.DataFrame], head: ReportHead) -> str:
    """The whole page. `predictions` are by name of recipe or rule; those of the chosen one must be there."""
    days = f"{day(findings.first_day)} to {day(findings.last_day)}"
    lead = (
        f"{head.model}, from {findings.n_days:,} days of {head.coin} and of Elon Musk's tweets, {days}. {head.promoted}"
    )
    told = [*words.sections(findings, head.coin), _live(head.record), _provenance(findings, head)]
    return shared.page(
        f"Buy, sell or HODL: does the {head.coin} signal know anything?", lead, told, draw(findings, predictions)
    )


def _live(record: LiveRecord) -> Section:
    """Of all versions that served, not of the one that the rest of the page is about."""
    return Section("What was served, and what became of it", record.words, tables=(tables.earned(record),))


def _provenance(findings: Findings, head: ReportHead) -> Section:
    return Section(
        "Where this comes from: snapshots, code, options",
        [
            f"Model {head.model}, code {head.code_version}. With the same snapshots, code and options it can be made again.",
            f"Features (n = {len(findings.features)}): {', '.join(findings.features)}.",
        ],
        tables=(
            tables.facts("Snapshots that were read", head.snapshots),
            tables.facts("Options", findings.options),
            *(tables.facts(f"Parameters of {one.name}", one.parameters) for one in findings.candidates),
        ),
        folded=True,
    )
