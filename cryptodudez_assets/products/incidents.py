"""The page about gaps of order books as a product: what it reads, where it is written. What it says is in `incidents/`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl
from pyiceberg.expressions import GreaterThan

from cryptodudez_assets import incidents, reports
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.order_book_gaps import OrderBookGaps
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.reports.sections import Section
from cryptodudez_assets.sources import order_book_completeness

NAME = "reports.order_book_incidents"
SPREADS, GAPS = "market.order_book_spreads", "market.order_book_gaps"
DESCRIPTION = (
    "One HTML page: when nobody looked at an order book within the last day, by cause, with a timeline of each book."
)
REPORT = "order_book_incidents.html"
LOOKS_BACK = timedelta(days=2)


@dataclass(frozen=True)
class Written:
    """What the page says, and each picture as the address of one."""

    words: Sequence[Section]
    pictures: Mapping[str, str]
    seconds: int
    """That nobody looked at, of all books."""


def write_page(lake: Lake) -> Written | None:
    """Write the page; None where there are no rows yet. Without a table of gaps nobody told of any."""
    # Drawing takes long to load, and is needed only here.
    from cryptodudez_assets.incidents import found, page, plots
    from cryptodudez_assets.reports.figures import data_uri

    read = {name: content for name in (SPREADS, GAPS) if (content := content_of(lake.tables.table(name))) is not None}
    rows = lake.tables.scan(SPREADS)
    newest = None if rows is None else rows.select(pl.col("event_ts").max()).collect().item()
    if newest is None:
        return None
    since = newest - LOOKS_BACK
    spreads = lake.tables.scan(SPREADS, GreaterThan("event_ts", since.isoformat()))
    gaps = lake.tables.scan(GAPS)
    assert spreads is not None  # noqa: S101  (for the type checker: it was there)
    told = polars_schema(OrderBookGaps).to_frame().lazy() if gaps is None else gaps
    incident = found.find(spreads.filter(pl.col("event_ts") > since), told)
    drawn = plots.draw(incident)
    pages.write(lake, REPORT, page.page(incident, drawn), MadeFrom(code_hash(), read))
    seconds = int(incident.stretches["seconds"].sum())
    return Written(page.sections(incident), {name: data_uri(svg) for name, svg in drawn.items()}, seconds)


def code_hash() -> str:
    """A hash of the code that makes it."""
    return hash_of_code(write_page, within=(incidents.__name__, reports.__name__, order_book_completeness.__name__))
