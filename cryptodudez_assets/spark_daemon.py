"""The process of which Spark forks its Python workers: what tasks need is imported here once, and shared by all of them.

Spark starts it in place of `pyspark.daemon`, by `spark.python.daemon.module`. It computes nothing, so that there are no threads which
a fork would lose. Where a declaration computes with Polars while it is imported, it gives way to Spark's own: then each worker
imports everything anew, which takes seconds of processor time.
"""

import gc
import os
import sys
from importlib import import_module

from cryptodudez_assets.forking import RULES, computes

PLAIN = "pyspark.daemon"
OF_TASKS = (
    "cryptodudez_assets.lake.ingest.tasks",
    "cryptodudez_assets.derived.upkeep.tasks",
    *RULES,
)


def main() -> None:
    """Import, then serve Spark."""
    import_for_tasks()
    if computes():
        os.execv(sys.executable, [sys.executable, "-m", PLAIN, *sys.argv[1:]])  # noqa: S606  (ourselves)
    gc.collect()
    gc.freeze()  # Spark collects garbage after each task: not what all of them share
    import_module(PLAIN).manager()


def import_for_tasks() -> None:
    """Import what tasks name, and every declaration."""
    from cryptodudez_assets.derived import all_derived
    from cryptodudez_assets.engines.likeness import likeness
    from cryptodudez_assets.sources import all_sources

    likeness()  # which reads all code
    all_sources(), all_derived()
    for name in OF_TASKS:
        import_module(name)


if __name__ == "__main__":
    main()
