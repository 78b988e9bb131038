"""Which engine has the work: the one that a run asks for, or else that of the settings; and whether it can be used here."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, get_args

from cryptodudez_assets.engines import Engine
from cryptodudez_assets.engines.local import LocalEngine
from cryptodudez_assets.engines.pool import PoolEngine
from cryptodudez_assets.engines.spark import SparkEngine, is_remote
from cryptodudez_assets.settings import EngineName, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NAMES: tuple[str, ...] = get_args(EngineName)
OF_SPARK = ("pyspark", "dagster_pyspark")


class EngineUnusable(RuntimeError):
    """An engine that cannot be used here; the message says why, and what to do."""


def engine_of(name: str, settings: Settings, session: "Callable[[], SparkSession]") -> Engine:
    """The engine of this name; `session` starts Spark, where it is that. Raises EngineUnusable."""
    insist_on_usable(name, settings)
    if name == "spark":
        return SparkEngine(session, is_remote=is_remote(settings.spark_master))
    return PoolEngine(len(os.sched_getaffinity(0))) if name == "pool" else LocalEngine()


def insist_on_usable(name: str, settings: Settings) -> None:
    """Refuse an engine that is not known, not installed, or whose executors could not reach the lake."""
    if name not in NAMES:
        raise EngineUnusable(f"there is no engine {name!r}; there are: {', '.join(NAMES)}")
    if name != "spark":
        return
    if missing := [module for module in OF_SPARK if find_spec(module) is None]:
        raise EngineUnusable(
            f"the engine spark needs {' and '.join(missing)}, which are not installed: pip install 'cryptodudez[spark]', "
            "in a clone `make install-spark`"
        )
    if not is_remote(settings.spark_master):
        return
    if settings.lake_is_local:
        raise EngineUnusable(
            f"executors of {settings.spark_master} cannot see the folder {settings.lake}: set CRYPTODUDEZ_LAKE to s3://… or gs://…, "
            "or CRYPTODUDEZ_SPARK_MASTER to local"
        )
    if settings.catalog.startswith("sqlite:"):
        raise EngineUnusable(
            f"with the master {settings.spark_master} tables are for more than one machine, and SQLite is for one: set "
            "CRYPTODUDEZ_CATALOG to postgresql://…"
        )
