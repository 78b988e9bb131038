"""The page of the system: what Dagster runs, how long ago its sensors looked, and whether its daemons live."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cryptodudez_assets.lake.lake import now
from serving.dashboard.dagster import Told, asked, command_for
from serving.dashboard.frame import render as made
from serving.dashboard.tables import Table

STATUSES = ("SUCCESS", "FAILURE", "STARTED", "QUEUED", "CANCELED")


@dataclass(frozen=True)
class System:
    """One look at it. `status`: of the runs that are told; empty for all. `url`: where Dagster was asked; empty where nobody is to ask."""

    gathered_at: datetime
    url: str
    status: str
    told: Told

    @property
    def tables(self) -> Mapping[str, Table]:
        """What is shown, and can be had as files."""
        if not self.url:
            return {}
        runs = self.told.runs
        command = command_for(self.url)
        found = (
            Table("runs", "Runs", runs.filter(pl.col("status") == self.status) if self.status else runs, command),
            Table("sensors", "Sensors, and when they looked last", self.told.sensors, command),
            Table("daemons", "Daemons", self.told.daemons, command),
        )
        return {one.name: one for one in found}


def gather(url: str, status: str) -> System:
    """Ask Dagster, if it is known where it is."""
    at = now()
    return System(at, url, status, asked(url, at) if url else Told())


def render(system: System) -> str:
    """The whole page."""
    return made("system.html", system=system, statuses=STATUSES)
