"""A home that fetches posts from a simulated X: what the tests of the client, of kills and of compliance share."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
from pydantic import SecretStr

from cryptodudez_assets.feeds.x import FEED
from cryptodudez_assets.fetching.access import access_of
from cryptodudez_assets.fetching.run import Fetched, fetch, missing, span_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.venues.x import Server
from cryptodudez_assets.sources.x_posts import SOURCE
from cryptodudez_assets.venues.pages import Patience
from cryptodudez_assets_tests.builders import rows_of, take_in

TOKEN = "sesame"  # noqa: S105
ELON = "44196397"
QUICK = Patience(attempts=15, first_wait=0.01, longest_wait=5, connect_timeout=2, read_timeout=1, whole_answer=1)


def open_home(folder: Path, url: str, dollars: str = "100", token: str | None = TOKEN) -> Lake:
    """The lake of a home that asks there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    settings = Settings(
        home=folder,
        settle_seconds=0,
        x_url=url,
        x_token=None if token is None else SecretStr(token),
        x_dollars_a_month=Decimal(dollars),
    )
    return Lake.open(settings, {SOURCE.name: SOURCE})


def days_ago(number: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=number)


def bring(lake: Lake, first: date, last: date, patience: Patience = QUICK, **chosen: list[str]) -> Fetched:
    """Fetch these days."""
    access = replace(access_of(lake.settings, FEED), patience=patience)
    series = FEED.series(chosen)
    return fetch(lake, FEED, lambda: missing(lake, FEED, series, span_of(FEED, first, last), 0), access)


def landed_posts(lake: Lake) -> list[str]:
    """Ids of all posts in answers that landed, as often as they are there."""
    found = []
    for one in lake.store.list("raw/x_posts"):
        if not one.key.endswith(".request.json"):
            found += [post["id"] for post in json.loads(lake.store.open(one.key).read()).get("data", [])]
    return found


def posts_in_table(lake: Lake) -> list[str]:
    """Ids in `social.x_posts`, once everything that landed is taken in."""
    take_in(lake, SOURCE)
    return sorted(rows_of(lake, SOURCE.table)["id"].cast(pl.String).to_list())


def true_posts(server: Server, first: date, last: date, account: str = ELON) -> list[str]:
    """Ids of what an account wrote on these days and is there now."""
    begin, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first, last + timedelta(days=1)))
    written = server.world.posts([server.world.accounts[account]], begin, end, datetime.now(UTC))
    return [str(one.id) for one in written]
