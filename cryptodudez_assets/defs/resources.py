"""Dagster resources: thin shells around plain objects of the domain."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import PrivateAttr

from cryptodudez_assets.defs.dead_runs import show_life
from cryptodudez_assets.engines import Engine
from cryptodudez_assets.engines.choosing import engine_of
from cryptodudez_assets.engines.spark import configuration
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.objects import looks_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ENGINE_TAG = "cryptodudez/engine"
"""Of a run: which engine runs its tasks. It beats the setting."""


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The lake that the `CRYPTODUDEZ_*` environment variables describe; tests name another home."""

    home: str | None = None
    _asked: str | None = PrivateAttr(default=None)
    _engine: Engine | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """A run that is given the lake shows from now on that it is alive. Sensors are given it without a run."""
        if context.run is not None and context.instance is not None:
            show_life(context.instance, self.settings, context.run.run_id)
            self._asked, self._engine = context.run.tags.get(ENGINE_TAG, self.settings.engine), None

    def open(self) -> Lake:
        """The lake itself, in a run with the engine that this asks for; the domain never sees Dagster.

        Raises EngineUnusable where that cannot be used here, HomeMoved where the lake went elsewhere.
        """
        lake = Lake.open(self.settings, all_sources())
        looks_of(lake.settings).insist_on_staying()  # what runs and sensors are for is writing
        if self._asked is None:  # a sensor, which has no tasks
            return lake
        if self._engine is None:
            self._engine = _engine_of(self._asked, lake)
        return replace(lake, engine=self._engine)

    @property
    def settings(self) -> Settings:
        """Where it is kept."""
        return Settings(home=self.home) if self.home else Settings()  # type: ignore[arg-type]


def with_engine(lake: Lake) -> Lake:
    """The lake with the engine of its settings, for commands that are no runs. Raises EngineUnusable."""
    return replace(lake, engine=_engine_of(lake.settings.engine, lake))


def _engine_of(name: str, lake: Lake) -> Engine:
    return engine_of(name, lake.settings, spark_session(lake.settings))


def engine_tag(settings: Settings) -> dict[str, str]:
    """What sensors tag their runs with, so that a limit on an engine's runs holds for these."""
    return {ENGINE_TAG: settings.engine}


def spark_session(settings: Settings) -> "Callable[[], SparkSession]":
    """A session of Spark as the settings say, started when it is first asked for."""

    def started() -> "SparkSession":
        from dagster_pyspark import LazyPySparkResource

        options = configuration(settings.spark_master, settings.spark_options)
        return LazyPySparkResource(spark_config=options).spark_session

    return started
