"""The page of the data: what landed of each source, how fresh it is, what was set aside by which rule, what is missing.

How a source stands is told by the same functions as `cryptodudez status` tells it by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
from markupsafe import Markup

from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.features import left_out
from cryptodudez_assets.lake.freshness import Freshness, freshness
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.status import SourceStatus, status_of
from cryptodudez_assets.sources.declaration import Source
from serving.dashboard.charts import trend_chart
from serving.dashboard.frame import ago, day_words
from serving.dashboard.frame import render as made
from serving.dashboard.plot import compact
from serving.dashboard.prices import ARCHIVE
from serving.dashboard.tables import Table, ask, has

FILES, ASIDE, BOOK_GAPS = "catalog.files", "quarantine.rows", "market.order_book_gaps"
OF_SOURCE = "$source IN ('', source)"
RULES = f"""SELECT quarantined_at::DATE AS day, source, rule, count(*) AS rows, count(*) FILTER (status = 'open') AS open
FROM (SELECT quarantined_at, source, unnest(rules) AS rule, status FROM {ASIDE} WHERE {OF_SOURCE})
GROUP BY ALL ORDER BY day DESC, rows DESC, source, rule"""
NEWEST_FILES = f"""SELECT parse_filename(uri) AS file, member, source, status, rows_read AS read, rows_valid AS valid,
  rows_quarantined AS quarantined, rows_duplicate AS duplicate, updated_at AS changed, reason
FROM {FILES} WHERE {OF_SOURCE} AND status <> 'expanded'
ORDER BY changed DESC, file, member"""
MISSING_DAYS = f"""SELECT symbol AS coin, day + 1 AS first_missing, next - 1 AS last_missing, next - day - 1 AS days
FROM (
  SELECT symbol, event_ts::DATE AS day, lead(event_ts::DATE) OVER (PARTITION BY symbol ORDER BY event_ts) AS next
  FROM {ARCHIVE}
)
WHERE next > day + 1 ORDER BY first_missing DESC, coin"""
MISSING_SECONDS = f"""SELECT event_ts AS began, book, round(epoch(ended_at - event_ts), 1) AS seconds, cause, repair
FROM {BOOK_GAPS} ORDER BY began DESC, book"""


@dataclass(frozen=True)
class SourceHealth:
    """How fresh a source's data are, what landed, and what was set aside on the way to its table."""

    name: str
    table: str
    freshness: Freshness
    written_at: datetime | None
    status: SourceStatus
    open_rows: int
    open_files: int


@dataclass(frozen=True)
class Data:
    """One look at the data. `source`: whose files and rules are told; empty for all."""

    gathered_at: datetime
    source: str
    sources: Sequence[SourceHealth]
    asked: Sequence[Table]
    left_out: Sequence[str]
    """Declarations that could not be loaded, each with its place and the reason."""

    @property
    def tables(self) -> Mapping[str, Table]:
        """What can be had as files."""
        return {one.name: one for one in (_table(self.sources), *self.asked)}


def gather(lake: Lake, source: str) -> Data:
    """Look at all sources, and at what was set aside. Works on an empty lake, too."""
    given = {"source": source}
    asked = []
    if has(lake, ASIDE):
        asked.append(ask(lake, "quarantine", "Set aside, by rule and day", RULES, [ASIDE], given))
    if has(lake, FILES):
        asked.append(ask(lake, "files", "Files, by what changed last", NEWEST_FILES, [FILES], given))
    if has(lake, ARCHIVE):
        asked.append(ask(lake, "missing_days", "Days that coins lack", MISSING_DAYS, [ARCHIVE]))
    if has(lake, BOOK_GAPS):
        asked.append(ask(lake, "gaps", "Gaps of order books", MISSING_SECONDS, [BOOK_GAPS]))
    sources = [health(lake, one) for one in lake.sources.values()]
    return Data(now(), source, sources, asked, [str(one) for one in left_out()])


def health(lake: Lake, source: Source) -> SourceHealth:
    """How a source stands now."""
    table = lake.tables.table(source.table)
    snapshot = table.current_snapshot() if table else None
    return SourceHealth(
        name=source.name,
        table=source.table,
        freshness=freshness(lake, source),
        written_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) if snapshot else None,
        status=status_of(lake, source.name),
        open_rows=_open(quarantine.rows_of(lake.tables, source.name)),
        open_files=_open(quarantine.files_of(lake.tables, source.name)),
    )


def render(data: Data, dagster: str) -> str:
    """The whole page. `dagster`: where its UI is."""
    return made("data.html", data=data, dagster=dagster, aside=_aside(data.tables.get("quarantine")))


def _aside(rules: Table | None) -> Markup | None:
    """How many broken rules were told on each day, where there are several days."""
    if rules is None or rules.rows["day"].n_unique() < 2:
        return None
    days = rules.rows.group_by("day").agg(pl.col("rows").sum()).sort("day").upsample("day", every="1d").fill_null(0)
    points = [(day, float(rows)) for day, rows in days.select("day", "rows").iter_rows()]
    span = f"from {day_words(points[0][0])} to {day_words(points[-1][0])}"
    words = f"Broken rules by day {span}, at most {compact(max(rows for _, rows in points))}."
    return trend_chart([points], ["broken rules"], words)


def _open(aside: pl.LazyFrame) -> int:
    return int(aside.filter(pl.col("status") == Fate.OPEN).select(pl.len()).collect().item())


def _table(sources: Sequence[SourceHealth]) -> Table:
    rows = [
        {
            "source": one.name,
            "newest": one.freshness.newest,
            "age": "" if one.freshness.age is None else ago(one.freshness.age),
            "is_old": one.freshness.is_old,
            "written": one.written_at,
            "files": one.status.files,
            "waiting": one.status.pending,
            "rows": one.status.valid,
            "duplicate": one.status.duplicate,
            "rows_set_aside": one.open_rows,
            "files_set_aside": one.open_files,
        }
        for one in sources
    ]
    moments = {"newest": pl.Datetime("us", "UTC"), "written": pl.Datetime("us", "UTC")}
    return Table("sources", "Sources", pl.DataFrame(rows, schema_overrides=moments), "cryptodudez status --json")
