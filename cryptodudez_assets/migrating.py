"""Move a whole home's lake and catalog to another place: lake and tables (`lake/moving/`), and what is kept in databases beside them.

The home itself stays, and goes on with other settings: what is only its own (records of Dagster's runs, the outbox, the online store, what
a recorder has not landed yet) stays where it is.
"""

from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

from cryptodudez_assets.feeds import all_feeds
from cryptodudez_assets.fetching.access import spending_url
from cryptodudez_assets.fetching.run import FEEDS
from cryptodudez_assets.lake.iceberg import homes
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.moving.migrating import Listeners, Migrated, Migration
from cryptodudez_assets.lake.store.database import open_database
from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.models.shared_receipts import bring, open_here
from cryptodudez_assets.running import DAEMON, SERVING
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.venues.x.spending import TABLES

AT_WORK = (DAEMON, "recorder-", SERVING)
SPENDING = ("x_calls", "x_paid", "x_elsewhere")


def migrate(
    source: Settings, target: Settings, sources: Collection[str], listeners: Listeners | None = None
) -> Migrated:
    """Bring the lake and the catalog of `source` to where `target` says. Raises `HomeRefused`, or `HomeMoved`."""
    for one in (source, target):
        homes.insist_on_sql(one, "migrating", "have the catalog in PostgreSQL, in the one place and the other")
    migration = Migration(
        source,
        target,
        sources,
        AT_WORK,
        locks=[f"{FEEDS}{name}" for name in all_feeds()],
        begin=lambda: _bring_receipts(source),
        carry=lambda: _carry(source, target),
        listeners=listeners,
    )
    return migration.carry_out()


def _bring_receipts(source: Settings) -> None:
    """What this home served goes into the lake, and with it to the other place."""
    lake = Lake.open(source, {})
    if (receipts := open_here(lake)) is not None:
        try:
            bring(lake, receipts)
        finally:
            receipts.close()


def _carry(source: Settings, target: Settings) -> None:
    if source.receipts.is_file():
        receipts = Receipts(source.receipts)
        receipts.note_brought(target.lake, receipts.brought(source.lake))
        receipts.close()
    _carry_spending(spending_url(source), spending_url(target))


def _carry_spending(old: str, new: str) -> None:
    """What was spent counts in the other place, too."""
    if old == new or (old.startswith("sqlite") and not Path(unquote(old.removeprefix("sqlite:///"))).is_file()):
        return
    before, after = (open_database(url, TABLES, "x_spending") for url in (old, new))
    try:
        with after.transaction():
            for table in SPENDING:
                after.run(f"DELETE FROM {table}")  # what an earlier try brought, and was less
                for row in before.run(f"SELECT * FROM {table}"):
                    after.run(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))}) ON CONFLICT DO NOTHING", row)
    finally:
        before.close()
        after.close()
