"""Commands that go on until they are stopped: up, serve."""

import os
import sys
from datetime import datetime

import click

from cryptodudez_assets.cli.arguments import PORT
from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import insist_on_free, insist_on_key, reachable, staying, usable_settings
from cryptodudez_assets.cli.output import console
from cryptodudez_assets.settings import PREFIX
from cryptodudez_assets.terminal import escape_in_children, say


@main.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="Port of the Dagster UI, on 127.0.0.1.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address of the API; others than loopback need CRYPTODUDEZ_API_KEY. The Dagster UI asks for no key and stays on 127.0.0.1.",
)
@click.option("--api-port", type=PORT, default=8000, show_default=True, help="Port of the API and the dashboard.")
def up(port: int, host: str, api_port: int) -> None:
    """Start the Dagster UI and its daemon, with all sensors on, and the API with the dashboard. Ctrl-C stops everything.

    CRYPTODUDEZ_RECORD_BOOKS=btc_mxn,usd_mxn has it record order books, too. In a home of sample data it records those of a
    simulated exchange, so that the live panel has something to show. CRYPTODUDEZ_FEEDS=binance has it fetch candles.

    Says a line for each thing that happens. What the servers say is in logs/ in the home folder.

    \b
    Example:
      cryptodudez up --port 3001 --api-port 8001
    """
    from cryptodudez_assets.instance import dagster_home
    from cryptodudez_assets.lake.store.locks import sign_of_life
    from cryptodudez_assets.running import DAEMON, UI_HOST, books_of, run_servers, stand_ins_of

    settings = reachable(usable_settings())
    insist_on_key(settings, host)
    insist_on_free(UI_HOST, port)
    insist_on_free(host, api_port, "--api-port")
    try:
        books_of(settings)
        stand_ins = stand_ins_of(settings)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    dagster = dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(dagster)
    os.environ.update({f"{PREFIX}{name}_url".upper(): url for name, url in stand_ins.items()})
    escape_in_children()

    def tell(line: str) -> None:
        say(console, f"{datetime.now():%H:%M:%S} {line}")

    alone = click.get_current_context().with_resource(sign_of_life(settings, DAEMON))
    if not alone:
        raise click.ClickException(
            "Dagster's sensors and schedules have one daemon, and it is running already, by another `cryptodudez up` with this catalog: "
            "stop that one first, or start the API alone: `cryptodudez serve`"
        )
    staying(settings)  # still: whoever moves the lake looks for the sign of life once all are refused
    os.environ.setdefault(f"{PREFIX}DAGSTER_URL", f"http://{UI_HOST}:{port}")  # for the dashboard
    os.environ.setdefault(f"{PREFIX}API_URL", f"http://{UI_HOST}:{api_port}")  # for links in Dagster's UI
    tell(f"starting; what the servers say is in {settings.logs}")
    ready = (
        f"ready: dashboard and API http://{host}:{api_port}, Dagster UI http://{UI_HOST}:{port}",
        f"what is put into {settings.raw_zone}/SOURCE/ is read by itself",
        "Ctrl-C stops all of it; what is under way then goes on at the next start",
    )
    sys.exit(run_servers(settings, dagster, host, port, api_port, tell, ready, stand_ins))


@main.command()
@click.option("--port", type=PORT, default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; others than loopback need CRYPTODUDEZ_API_KEY.",
)
def serve(port: int, host: str) -> None:
    """Serve the API and the dashboard: today's signal, predictions, features. `cryptodudez up` does it, too.

    \b
    Examples:
      cryptodudez serve --port 8000
      curl http://127.0.0.1:8000/signal/eth
    """
    from cryptodudez_assets.lake.store.locks import sign_of_life
    from cryptodudez_assets.running import SERVING
    from serving.run import run

    insist_on_free(host, port)
    settings = reachable(usable_settings())
    click.get_current_context().with_resource(sign_of_life(settings, f"{SERVING}{os.getpid()}"))
    staying(settings)  # still: whoever moves the lake looks for the sign once all are refused
    sys.exit(run(settings, host, port))
