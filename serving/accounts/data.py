"""What the page of the accounts shows, as plain data: the metrics over a span, and how far they reach. Blocking: for a worker thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.samples import last_day_of
from cryptodudez_assets.metrics import METRICS, Metric
from cryptodudez_assets.metrics.accounts import CURRENCY_DAY, USER, USER_DAY
from cryptodudez_assets.metrics.asking import ask

TABLES = (USER_DAY, CURRENCY_DAY, USER)
MOST_CURRENCIES = 6


@dataclass(frozen=True)
class Span:
    """How far back a page looks from the last day that is known, and by which stretch of time it counts. `days`: None for all."""

    label: str
    days: int | None
    grain: str


SPANS: Mapping[str, Span] = {
    "quarter": Span("90 days", 90, "day"),
    "year": Span("1 year", 365, "week"),
    "all": Span("All", None, "month"),
}
DEFAULT_SPAN = "year"


@dataclass(frozen=True)
class Told:
    """What one metric says over a span: `rows` by its grain, `whole` of all of it; both by currency and kind, where it has these."""

    metric: Metric
    rows: pl.DataFrame
    whole: pl.DataFrame


@dataclass(frozen=True)
class Picture:
    """All that one look at the accounts found. `until`: the last day with any activity; None where there is none yet."""

    span: str
    since: date | None
    until: date | None
    told: Sequence[Told]
    currencies: Sequence[str]
    """Of the span those with the most deposits, most first."""
    samples_until: date | None
    """The last day of the demo's simulated data; None where it has put none into the lake."""


def gather(lake: Lake, span: str) -> Picture:
    """Ask all metrics over a span that ends with the last day that is known."""
    since, until = reach(lake, span)
    told = [tell(lake, metric, span, since, until) for metric in METRICS.values()] if until else []
    return Picture(span, since, until, told, _most_used(lake, since, until), last_day_of(lake.settings))


def reach(lake: Lake, span: str) -> tuple[date | None, date | None]:
    """The first and the last day of a span: stretches of time are whole but for the last one. None where nothing is known yet."""
    rows = [lake.tables.scan(name) for name in TABLES]
    if rows[0] is None or any(one is None for one in rows):
        return None, None
    first, last = rows[0].select(first=pl.col("date").min(), last=pl.col("date").max()).collect().row(0)
    if last is None or (days := SPANS[span].days) is None:
        return first, last
    since = max(first, last - timedelta(days=days - 1))
    return since - timedelta(days=since.weekday() if SPANS[span].grain == "week" else 0), last


def tell(lake: Lake, metric: Metric, span: str, since: date | None, until: date | None) -> Told:
    """What one metric says over a span."""
    by = [*metric.always_by, *(["kind"] if "kind" in metric.dimensions else [])]
    whole = ask(lake, metric, by, since, until)
    return Told(metric, ask(lake, metric, [SPANS[span].grain, *by], since, until), whole)


def contents(lake: Lake) -> list[int | None]:
    """What the tables hold now, as numbers that change with it."""
    return [content_of(lake.tables.table(name)) for name in TABLES]


def _most_used(lake: Lake, since: date | None, until: date | None) -> list[str]:
    """Amounts of different currencies do not compare; how many deposits there were does."""
    if until is None:
        return []
    used = ask(lake, METRICS["deposits"], ["currency"], since, until)
    return used.sort("deposits", "currency", descending=[True, False])["currency"].head(MOST_CURRENCIES).to_list()
