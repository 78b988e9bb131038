"""Dagster resources: thin shells around plain objects of the domain."""

import dagster as dg

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The lake that the `CRYPTODUDEZ_*` environment variables describe; tests name another home."""

    home: str | None = None

    def open(self) -> Lake:
        """The lake itself; the domain never sees Dagster."""
        return Lake.open(Settings(home=self.home) if self.home else Settings())  # type: ignore[arg-type]
