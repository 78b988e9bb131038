"""Commands about alerts: notify test, list, retry; alerts backtest."""

import json
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import lake_to_read, nothing_yet, read_settings, usable_settings
from cryptodudez_assets.cli.output import console, errors, print_frame, print_json, warn
from cryptodudez_assets.cli.recording import Book
from cryptodudez_assets.terminal import say

if TYPE_CHECKING:
    import polars as pl

    from cryptodudez_assets.notifications.delivery import Attempt
    from cryptodudez_assets.notifications.outbox import Delivered

TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])


@main.group()
def notify() -> None:
    """Look at what people are told: alerts, failed checks, old data, drift, decisions; and try whether it arrives.

    Where it goes is set by CRYPTODUDEZ_NOTIFY_WEBHOOK and CRYPTODUDEZ_NOTIFY_SECRET, and CRYPTODUDEZ_NOTIFY_SLACK; it is in
    logs/notifications.log in the home folder in any case.
    """


@notify.command()
def test() -> None:
    """Send a test event to each sink that is configured, and say how it went. Exits with 1 where one did not take it.

    \b
    Example:
      cryptodudez notify test
    """
    from cryptodudez_assets.notifications.delivery import Backoff, Delivery
    from cryptodudez_assets.notifications.event import Event, Kind
    from cryptodudez_assets.notifications.notifier import open_outbox
    from cryptodudez_assets.notifications.sinks import sinks_of

    settings, now = usable_settings(), int(time.time())
    outbox, sinks = open_outbox(settings), sinks_of(settings)
    where = f"{socket.gethostname()} {os.getpid()}"
    event = Event(
        rule="test", subject=where, kind=Kind.TESTED, started_at=now, at=now, severity="info", title="A test",
        text="`cryptodudez notify test` was run: nothing is wrong.",
    )  # fmt: skip
    outbox.put([event])
    with errors.status("sending"):
        # It is sent once: who tests wants to know now, and nobody wants to hear of it tomorrow.
        attempts = Delivery(outbox, sinks, Backoff(attempts=1)).once(event_id=event.id)
    outbox.close()
    _say_how_it_went(attempts)
    sys.exit(1 if any(one.problem for one in attempts) else 0)


@notify.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what was sent.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def list_(everything: bool, format_: Literal["table", "json", "csv"]) -> None:
    """List what waits to be sent and what is a dead letter, each with what went wrong last.

    \b
    Examples:
      cryptodudez notify list
      cryptodudez notify list --all --format json
    """
    from cryptodudez_assets.notifications.notifier import open_outbox

    settings = read_settings()
    if nothing_yet(settings):
        return
    outbox = open_outbox(usable_settings())
    found = [one for one in outbox.deliveries() if everything or one.state != "sent"]
    open_ones = [one for one in outbox.incidents() if one.is_open]
    outbox.close()
    print_frame(_frame(found), format_)
    if format_ == "table":
        for one in open_ones:
            since = f"{datetime.fromtimestamp(one.started_at, UTC):%Y-%m-%d %H:%M:%S}"
            say(console, f"open: {one.rule} of {one.subject} since {since} UTC")


@notify.command()
@click.argument("event_id", metavar="[ID]", default="")
def retry(event_id: str) -> None:
    """Send what is a dead letter or waits now: the event ID, or all. Exits with 1 where something was not taken.

    \b
    Examples:
      cryptodudez notify retry
      cryptodudez notify retry hetak4fukwtfx2awlsg4ni4tfo
    """
    from cryptodudez_assets.notifications.notifier import open_delivery

    delivery = open_delivery(usable_settings())
    revived = delivery.outbox.revive(event_id)
    if event_id and not revived:
        raise click.ClickException(f"no event {event_id} waits or is dead: see cryptodudez notify list --all")
    with errors.status("sending"):
        attempts = delivery.once(event_id=event_id)
    delivery.outbox.close()
    _say_how_it_went(attempts)
    say(console, f"{sum(not one.problem for one in attempts)} of {revived} sent")
    sys.exit(1 if any(one.problem for one in attempts) else 0)


