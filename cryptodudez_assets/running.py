"""The servers of `cryptodudez up`: Dagster's code server, daemon and UI, the API, a recorder of order books where one is wanted,
and venues that this machine stands in for beside sample data.

How they are kept running is in `supervisor.py`.
"""

import json
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from cryptodudez_assets.feeds import all_feeds
from cryptodudez_assets.fetching.access import feeds_on
from cryptodudez_assets.lake.samples import last_day_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.supervisor import Address, Server, supervise
from cryptodudez_assets.venues.bitso.protocol import book_name

MODULE = "cryptodudez_assets.definitions"
UI_HOST = "127.0.0.1"
"""Dagster's UI asks nobody for a key: it is for this machine, or for a proxy that asks."""
DAEMON = "daemon"
"""The sign of life of whoever runs Dagster's daemon: there may be one for all that share its records."""
SERVING = "serving."
"""The sign of life of a server of the API is called so, and by its process."""
QUIET = ["--log-level", "warning"]
SAMPLE_BOOKS = ("btc_mxn", "usd_mxn")
STAND_INS = ("binance",)
"""Feeds whose venue this machine can stand in for beside sample data, by `cryptodudez simulate NAME`."""
NO_STAND_INS: Mapping[str, str] = MappingProxyType({})
SIMULATED = "simulated"
"""The instance name of the recorder of a simulated exchange: what it records can be told by it in the table."""


def run_servers(
    settings: Settings,
    dagster: Path,
    host: str,
    port: int,
    api_port: int,
    say: Callable[[str], None],
    ready: Sequence[str],
    stand_ins: Mapping[str, str] = NO_STAND_INS,
) -> int:
    """Run all until a signal comes; returns the exit code. `say` is given a line for each thing that happens, and those of `ready`
    once all listen.

    `dagster` is Dagster's folder, which the environment names, too; `host` is the API's. When it returns, Dagster's store
    holds no run that is going, or about to.
    """

    def tell_ready() -> None:
        for line in ready:
            say(line)

    folder = Path(tempfile.mkdtemp(prefix="cryptodudez-"))  # a socket's path must be short
    # Needed at the end, when there is no time for it.
    threading.Thread(target=import_module, args=("cryptodudez_assets.defs.dead_runs",), daemon=True).start()
    try:
        servers = servers_of(settings, folder, host, port, api_port, stand_ins)
        for told in filter(None, (recording_words(settings), fetching_words(settings, stand_ins))):
            say(told)
        code = supervise(servers, say, tell_ready)
        from cryptodudez_assets.defs.dead_runs import close_left_runs

        if closed := close_left_runs(dagster):  # nobody works on them any more
            say(
                f"{closed} {'run was' if closed == 1 else 'runs were'} not done; the next start goes on where they were"
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say("stopped")
    return code


def servers_of(
    settings: Settings, folder: Path, host: str, port: int, api_port: int, stand_ins: Mapping[str, str] = NO_STAND_INS
) -> list[Server]:
    """What is run. `folder` is for what lives as long as they do; `stand_ins` as `stand_ins_of` gives them."""
    code = folder / "code.sock"
    workspace = folder / "workspace.yaml"
    location = {"grpc_server": {"socket": str(code), "location_name": MODULE}}
    workspace.write_text(json.dumps({"load_from": [location]}), encoding="utf-8")

    def server(
        name: str, *words: str, address: Address | None = None, after: tuple[Address, ...] = (), is_needed: bool = True
    ) -> Server:
        return Server(
            name,
            [sys.executable, "-m", *words],
            settings.logs / f"{name.replace(chr(32), chr(95)).lower()}.log",
            address,
            after,
            is_needed,
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
        *_recording(settings, server),
        *_simulated_venues(settings, stand_ins, server),
    ]


def books_of(settings: Settings) -> tuple[str, ...]:
    """The books that are recorded, as the venue names them. Raises ValueError where the setting names none that can be."""
    named = [one for one in settings.record_books.replace(",", " ").split() if one]
    try:
        books = tuple(dict.fromkeys(map(book_name, named)))
    except ValueError as error:
        raise ValueError(f"CRYPTODUDEZ_RECORD_BOOKS: {error}") from None
    return books or (SAMPLE_BOOKS if _has_samples(settings) else ())


def recording_words(settings: Settings) -> str:
    """What is recorded; nothing where nothing is."""
    books = ", ".join(books_of(settings))
    if _has_samples(settings):
        return (
            f"recording {books} of a simulated exchange, since this home has sample data: nobody trades at these prices"
        )
    return f"recording {books} of Bitso" if books else ""


def stand_ins_of(settings: Settings) -> dict[str, str]:
    """By the names of feeds, the addresses of venues that this machine is to stand in for: beside sample data, where a feed is on and
    no setting says where its venue is. Raises ValueError where there is no feed that the setting names."""
    wanted = [feed.name for feed in feeds_on(settings, all_feeds())]
    if not _has_samples(settings):
        return {}
    simulated = [name for name in wanted if name in STAND_INS and not getattr(settings, f"{name}_url")]
    return {name: f"http://{UI_HOST}:{_free_port()}" for name in simulated}


def fetching_words(settings: Settings, stand_ins: Mapping[str, str]) -> str:
    """What is fetched; nothing where nothing is."""
    wanted = feeds_on(settings, all_feeds())
    venues = [f"a simulated {feed.venue}" if feed.name in stand_ins else feed.venue for feed in wanted]
    return f"fetching from {', '.join(venues)}" if venues else ""


def _simulated_venues(settings: Settings, stand_ins: Mapping[str, str], server: Callable[..., Server]) -> list[Server]:
    """The venues that this machine stands in for. Where they fail, the others go on."""
    # Prices go on where the samples end, if these are still there.
    truths = sorted(settings.samples.glob("*/truth/truth.json"), key=lambda path: path.stat().st_mtime)
    like = [word for path in truths[-1:] for word in ("--like", str(path.parents[1]))]
    servers = []
    for name, url in stand_ins.items():
        port = urlsplit(url).port
        words = ("cryptodudez_assets", "simulate", name, "--port", str(port), *like)
        servers.append(server(f"simulated {name}", *words, address=(UI_HOST, port), is_needed=False))
    return servers


def _has_samples(settings: Settings) -> bool:
    return last_day_of(settings) is not None


def _recording(settings: Settings, server: Callable[..., Server]) -> list[Server]:
    """A recorder, and what it records where that is simulated. Where they fail, the others go on."""
    books = books_of(settings)
    record = ["cryptodudez_assets", "record", *(word for book in books for word in ("--book", book))]
    if not books:
        return []
    if not _has_samples(settings):
        return [server("recorder", *record, is_needed=False)]
    port = _free_port()
    exchange = server(
        "simulated exchange",
        *("cryptodudez_assets", "simulate", "bitso", "--books", ",".join(books), "--port", str(port)),
        address=(UI_HOST, port),
        is_needed=False,
    )
    here = ("--rest-url", f"http://{UI_HOST}:{port}/v3", "--ws-url", f"ws://{UI_HOST}:{port}/ws")
    recorder = server("recorder", *record, "--instance", SIMULATED, *here, after=((UI_HOST, port),), is_needed=False)
    return [exchange, recorder]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((UI_HOST, 0))
        return int(probe.getsockname()[1])


def _to_ask(host: str) -> str:
    """Where to look whether somebody listens at this address."""
    return {"0.0.0.0": UI_HOST, "::": "::1"}.get(host, host)  # noqa: S104  (it is asked, not listened at)
