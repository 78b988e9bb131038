"""The tables of a signal's page as files: days of its coin, what its models said out of sample, what moved today's answer."""

from collections.abc import Mapping
from dataclasses import asdict

import polars as pl

from serving.dashboard.data import DashboardData, Today
from serving.dashboard.signal_page import lines_of
from serving.dashboard.tables import Table

OF_REGISTRY = "The registry has it: models/{name}/{version} in the lake."


def files_of(picture: DashboardData) -> Mapping[str, Table]:
    """By name: `days`, `moved`, and of each model `decisions-<version>` and `baselines-<version>`."""
    found = [picture.prices] if picture.prices else []
    if isinstance(picture.today, Today):
        moved = pl.DataFrame(picture.today.moved, schema={"feature": pl.String, "effect": pl.Float64}, orient="row")
        found.append(Table("moved", "What moved it", moved, f"cryptodudez explain {picture.today.receipt_id}"))
    for record in picture.records:
        label = record.manifest.label
        where = OF_REGISTRY.format(name=record.manifest.name, version=record.manifest.version)
        days = record.days.join(picture.closes, on="event_ts", how="left").reverse()
        lines = pl.DataFrame([asdict(one) for one in lines_of(record)])
        found.append(Table(f"decisions-{label}", f"Decisions of {label}", days, where))
        found.append(Table(f"baselines-{label}", f"{label} against baselines", lines, where))
    return {one.name: one for one in found}
