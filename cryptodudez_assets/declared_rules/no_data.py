"""A recorder that sees nothing."""

from cryptodudez_assets.declared_rules.declaration import NoData, Notify

RULE = Notify("no_data", "No data", when=NoData(gap_seconds=30, carried_seconds=900), severity="critical")
