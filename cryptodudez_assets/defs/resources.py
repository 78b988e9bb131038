"""Dagster resources: thin shells around plain objects of the domain."""

import dagster as dg

from cryptodudez_assets.defs.dead_runs import show_life
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The lake that the `CRYPTODUDEZ_*` environment variables describe; tests name another home."""

    home: str | None = None

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """A run that is given the lake shows from now on that it is alive. Sensors are given it without a run."""
        if context.run is not None and context.instance is not None:
            show_life(context.instance, self.settings, context.run.run_id)

    def open(self) -> Lake:
        """The lake itself; the domain never sees Dagster."""
        return Lake.open(self.settings, all_sources())

    @property
    def settings(self) -> Settings:
        """Where it is kept."""
        return Settings(home=self.home) if self.home else Settings()  # type: ignore[arg-type]
