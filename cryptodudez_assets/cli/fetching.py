"""Commands that fetch from venues: `fetch kaggle` (archives, to be landed), and one for each declared feed, whose answers land."""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import opened_lake, read_settings
from cryptodudez_assets.cli.output import console, errors
from cryptodudez_assets.terminal import say

if TYPE_CHECKING:
    from cryptodudez_assets.feeds import Feed
    from cryptodudez_assets.fetching.run import Fetched

DAY = click.DateTime(["%Y-%m-%d"])


class WithFeeds(click.Group):
    """A group that has a command for each declared feed, too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in alphabetical order."""
        from cryptodudez_assets.feeds import all_feeds

        return sorted({*super().list_commands(ctx), *all_feeds()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; a feed's is made when it is asked for."""
        from cryptodudez_assets.feeds import all_feeds

        if known := super().get_command(ctx, cmd_name):
            return known
        feed = all_feeds().get(cmd_name)
        return _command_of(feed) if feed else None


@main.group(cls=WithFeeds)
def fetch() -> None:
    """Bring data from where they are published: from venues into the raw zone, data sets of Kaggle into a folder.

    \b
    Examples:
      cryptodudez fetch binance --from 2026-01-01 --symbol ETHUSDT
      cryptodudez fetch kaggle stock_market
    """


@fetch.command()
@click.argument("dataset")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder; default: downloads in the home folder.",
)
def kaggle(dataset: str, folder: Path | None) -> None:
    """Download a data set of Kaggle, such as stock_market. A download that broke off goes on where it was.

    \b
    Examples:
      cryptodudez fetch kaggle stock_market
      cryptodudez fetch kaggle stock_market --to ~/Downloads
    """
    from cryptodudez_assets.venues.download import Failed
    from cryptodudez_assets.venues.kaggle import Credentials
    from cryptodudez_assets.venues.kaggle import fetch as bring

    settings = read_settings()
    columns = (TextColumn("downloading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("downloading", total=None)
        try:
            path = bring(
                dataset,
                folder or settings.home / "downloads",
                Credentials(settings.kaggle_username, settings.kaggle_key),
                on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        except (Failed, OSError) as error:
            raise click.ClickException(str(error)) from None
    say(console, f"downloaded: {path}")


def _command_of(feed: "Feed") -> click.Command:
    choices = [
        click.Option(
            [f"--{name.replace('_', '-')}", name], multiple=True, help=f"{meaning.rstrip('.')}; again for more."
        )
        for name, meaning in feed.choices.items()
    ]
    span = [
        click.Option(
            ["--from", "first"],
            type=DAY,
            metavar="YYYY-MM-DD",
            help=f"First day (UTC). Default: of the last {feed.covers.days} days.",
        ),
        click.Option(["--to", "last"], type=DAY, metavar="YYYY-MM-DD", help="Last day (UTC). Default: today."),
    ]
    told = (
        f"{feed.description}\n\nAsks for what the raw zone of {feed.source} does not have, and lands the answers there. What ends it, "
        f"the next time it goes on where it was. Costs: {feed.costs}.\n\n\b\nExamples:\n  cryptodudez fetch {feed.name}\n"
        f"  cryptodudez fetch {feed.name} --from 2026-01-01 --to 2026-01-31"
    )
    return click.Command(feed.name, callback=_fetcher(feed), params=[*span, *choices], help=told)


def _fetcher(feed: "Feed") -> Any:
    def run(first: Any, last: Any, **chosen: Sequence[str]) -> None:
        begin, end = (None if day is None else day.date() for day in (first, last))
        if begin and end and end < begin:
            raise click.UsageError(f"--to {end} is before --from {begin}")
        _tell(feed, _fetch(feed, begin, end, chosen))

    return run


def _fetch(feed: "Feed", first: date | None, last: date | None, chosen: dict[str, Sequence[str]]) -> "Fetched":
    from cryptodudez_assets.fetching.access import access_of
    from cryptodudez_assets.fetching.run import Stretch, missing, span_of
    from cryptodudez_assets.fetching.run import fetch as bring
    from cryptodudez_assets.venues.http import Failed
    from cryptodudez_assets.venues.pages import Page

    lake = opened_lake()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(f"asking {feed.venue}, seconds of data", total=None)

        def wanted() -> list[Stretch]:
            span = span_of(feed, first, last)
            found = missing(lake, feed, feed.series(chosen), span, lake.settings.feed_days_again)
            progress.update(task, total=sum(one.span.seconds for one in found))
            return found

        def on_page(stretch: Stretch, page: Page) -> None:
            progress.update(task, advance=page.covered.seconds, description=f"{feed.venue}, {stretch.series.name}")

        try:
            access = access_of(lake.settings, feed, lambda line: say(progress.console, line))
            return bring(lake, feed, wanted, access, on_page)
        except (Failed, ValueError) as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            raise click.ClickException("stopped: what landed stays, and the same command goes on behind it") from None


def _tell(feed: "Feed", done: "Fetched") -> None:
    for reason in dict.fromkeys(done.failed.values()):
        names = [name for name, why in done.failed.items() if why == reason]
        say(errors, f"not all of {', '.join(names)}: {reason}")
    if not done.stretches:
        say(console, f"nothing to ask {feed.venue} for: raw/{feed.source}/ has it")
    elif not done.keys and not done.failed:
        say(console, f"{feed.venue}: nothing landed, it has nothing to tell of that time (yet)")
    elif done.keys:
        told = f"{len(done.keys):,} {'answer' if len(done.keys) == 1 else 'answers'}, {done.n_bytes:,} bytes"
        say(
            console,
            f"{feed.venue}: {told} landed in raw/{feed.source}/; `cryptodudez run` reads them, as `cryptodudez up` does",
        )
    if done.failed:
        sys.exit(1)
