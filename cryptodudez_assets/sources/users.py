"""Who has an account with an exchange."""

import polars as pl

from cryptodudez_assets.contracts.accounts import Users
from cryptodudez_assets.contracts.base import PLAUSIBLE
from cryptodudez_assets.sources.accounts import OWNER, user_of
from cryptodudez_assets.sources.declaration import CATALOGUED, Layout, Source

LATEST_US = int(PLAUSIBLE["max_value"].timestamp()) * 1_000_000

SOURCE = Source(
    name="users",
    description="Lists of users: a column of their ids, and no time.",
    owner=OWNER,
    table="accounts.users",
    contract=Users,
    layouts=[
        Layout(
            name="user",
            columns={"user_id": pl.String},
            canonical={
                **user_of(),
                "precedence": LATEST_US - pl.col(CATALOGUED).dt.epoch("us"),
                "event_ts": pl.col(CATALOGUED),
            },
        )
    ],
    key=["user_id"],
    newest_by=("extra", "precedence"),
    partition_by=None,
    sort_by=["user_key"],
)
