"""X as one server of this machine: timelines, searches, usage and compliance, with limits, prices, deletions and faults.

What the answers look like is stated in `cryptodudez_assets/venues/x/`, once for client and server.
"""

from cryptodudez_assets.simulator.venues.x.app import Options, Server, serve, x_server

__all__ = ["Options", "Server", "serve", "x_server"]
