"""Which engine has the work: the one that a run asks for, or else that of the settings; and whether it can be used here."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, get_args

from cryptodudez_assets.engines import Engine, ray, spark
from cryptodudez_assets.engines.local import LocalEngine
from cryptodudez_assets.engines.pool import PoolEngine
from cryptodudez_assets.engines.ray import RayEngine
from cryptodudez_assets.engines.spark import SparkEngine
from cryptodudez_assets.settings import EngineName, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NAMES: tuple[str, ...] = get_args(EngineName)
NEEDS = {"spark": ("pyspark", "dagster_pyspark"), "ray": ("ray",)}
"""Modules of an engine's extra, which has its name."""


class EngineUnusable(RuntimeError):
    """An engine that cannot be used here; the message says why, and what to do."""


def engine_of(name: str, settings: Settings, session: "Callable[[], SparkSession]") -> Engine:
    """The engine of this name; `session` starts Spark, where it is that. Raises EngineUnusable."""
    insist_on_usable(name, settings)
    if name == "spark":
        return SparkEngine(session, is_remote=spark.is_remote(settings.spark_master))
    if name == "ray":
        return RayEngine(settings.ray_address)
    return PoolEngine(len(os.sched_getaffinity(0))) if name == "pool" else LocalEngine()


def insist_on_usable(name: str, settings: Settings) -> None:
    """Refuse an engine that is not known, not installed, or whose workers could not reach the lake."""
    if name not in NAMES:
        raise EngineUnusable(f"there is no engine {name!r}; there are: {', '.join(NAMES)}")
    if missing := [module for module in NEEDS.get(name, ()) if find_spec(module) is None]:
        raise EngineUnusable(
            f"the engine {name} needs {' and '.join(missing)}, not installed here: pip install 'cryptodudez[{name}]', "
            "in a clone `make install-engines`"
        )
    if name == "spark" and spark.is_remote(settings.spark_master):
        _insist_on_shared(settings, settings.spark_master, "CRYPTODUDEZ_SPARK_MASTER to local")
    if name == "ray" and ray.is_remote(settings.ray_address):
        _insist_on_shared(settings, settings.ray_address, "CRYPTODUDEZ_RAY_ADDRESS to nothing")


def _insist_on_shared(settings: Settings, workers: str, instead: str) -> None:
    """Refuse a lake that workers on other machines cannot see."""
    if name := settings.only_here:
        raise EngineUnusable(
            f"workers of {workers} cannot see the folder {getattr(settings, name)}: set CRYPTODUDEZ_{name.upper()} to s3://… or gs://…, "
            f"or {instead}"
        )
    if settings.catalog.startswith("sqlite:"):
        raise EngineUnusable(
            f"with {workers} tables are for more than one machine, and SQLite is for one: set CRYPTODUDEZ_CATALOG to postgresql://…"
        )
