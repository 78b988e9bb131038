"""Books that nobody records any more."""

from datetime import timedelta

from cryptodudez_assets.declared_rules.declaration import NoRecords, Notify

RULE = Notify(
    "no_records",
    "No records",
    when=NoRecords(books=("btc_mxn", "usd_mxn"), after=timedelta(minutes=30)),
    severity="critical",
)
