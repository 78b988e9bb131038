"""Models that see another world than the one that they were judged on."""

from cryptodudez_assets.declared_rules.declaration import Drift, Notify

RULE = Notify("drift", "Drift", when=Drift())
