"""Processes that tests start many of, mostly to kill them: forked from a server which has loaded what takes long.

Nothing that starts threads of Polars may be loaded there, for they do not survive a fork: no module of tests.
"""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from typing import Any

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "dagster._cli",
        "cryptodudez_assets.cli",
        "cryptodudez_assets.definitions",
        "cryptodudez_assets.headless",
        "cryptodudez_assets.models.signal.reporting",
        "cryptodudez_assets.models.signal.training",
        "cryptodudez_assets.studies.plots",
    ]
)


def process(work: Callable[..., object], *args: Any) -> ForkServerProcess:
    """A process that does this once it is started, in the environment of now.

    What forks it has that of its own beginning, when there may have been no bucket yet, and no keys of it.
    """
    return PROCESSES.Process(target=_in_environment, args=(dict(os.environ), work, args))


def _in_environment(environment: dict[str, str], work: Callable[..., object], args: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    work(*args)
