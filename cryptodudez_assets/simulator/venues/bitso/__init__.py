"""Bitso as one server of this machine: REST under `/v3`, the websocket at `/ws`, a market that moves, and faults that are switched on.

What the messages look like is stated in `cryptodudez_assets/venues/bitso/`, once for client and server.
"""

from cryptodudez_assets.simulator.venues.bitso.app import Options, Server, bitso_server, serve

__all__ = ["Options", "Server", "bitso_server", "serve"]
