"""Processes that tests start many of, mostly to kill them: forked from a server which has loaded what takes long.

Nothing that starts threads of Polars may be loaded there, for they do not survive a fork: no module of tests.
"""

import multiprocessing

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
