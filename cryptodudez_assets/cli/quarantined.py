"""Commands for what is set aside: quarantine list, show, replay."""

import sys
from pathlib import Path
from typing import Literal

import click

from cryptodudez_assets.cli.arguments import DeclaredSource, source_argument
from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import lake_to_read, opened_lake, run_sources
from cryptodudez_assets.cli.output import console, print_frame, warn
from cryptodudez_assets.terminal import say


@main.group()
def quarantine() -> None:
    """Look at what was set aside, and replay it after a fix."""


@quarantine.command("list")
@click.option("--source", type=DeclaredSource(), help="Only this source.")
@click.option("--all", "everything", is_flag=True, help="Also what was replayed or corrected.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def list_(source: str | None, everything: bool, format_: Literal["table", "json", "csv"]) -> None:
    """List quarantined rows and files with their reasons.

    \b
    Examples:
      cryptodudez quarantine list
      cryptodudez quarantine list --source elon_tweets --format json
    """
    from cryptodudez_assets.lake.quarantine.review import FILE_NAME, WHERE, overview

    found = overview(lake_to_read(), source, everything)
    if format_ == "table":  # the other formats say all
        found = found.select("id", "source", FILE_NAME, WHERE, "why", *["status"] * everything, "reason")
    print_frame(found, format_)


@quarantine.command()
@click.argument("id_", metavar="ID")
def show(id_: str) -> None:
    """Show a quarantined row (its row_id) or file (its file_id) in full.

    \b
    Examples:
      cryptodudez quarantine show 0f1e2d3c4b5a6978-1128
      cryptodudez quarantine show 0f1e2d3c4b5a6978
    """
    from cryptodudez_assets.lake.quarantine.review import details

    found = details(lake_to_read(), id_)
    if not found:
        raise click.ClickException(f"nothing in quarantine has the id {id_!r}; see `cryptodudez quarantine list --all`")
    for item in found:
        for name, value in item.items():
            say(console, f"{name:>16}  {value}")


@quarantine.command()
@source_argument
@click.option(
    "--file",
    "file_id",
    help="Only this file (FILE_ID); default: every file of the source with something in quarantine.",
)
@click.option(
    "--edited",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A corrected copy to land in place of the file's bad rows.",
)
def replay(source: str, file_id: str | None, edited: Path | None) -> None:
    """Ingest files again after their contract or declaration was fixed, or land a corrected copy.

    What fits now leaves the quarantine; what does not stays. The history stays in `quarantine.rows` and `.files`.

    \b
    Examples:
      cryptodudez quarantine replay crypto_prices
      cryptodudez quarantine replay crypto_prices --file 0f1e2d3c4b5a6978 --edited fixed.csv
    """
    from cryptodudez_assets.lake.quarantine.replay import Unknown, correct, reopen
    from cryptodudez_assets.sources import all_sources

    if edited and not file_id:
        raise click.UsageError("--edited says what one file should have been: name that file with --file")
    try:
        if edited:
            correct(opened_lake(), all_sources()[source], str(file_id), edited)
        else:
            reopened = reopen(
                opened_lake(), all_sources()[source], file_id, lambda file: warn(f"not there any more: {file}")
            )
            console.print(f"{reopened} files to be ingested again")
    except Unknown as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if run_sources([source]) else 1)
