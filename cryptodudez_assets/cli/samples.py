"""Commands for data to try things with: demo, fetch."""

import sys
from datetime import date
from pathlib import Path
from typing import Literal

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cryptodudez_assets.cli.arguments import LastDay
from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import opened_lake, read_settings
from cryptodudez_assets.cli.output import console, errors
from cryptodudez_assets.terminal import say


@main.command()
@click.option(
    "--size", type=click.Choice(["tiny", "small", "large"]), default="small", show_default=True, help="How much data."
)
@click.option("--seed", default=7, show_default=True, help="Another seed makes other data.")
@click.option(
    "--last-day", type=LastDay(), help="Of the sample data, when a home is first filled. Default: yesterday (UTC)."
)
def demo(size: Literal["tiny", "small", "large"], seed: int, last_day: date | None) -> None:
    """Make sample archives, land them, run the whole graph, and sum up. A second time finds nothing new.

    \b
    Example:
      cryptodudez demo --size tiny
    """
    from cryptodudez_assets.demo import show_demo
    from cryptodudez_assets.lake.samples import OtherLastDay

    try:
        fine = show_demo(opened_lake(), size, seed, console, last_day)
    except OtherLastDay as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if fine else 1)


@main.group()
def fetch() -> None:
    """Download public data sets, to be landed."""


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
