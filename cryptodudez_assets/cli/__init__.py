"""The `cryptodudez` command, thin: what it calls is what assets call. One module for each kind of command; `main` is all of it.

Heavy imports wait until a command needs them.
"""

from cryptodudez_assets.cli import (
    alerting,
    asking,
    complying,
    data,
    declaring,
    erasing,
    explaining,
    fetching,
    launching,
    migrating,
    quarantined,
    recording,
    samples,
    servers,
    simulating,
    simulating_binance,
    upkeep,
)
from cryptodudez_assets.cli.group import Commands, main

__all__ = [
    "Commands",
    "alerting",
    "asking",
    "complying",
    "data",
    "declaring",
    "erasing",
    "explaining",
    "fetching",
    "launching",
    "main",
    "migrating",
    "quarantined",
    "recording",
    "samples",
    "servers",
    "simulating",
    "simulating_binance",
    "upkeep",
]
