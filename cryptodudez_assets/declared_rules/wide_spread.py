"""Spreads that are too wide. At 0.1 % one second in six is over the threshold, so it must last for a while there."""

from cryptodudez_assets.declared_rules.declaration import Notify, SpreadOver, Threshold

THRESHOLDS = (
    Threshold(1.0, clear_below=0.9, for_seconds=3, quiet_for=300),
    Threshold(0.5, clear_below=0.4, for_seconds=10, quiet_for=600),
    Threshold(0.1, clear_below=0.08, for_seconds=300, quiet_for=3600),
)

RULE = Notify(
    "wide_spread",
    "Wide spread",
    when=SpreadOver({"btc_mxn": THRESHOLDS, "usd_mxn": THRESHOLDS}),
)
