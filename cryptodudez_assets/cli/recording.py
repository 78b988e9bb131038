"""Commands of the order-book recorder: record, replay-capture."""

import socket
import sys
from datetime import UTC, datetime
from ipaddress import IPv4Address
from math import isnan
from pathlib import Path

import click

from cryptodudez_assets.cli.arguments import PORT
from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import insist_on_key, staying, usable_settings
from cryptodudez_assets.cli.output import console, errors, print_frame
from cryptodudez_assets.terminal import say
from cryptodudez_assets.venues.bitso.protocol import REST_URL, SOCKET_URL, book_name


class Book(click.ParamType[str]):
    """A book's name, in the spelling of the venue or of people."""

    name = "book"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As the venue spells it."""
        try:
            return book_name(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _are_numbers(ctx: click.Context, param: click.Parameter, given: tuple[float, ...]) -> tuple[float, ...]:
    """The thresholds: no range keeps one from being `nan`."""
    if any(isnan(one) for one in given):
        raise click.BadParameter("nan is no number", ctx, param)
    return given


class Address(click.ParamType[str]):
    """Where a server of the exchange is."""

    name = "url"

    def __init__(self, *schemes: str) -> None:
        self.schemes = schemes

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address, if a client could use it: what is no address would be tried for ever."""
        scheme, _, rest = str(value).partition("://")
        if scheme not in self.schemes or not rest:
            self.fail("must be " + " or ".join(f"{one}://host:port/path" for one in self.schemes), param, ctx)
        return str(value)


class Instance(click.ParamType[str]):
    """The name of a recorder: it becomes part of files' names."""

    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, if files can have it."""
        from cryptodudez_assets.recorder.run import INSTANCE

        if not INSTANCE.fullmatch(str(value)):
            self.fail(f"{value!r}: expected letters, digits, - and _, at most 63, beginning with a letter or digit")
        return str(value)


class Ipv4(click.ParamType[str]):
    """An address of this machine."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address, if it is one."""
        try:
            return str(IPv4Address(str(value)))
        except ValueError:
            self.fail(f"{value!r}: expected an address such as 127.0.0.1 or 0.0.0.0", param, ctx)


def _host() -> str:
    name = "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname()).strip("-")
    return name[:63] or "recorder"


@main.command()
@click.option("--book", "books", type=Book(), multiple=True, required=True, help="Such as btc_mxn; again for more.")
@click.option(
    "--threshold",
    "thresholds",
    type=click.FloatRange(0, 100, min_open=True),
    callback=_are_numbers,
    multiple=True,
    help="Tell people of a spread over so many percent; again for more. Default: what declared_rules/ say.",
)
@click.option("--instance", type=Instance(), default=_host, show_default="this host", help="Name of this recorder.")
@click.option(
    "--window-seconds",
    type=click.IntRange(2, 86_400),
    help="Seconds in a file. Default: CRYPTODUDEZ_RECORD_WINDOW_SECONDS, or 600.",
)
@click.option(
    "--rest-url",
    type=Address("https", "http"),
    help=f"Bitso's REST interface. Default: CRYPTODUDEZ_BITSO_REST_URL, or {REST_URL}.",
)
@click.option(
    "--ws-url",
    type=Address("wss", "ws"),
    help=f"Bitso's websocket. Default: CRYPTODUDEZ_BITSO_WS_URL, or {SOCKET_URL}.",
)
@click.option(
    "--capture", type=click.Path(dir_okay=False, path_type=Path), help="Keep what the venue says in this file."
)
@click.option("--csv", "csv_folder", type=click.Path(file_okay=False, path_type=Path), help="Write CSV here, too.")
@click.option("--port", type=PORT, help="Port of the stream and the metrics. Default: any that is free.")
@click.option(
    "--host",
    type=Ipv4(),
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. Other machines are told the metrics alone, and only with CRYPTODUDEZ_API_KEY.",
)
def record(
    books: tuple[str, ...],
    thresholds: tuple[float, ...],
    instance: str,
    window_seconds: int | None,
    rest_url: str | None,
    ws_url: str | None,
    capture: Path | None,
    csv_folder: Path | None,
    port: int | None,
    host: str,
) -> None:
    """Record order books of Bitso: best prices and spread of each second, a file a book every ten minutes. Ctrl-C stops.

    Several recorders may record the same books into one lake, each under an --instance of its own: the best observation of
    each second wins. To upgrade, start the new one, then stop the old one.

    \b
    Examples:
      cryptodudez record --book btc_mxn --book usd_mxn
      cryptodudez record --book btc_mxn --rest-url http://127.0.0.1:9000/v3 --ws-url ws://127.0.0.1:9000/ws
    """
    from cryptodudez_assets.recorder.run import NameTaken, Wanted
    from cryptodudez_assets.recorder.run import record as run

    def tell(line: str) -> None:
        say(console, f"{datetime.now(UTC):%H:%M:%S} {line}")

    settings = staying(usable_settings())
    insist_on_key(settings, host)
    wanted = Wanted(
        books=list(dict.fromkeys(books)),
        instance=instance,
        window_seconds=window_seconds or settings.record_window_seconds,
        rest_url=rest_url or settings.bitso_rest_url or REST_URL,
        socket_url=ws_url or settings.bitso_ws_url or SOCKET_URL,
        thresholds=thresholds,
        capture=capture,
        csv_folder=csv_folder,
        port=port or 0,
        host=host,
    )
    try:
        run(settings, wanted, tell)
    except NameTaken as error:
        raise click.ClickException(str(error)) from None


@main.command("replay-capture")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="csv", show_default=True)
def replay_capture(file: Path, format_: str) -> None:
    """Make the records of a capture anew, through the recorder's own code, and print them.

    \b
    Example:
      cryptodudez replay-capture capture.jsonl.gz
    """
    from typing import Literal, cast

    from cryptodudez_assets.recorder.capture import captured, replayed
    from cryptodudez_assets.recorder.record import to_frame

    try:
        with errors.status("replaying"):
            records = [one for second in replayed(captured(file), "replay") for one in second]
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    if not records:
        sys.exit("the capture holds no second")
    print_frame(to_frame(records, "replay"), cast(Literal["table", "json", "csv"], format_))
