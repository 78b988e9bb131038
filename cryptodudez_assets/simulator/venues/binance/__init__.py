"""Binance as one server of this machine: candles, archives of candles, limits by weight, and faults that are switched on.

What the messages look like is stated in `cryptodudez_assets/venues/binance/`, once for client and server.
"""

from cryptodudez_assets.simulator.venues.binance.app import Options, Server, binance_server, serve

__all__ = ["Options", "Server", "binance_server", "serve"]
