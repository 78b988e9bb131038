"""The servers of `cryptodudez up`: Dagster's code server, daemon and UI, and the API. How they are kept running is in `supervisor.py`."""

import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from cryptodudez_assets.settings import Settings
from cryptodudez_assets.supervisor import Address, Server, supervise

MODULE = "cryptodudez_assets.definitions"
UI_HOST = "127.0.0.1"
"""Dagster's UI asks nobody for a key: it is for this machine, or for a proxy that asks."""
QUIET = ["--log-level", "warning"]


def run_servers(
    settings: Settings, dagster: Path, host: str, port: int, api_port: int, say: Callable[[str], None], where: str
) -> int:
    """Run all until a signal comes; returns the exit code. `say` is given a line for each thing that happens.

    `dagster` is Dagster's folder, which the environment names, too; `host` is the API's. When it returns, Dagster's store
    holds no run that is going, or about to.
    """
    folder = Path(tempfile.mkdtemp(prefix="cryptodudez-"))  # a socket's path must be short
    # Needed at the end, when there is no time for it.
    threading.Thread(target=import_module, args=("cryptodudez_assets.defs.dead_runs",), daemon=True).start()
    try:
        servers = servers_of(settings, folder, host, port, api_port)
        code = supervise(servers, say, lambda: say(f"ready: {where}"))
        from cryptodudez_assets.defs.dead_runs import close_left_runs

        if closed := close_left_runs(dagster):  # nobody works on them any more
            say(f"{closed} runs were not done; the next start goes on")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say("stopped")
    return code


def servers_of(settings: Settings, folder: Path, host: str, port: int, api_port: int) -> list[Server]:
    """What is run. `folder` is for what lives as long as they do."""
    code = folder / "code.sock"
    workspace = folder / "workspace.yaml"
    location = {"grpc_server": {"socket": str(code), "location_name": MODULE}}
    workspace.write_text(json.dumps({"load_from": [location]}), encoding="utf-8")

    def server(name: str, *words: str, address: Address | None = None, after: tuple[Address, ...] = ()) -> Server:
        return Server(
            name,
            [sys.executable, "-m", *words],
            settings.logs / f"{name.replace(chr(32), chr(95)).lower()}.log",
            address,
            after,
        )

    return [
        server("code server", "dagster", "code-server", "start", "-m", MODULE, "-s", str(code), *QUIET, address=code),
        server("daemon", "dagster._daemon", "run", "-w", str(workspace), *QUIET, after=(code,)),
        server(
            "Dagster UI",
            "dagster_webserver",
            *("-w", str(workspace), "-h", UI_HOST, "-p", str(port), "--dagster-log-level", "warning"),
            address=(UI_HOST, port),
            after=(code,),
        ),
        server(
            "API",
            *("cryptodudez_assets", "serve", "--host", host, "--port", str(api_port)),
            address=(_to_ask(host), api_port),
        ),
    ]


def _to_ask(host: str) -> str:
    """Where to look whether somebody listens at this address."""
    return {"0.0.0.0": UI_HOST, "::": "::1"}.get(host, host)  # noqa: S104  (it is asked, not listened at)
