"""Switches off what libraries would tell their makers, in this process and its children. Imported before any of them.

Dagster is told by `dagster.yaml`, too, and Feast by its plugin. What this project itself measures is in `serving/metrics.py`.
"""

import os

OFF = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime also keeps an id and a database below the user's home
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
}


def switch_off() -> None:
    """Set the variables that the libraries look at; whoever has set one otherwise is overruled."""
    os.environ.update(OFF)
