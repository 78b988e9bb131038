"""A recorder that sees nothing. A connection that comes and goes is told of every two minutes at most."""

from datetime import timedelta

from cryptodudez_assets.declared_rules.declaration import NoData, Notify

RULE = Notify(
    "no_data",
    "No data",
    when=NoData(gap_seconds=30, carried_seconds=900),
    severity="critical",
    quiet_for=timedelta(minutes=2),
)
