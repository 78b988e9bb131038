"""CryptoDudez: a data platform for Ethereum traders. `definitions.py` is the Dagster code location, `cli/` the command."""

from cryptodudez_assets.telemetry import switch_off

switch_off()
