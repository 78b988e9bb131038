"""Tables that are not replaced since what was computed is unsound, and days with far fewer rows, or more nulls, than usual."""

from cryptodudez_assets.declared_rules.declaration import LowQuality, Notify

RULE = Notify("low_quality", "Low quality", when=LowQuality())
