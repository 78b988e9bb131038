"""Numbers that people agree on: each is declared once, and asked by the command, the dashboard and the queries in `docs/`.

What belongs here: declarations of metrics, one module for each namespace of tables, and the one way to ask for them. What counts as
a deposit, a login or a day is not decided here but where the tables are made.
"""

from collections.abc import Mapping

from cryptodudez_assets.metrics import accounts
from cryptodudez_assets.metrics.declaration import Joined, Metric

__all__ = ["METRICS", "Joined", "Metric"]

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in accounts.METRICS}
"""All metrics, by name."""
