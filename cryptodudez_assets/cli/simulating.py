"""Commands that stand in for the outside: `simulate FOLDER` (archives), `simulate bitso`, `binance` and `x` (venues)."""

from datetime import date
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from cryptodudez_assets.cli.arguments import PORT, LastDay, yesterday
from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import insist_on_free
from cryptodudez_assets.cli.output import console, errors
from cryptodudez_assets.terminal import say

if TYPE_CHECKING:
    from cryptodudez_assets.simulator.venues.bitso import Server
    from cryptodudez_assets.simulator.venues.x import Server as XServer

ARCHIVES = "FOLDER"
POSITIVE = click.FloatRange(min=0, min_open=True)


class FolderOrVenue(click.Group):
    """A group whose first argument is the folder of archives, unless it is the name of a venue."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command that writes archives in front of what is no venue."""
        venues = set(self.commands) - {ARCHIVES}
        if not args or args[0] not in {*venues, *ctx.help_option_names}:
            args.insert(0, ARCHIVES)
        return super().parse_args(ctx, args)


class NamedByItsArgument(click.Command):
    """A command whose name stands where its argument does."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Only the options: the argument was said."""
        return ["[OPTIONS]"]


@main.group(cls=FolderOrVenue, options_metavar="", subcommand_metavar="FOLDER [OPTIONS] | bitso|binance|x [OPTIONS]")
def simulate() -> None:
    """Sample archives in a folder, or a venue that this machine stands in for.

    A first argument that is no command is the folder of archives; a folder that is named as one is written ./bitso.

    \b
    Examples:
      cryptodudez simulate samples --size tiny
      cryptodudez simulate bitso --port 8900
      cryptodudez simulate binance --port 8910
      cryptodudez simulate x --port 8920
    """


@simulate.command(ARCHIVES, cls=NamedByItsArgument)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--size", type=click.Choice(["tiny", "small", "large"]), default="small", show_default=True, help="How much data."
)
@click.option("--seed", default=7, show_default=True, help="Another seed makes other data.")
@click.option("--last-day", type=LastDay(), help="Of the sample data. Default: yesterday (UTC).")
def archives(folder: Path, size: Literal["tiny", "small", "large"], seed: int, last_day: date | None) -> None:
    """Write sample archives of every source to FOLDER, and the truth about them to FOLDER/truth.

    \b
    Example:
      cryptodudez simulate FOLDER --size tiny
    """
    from cryptodudez_assets.simulator import simulate as write

    with errors.status("simulating") as shown:
        write(
            folder,
            size,
            seed,
            last_day=last_day or yesterday(),
            on_progress=lambda line: shown.update(f"simulating: {line}"),
        )
    say(console, f"sample archives are in {folder}")


class BookNames(click.ParamType[tuple[str, ...]]):
    """Names of books that the simulated exchange has, with commas; or `all`."""

    name = "book,book"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names as the exchange writes them, each once."""
        from cryptodudez_assets.simulator.venues.bitso.books import BOOKS
        from cryptodudez_assets.venues.bitso.protocol import book_name

        if value == "all":
            return tuple(BOOKS)
        try:
            names = tuple(dict.fromkeys(book_name(one) for one in value.split(",")))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        for name in names:
            if name not in BOOKS:
                self.fail(f"the simulated exchange has no {name!r}; it has: {', '.join(BOOKS)}", param, ctx)
        return names


class FaultRate(click.ParamType[tuple[str, float]]):
    """A fault of a simulated venue and its rate; or `list`."""

    name = "name=rate"

    def __init__(self, venue: str) -> None:
        self._venue = venue

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """Name and rate, or an error that says what was expected."""
        known = import_module(f"cryptodudez_assets.simulator.venues.{self._venue}.faults")
        if value == "list":
            for fault in known.FAULTS.values():
                say(console, f"{fault.name:<12}{fault.meaning}")
                say(console, f"{'':<12}RATE: {fault.unit}")
            raise click.exceptions.Exit
        try:
            name, rate = known.read_fault(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return name, rate


@simulate.command()
@click.option("--port", type=PORT, default=8900, show_default=True, help="Of REST (below /v3) and the websocket (/ws).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--books", type=BookNames(), default="btc_mxn,usd_mxn", show_default=True, help="Or all, which are 54.")
@click.option("--seed", default=7, show_default=True, help="Another seed makes another market.")
@click.option(
    "--rate", type=POSITIVE, help="Messages a second of each book. Default: as lively as the book usually is."
)
@click.option("--speed", type=POSITIVE, default=1, show_default=True, help="So many times as many messages.")
@click.option(
    "--rest-limit",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="Requests a minute and address; who asks more is refused for a minute.",
)
@click.option(
    "--fault", "faults", type=FaultRate("bitso"), multiple=True, help="Several may be given. `list` tells them all."
)
@click.option(
    "--truth",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV of every message (book, sequence, sent, bid, ask). Beside truth.csv, truth.forced.csv: what faults force.",
)
def bitso(faults: tuple[tuple[str, float], ...], port: int, host: str, **options: Any) -> None:
    """Stand in for the exchange Bitso: its REST and websocket, with order books that move, until it is interrupted.

    \b
    Examples:
      cryptodudez simulate bitso --port 8900
      cryptodudez simulate bitso --books all --rate 18.5
      cryptodudez simulate bitso --fault drop=0.001 --fault disconnect=0.5 --truth truth.csv
      cryptodudez simulate bitso --fault list
    """
    from cryptodudez_assets.simulator.venues.bitso import Options, serve

    insist_on_free(host, port)
    try:
        serve(Options(**options, faults=dict(faults), host=host, port=port), _tell_where)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None


def _tell_where(server: "Server") -> None:
    say(console, f"simulated Bitso: REST {server.rest_url}, websocket {server.ws_url}")


@simulate.command()
@click.option("--port", type=PORT, default=8920, show_default=True, help="Of the API (below /2).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--token", default="", help="The bearer token that is right. Default: any, or none.")
@click.option("--seed", default=7, show_default=True, help="Another seed makes other accounts and posts.")
@click.option(
    "--accounts", type=click.IntRange(1, 150), default=20, show_default=True, help="Who writes; elonmusk is the first."
)
@click.option("--posts-a-day", type=POSITIVE, default=12, show_default=True, help="Of each account, on average.")
@click.option(
    "--deleted",
    type=click.FloatRange(0, 1),
    default=0.02,
    show_default=True,
    help="Share of the posts that are gone within ten days.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="Requests of each endpoint in 15 minutes. Default: as X documents them."
)
@click.option(
    "--cap", type=click.IntRange(min=0), default=2_000_000, show_default=True, help="Posts that are sold in a month."
)
@click.option(
    "--fault", "faults", type=FaultRate("x"), multiple=True, help="Several may be given. `list` tells them all."
)
def x(faults: tuple[tuple[str, float], ...], host: str, port: int, **options: Any) -> None:
    """Stand in for X: timelines, searches, usage and compliance, with limits, prices and deletions, until it is interrupted.

    \b
    Examples:
      cryptodudez simulate x --port 8920
      cryptodudez simulate x --token sesame --deleted 0.1 --fault 429=0.05 --fault truncated=0.02
      cryptodudez simulate x --fault list
    """
    from cryptodudez_assets.simulator.venues.x import Options, serve

    def tell(server: "XServer") -> None:
        say(console, f"simulated X: {server.url}")

    insist_on_free(host, port)
    try:
        serve(Options(**options, faults=dict(faults), host=host, port=port), tell)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
