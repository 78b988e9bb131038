"""What users of an exchange did: logins and others."""

from datetime import timedelta

import polars as pl

from cryptodudez_assets.contracts.accounts import Events
from cryptodudez_assets.sources.accounts import OWNER, moment, name, user_of
from cryptodudez_assets.sources.declaration import Layout, Source

SOURCE = Source(
    name="events",
    description="Histories of what users did, a row for each event, as an exchange's database writes them.",
    owner=OWNER,
    table="accounts.events",
    contract=Events,
    layouts=[
        Layout(
            name="event",
            columns=dict.fromkeys(("id", "event_timestamp", "user_id", "event_name"), pl.String),
            canonical={
                "id": pl.col("id"),
                **user_of(),
                "event_name": name("event_name"),
                "event_ts": moment("event_timestamp"),
            },
        )
    ],
    key=["id"],
    newest_by=("event_ts", "event_name", "user_id", "extra"),
    partition_by="month",
    sort_by=["event_ts"],
    fresh_within=timedelta(days=3),
)