@main.group()
def alerts() -> None:
    """Try what alerts would have said."""


@alerts.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--book", "books", type=Book(), multiple=True, default=["btc_mxn"], show_default=True, help="May be repeated."
)
@click.option(
    "--threshold", "thresholds", type=float, multiple=True, help="Percent. Default: those of the declared rules."
)
@click.option("--clear-below", type=float, help="Percent below which it is over; by default the threshold.")
@click.option("--for-seconds", type=int, default=1, show_default=True, help="How long it must last, in a row.")
@click.option("--quiet-for", type=int, default=0, show_default=True, help="Seconds without another start afterwards.")
@click.option("--from", "since", type=TIMES, help="First second, UTC.")
@click.option("--to", "until", type=TIMES, help="The second behind the last one, UTC.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every alert.")
def backtest(
    files: tuple[Path, ...],
    books: tuple[str, ...],
    thresholds: tuple[float, ...],
    clear_below: float | None,
    for_seconds: int,
    quiet_for: int,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """How often would these thresholds have fired: on market.order_book_spreads, or on recorded FILES and folders of them.

    It fires when the spread is over the threshold for so many seconds in a row, and is over when the spread is below
    --clear-below. `crossings` is how often it would have fired without any of that.

    \b
    Examples:
      cryptodudez alerts backtest --book btc_mxn --threshold 0.1 --clear-below 0.08 --for-seconds 10 --quiet-for 600
      cryptodudez alerts backtest --book usd_mxn --from 2022-04-30 --to 2022-05-01 --json
      cryptodudez alerts backtest recordings/ --threshold 0.1 --threshold 0.2
    """
    import polars as pl

    from cryptodudez_assets.declared_rules import declared_thresholds
    from cryptodudez_assets.declared_rules.declaration import Threshold
    from cryptodudez_assets.recorder.backtest import NothingToTest, of_files, of_table
    from cryptodudez_assets.recorder.backtest import backtest as test_back

    begin, end = (None if time is None else time.replace(tzinfo=UTC) for time in (since, until))
    try:
        chosen = [Threshold(over, clear_below, for_seconds, quiet_for) for over in thresholds or declared_thresholds()]
        with errors.status("reading"):
            rows = of_files(files, begin, end) if files else of_table(lake_to_read(), books, begin, end)
        found = [test_back(rows, book, threshold) for book in books for threshold in chosen]
    except NothingToTest as nothing:
        raise click.ClickException(str(nothing)) from None
    except ValueError as wrong:
        raise click.ClickException(f"these settings make no alert: {wrong}") from None
    if as_json:
        print_json(json.dumps([{**one.as_row(), "incidents": one.incidents()} for one in found]))
        return
    shown = (
        "book",
        "threshold",
        "known_seconds",
        "gap_seconds",
        "missing_seconds",
        "share_over",
        "crossings",
        "alerts",
    )
    more = ("alerts_a_day", "median_seconds", "longest_seconds", "seconds_in_alert")
    print_frame(pl.DataFrame([one.as_row() for one in found], infer_schema_length=None).select(*shown, *more), "table")


def _say_how_it_went(attempts: "list[Attempt]") -> None:
    for one in attempts:
        if one.problem:
            warn(f"{one.sink}: {one.event.title}: not delivered: {one.problem}")
        else:
            say(console, f"{one.sink}: {one.event.title}: sent")


def _frame(found: "list[Delivered]") -> "pl.DataFrame":
    import polars as pl

    columns = ("id", "state", "sink", "attempts", "title", "at", "told", "next")
    rows = [
        (
            one.event.id,
            one.state,
            one.sink,
            one.attempts,
            one.event.title,
            datetime.fromtimestamp(one.event.at, UTC),
            one.told,
            datetime.fromtimestamp(one.due, UTC) if one.state == "waiting" else None,
        )
        for one in found
    ]
    times = dict.fromkeys(("at", "next"), pl.Datetime("us", "UTC"))
    schema = {name: times.get(name, pl.Int64 if name == "attempts" else pl.String) for name in columns}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        pl.col("at", "next").dt.strftime("%Y-%m-%d %H:%M:%S")
    )
