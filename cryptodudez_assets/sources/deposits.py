"""What users of an exchange paid in."""

from datetime import timedelta

from cryptodudez_assets.contracts.accounts import Deposits
from cryptodudez_assets.sources.accounts import NEWEST_TRANSACTION, OWNER, transactions
from cryptodudez_assets.sources.declaration import Source

SOURCE = Source(
    name="deposits",
    description="Histories of deposits, a row for each, as an exchange's database writes them.",
    owner=OWNER,
    table="accounts.deposits",
    contract=Deposits,
    layouts=[transactions("deposit")],
    key=["id"],
    newest_by=NEWEST_TRANSACTION,
    sort_by=["event_ts"],
    fresh_within=timedelta(days=3),
)
