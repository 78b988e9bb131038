"""A platform for tests of the API: a champion, the newest features, and servers of its own process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import NAMES, VIEWS
from cryptodudez_assets_tests.model_builders import register_toy

ROW = {name: number / 10 for number, name in enumerate(NAMES)}
MODEL = "eth_signal"
PATIENCE_SECONDS = 90
SERVE = """
import sys
from pathlib import Path
from cryptodudez_assets.settings import Settings
from serving.run import run
sys.exit(run(Settings(home=Path(sys.argv[1])), port=int(sys.argv[2])))
"""


def champion(settings: Settings, skill: bool = True, **changes: Any) -> Registry:
    """Register and promote a version."""
    registry = Registry(settings, MODEL)
    manifest = register_toy(registry, skill, **{"features": NAMES, **changes})
    registry.promote(manifest.version, "a test")
    return registry


def write_features(
    settings: Settings, age: timedelta = timedelta(hours=1), value: float = 0.5, *, from_candle: bool = False
) -> datetime:
    """Put a row of everything that the signal needs into the online store. Returns since when it is known."""
    known = datetime.now(UTC).replace(microsecond=0) - age
    store = open_online_store(settings.online)
    for view in VIEWS:
        schema = polars_schema(view.contract)
        row = dict.fromkeys(schema, value) | dict.fromkeys(view.key, "ETH") | {"event_ts": known, "known_ts": known}
        told = {name: from_candle for name, dtype in schema.items() if dtype == pl.Boolean}
        store.write(view, pl.DataFrame({name: [one] for name, one in (row | told).items()}).cast(dict(schema)))
    store.close()
    return known


@contextmanager
def served(settings: Settings, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The server in a process of its own, ready."""
    command = [sys.executable, "-c", SERVE, str(settings.home), str(port)]
    process = subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE)
    try:
        wait_until_ready(port, process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def wait_until_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return when it serves."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while status(f"http://127.0.0.1:{port}/health/ready") != 200:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the server is not ready")
        time.sleep(0.1)


def status(url: str) -> int:
    """The status of an answer; 0 for none."""
    try:
        return httpx.get(url, timeout=10).status_code
    except httpx.TransportError:
        return 0
