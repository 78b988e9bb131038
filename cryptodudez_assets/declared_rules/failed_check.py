"""Checks that hold back what stands on a table."""

from cryptodudez_assets.declared_rules.declaration import FailedCheck, Notify

RULE = Notify("failed_check", "Failed check", when=FailedCheck(), severity="critical")
