"""The coins that the study of mood asks about."""

from collections.abc import Mapping

COINS: Mapping[str, str] = {"BTC": "BTCUSDT", "ETH": "ETHUSDT", "DOGE": "DOGEUSDT"}
"""Each with its pair on an exchange."""
MAIN = "BTC"
"""The one that is shown first."""
