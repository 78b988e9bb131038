"""Fetching from the simulated Binance, as tests of its feeds do: quickly, and into a lake of their own."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from cryptodudez_assets.feeds.binance import FEED, series
from cryptodudez_assets.feeds.binance_archives import FEED as ARCHIVES
from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.fetching.run import Fetched, fetch, missing, span_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.venues.binance.klines import Klines
from cryptodudez_assets.venues.pages import Access, Patience

PATIENT = Patience(attempts=12, first_wait=0.01, longest_wait=5, read_timeout=20, whole_answer=40)
QUICK = replace(PATIENT, read_timeout=0.5, whole_answer=2)
"""For a server that hangs. On a busy machine it gives up answers that would come, so that calls cannot be counted."""
ONE = {"symbol": ["ETHUSDT"]}


def days_ago(number: int) -> date:
    """A UTC day."""
    return datetime.now(UTC).date() - timedelta(days=number)


def bring(  # as many as people may choose
    lake: Lake,
    url: str,
    chosen: Mapping[str, list[str]] | None = None,
    *,
    first: date | None = None,
    last: date | None = None,
    again: int = 0,
    limit: tuple[int, float] = (1000, 1.5),
    patience: Patience = PATIENT,
) -> Fetched:
    """Fetch candles of these days that the lake does not have; the last `again` days in any case."""

    def client(access: Access) -> Klines:
        return Klines(access, limit)

    return _fetched(lake, replace(FEED, client=client), url, chosen, first, last, again, patience)


def bring_archives(
    lake: Lake, url: str, chosen: Mapping[str, list[str]] | None = None, *, first: date, last: date
) -> Fetched:
    """Fetch archives of these days that the lake does not have."""
    return _fetched(lake, ARCHIVES, url, chosen, first, last, 0)


def _fetched(
    lake: Lake,
    feed: Feed,
    url: str,
    chosen: Mapping[str, list[str]] | None,
    first: date | None,
    last: date | None,
    again: int,
    patience: Patience = PATIENT,
) -> Fetched:
    asked, span = series(chosen or {}), span_of(feed, first, last)
    access = Access(lake.settings.home / "fetching", url=url, patience=patience)
    return fetch(lake, feed, lambda: missing(lake, feed, asked, span, again), access)
