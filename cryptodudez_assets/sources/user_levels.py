"""Levels of verification that users of an exchange had, and where."""

import polars as pl

from cryptodudez_assets.contracts.accounts import UserLevels
from cryptodudez_assets.sources.accounts import OWNER, moment, name, user_of
from cryptodudez_assets.sources.declaration import Layout, Source

SOURCE = Source(
    name="user_levels",
    description="Histories of users' levels, a row for each change, as an exchange's database writes them.",
    owner=OWNER,
    table="accounts.user_levels",
    contract=UserLevels,
    layouts=[
        Layout(
            name="user_level",
            columns={**dict.fromkeys(("user_id", "jurisdiction", "event_timestamp"), pl.String), "level": pl.Int64},
            canonical={
                **user_of(),
                "jurisdiction": name("jurisdiction"),
                "level": pl.col("level"),
                "event_ts": moment("event_timestamp"),
            },
        )
    ],
    key=["user_id", "event_ts", "level", "jurisdiction"],
    newest_by=["extra"],
    partition_by=None,
    sort_by=["user_key", "event_ts"],
)
