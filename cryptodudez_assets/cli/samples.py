"""The command for data to try things with: demo."""

import sys
from datetime import date
from typing import Literal

import click

from cryptodudez_assets.cli.arguments import LastDay
from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import opened_lake
from cryptodudez_assets.cli.output import console


@main.command()
@click.option(
    "--size", type=click.Choice(["tiny", "small", "large"]), default="small", show_default=True, help="How much data."
)
@click.option("--seed", default=7, show_default=True, help="Another seed makes other data.")
@click.option(
    "--last-day", type=LastDay(), help="Of the sample data, when a home is first filled. Default: yesterday (UTC)."
)
@click.option(
    "--planted",
    is_flag=True,
    help="Plant a signal in a coin's prices, so that a model has something to find. When a home is first filled.",
)
def demo(size: Literal["tiny", "small", "large"], seed: int, last_day: date | None, planted: bool) -> None:
    """Make sample archives, land them, run the whole graph, and sum up. A second time finds nothing new.

    \b
    Example:
      cryptodudez demo --size tiny
    """
    if planted and size == "tiny":
        raise click.UsageError(
            "--planted needs --size small: tiny has too few days of a coin for a model to show any skill"
        )
    from cryptodudez_assets.demo import show_demo
    from cryptodudez_assets.fetching.origin import RealData
    from cryptodudez_assets.lake.samples import OtherSamples

    try:
        fine = show_demo(opened_lake(), size, seed, console, last_day, planted)
    except (OtherSamples, RealData) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if fine else 1)
