"""Signals that say something else than before."""

from cryptodudez_assets.declared_rules.declaration import DecisionChanged, Notify

RULE = Notify("changed_decision", "Changed decision", when=DecisionChanged(), severity="info")
