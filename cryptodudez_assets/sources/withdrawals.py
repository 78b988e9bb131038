"""What users of an exchange drew out."""

from datetime import timedelta

from cryptodudez_assets.contracts.accounts import Withdrawals
from cryptodudez_assets.sources.accounts import NEWEST_TRANSACTION, OWNER, transactions
from cryptodudez_assets.sources.declaration import Source

SOURCE = Source(
    name="withdrawals",
    description="Histories of withdrawals, a row for each, as an exchange's database writes them.",
    owner=OWNER,
    table="accounts.withdrawals",
    contract=Withdrawals,
    layouts=[transactions("withdrawal")],
    key=["id"],
    newest_by=NEWEST_TRANSACTION,
    sort_by=["event_ts"],
    fresh_within=timedelta(days=3),
)
