"""Sources of which nothing new came for too long."""

from cryptodudez_assets.declared_rules.declaration import Notify, StaleData

RULE = Notify("stale_data", "Stale data", when=StaleData())
