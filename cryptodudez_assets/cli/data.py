"""Commands for data: land, run, status, restated."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Literal, get_args

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from cryptodudez_assets.cli.arguments import DeclaredSource, source_argument
from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import lake_to_read, nothing_yet, opened_lake, read_settings, run_sources
from cryptodudez_assets.cli.output import console, errors, print_frame, unfolded, warn
from cryptodudez_assets.settings import EngineName
from cryptodudez_assets.terminal import say


@main.command()
@source_argument
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def land(source: str, paths: tuple[Path, ...]) -> None:
    """Bring files or folders into the raw zone of SOURCE.

    With `cryptodudez up` running they are ingested within seconds; otherwise `cryptodudez run` does it.

    \b
    Examples:
      cryptodudez land crypto_prices ~/Downloads/cryptocurrency_historical_prices.zip
      cryptodudez land elon_tweets tweets/
    """
    from cryptodudez_assets.lake.landing import NotAFile, files_below, left_below
    from cryptodudez_assets.lake.landing import land as bring

    lake = opened_lake()
    total = sum(path.stat().st_size for path, _ in files_below(paths))
    columns = (TextColumn("landing"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("landing", total=total)
        try:
            for landed in bring(lake, source, paths, lambda n: progress.advance(task, n)):
                told = f"{'already there' if landed.already_there else 'landed'}: {landed.uri}"
                say(console, told)
        except NotAFile as error:
            raise click.ClickException(str(error)) from None
    left = list(left_below(paths))
    for path, reason in left:
        warn(f"not landed: {path}: {reason}")
    if left:
        warn(f"{len(left)} not landed")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--files", is_flag=True, help="Show every file and archive member.")
def status(as_json: bool, files: bool) -> None:
    """Show how each source stands: files, rows read, kept, quarantined and repeated; and what is behind, and since when.

    For every source and file: read = valid + quarantined + duplicate. Objects that are listed in the raw zone and not
    catalogued are `unknown`: they wait for the next run, or the check `everything_known` says why they stay. Behind is
    what was made from something else than its inputs are now; `cryptodudez run` makes it, as `cryptodudez up` does by itself.

    \b
    Examples:
      cryptodudez status
      cryptodudez status --files
      cryptodudez status --json | jq .sources.crypto_prices
      cryptodudez status --json | jq .behind
    """
    import polars as pl

    from cryptodudez_assets.features import left_out
    from cryptodudez_assets.lake.metastore.unknown import look_for_unknown
    from cryptodudez_assets.lake.status import file_status, status_of
    from cryptodudez_assets.products.declared import all_products
    from cryptodudez_assets.products.standing import standing
    from cryptodudez_assets.products.words import as_json as standing_as_json
    from cryptodudez_assets.products.words import lines
    from cryptodudez_assets.sources import all_sources

    lake = lake_to_read()
    found = standing(lake, all_products(lake))
    told = {
        name: asdict(status_of(lake, name)) | {"unknown": len(look_for_unknown(lake, name).unknown)}
        for name in all_sources()
    }
    if as_json:
        listed = {"files": json.loads(file_status(lake, all_sources()).write_json())} if files else {}
        missing = [asdict(one) for one in left_out()]
        click.echo(json.dumps({"sources": told, "left_out": missing, **standing_as_json(found), **listed}, indent=2))
        return
    # Columns that are zero everywhere say nothing; the row identity always stays.
    always = {"files", "ignored", "read", "valid", "quarantined", "duplicate"}
    names = next(iter(told.values()), ())
    shown = [name for name in names if name in always or any(counts[name] for counts in told.values())]
    table = Table("source")
    for name in shown:
        table.add_column(name.replace("_", " "), justify="right")
    for source, counts in told.items():
        table.add_row(source, *(f"{counts[name]:,}" for name in shown))
    (console if console.is_terminal else unfolded).print(table)
    for line in (*map(str, left_out()), *lines(found, lake.sources.values())):
        say(console, line)
    if files:
        every = file_status(lake, all_sources())
        file = pl.concat_str(pl.col("uri").str.split("/").list.last(), "member", separator="!", ignore_nulls=True)
        print_frame(every.select("source", file.alias("file"), pl.exclude("source", "uri", "member")), "table")


@main.command()
@source_argument
@click.option("--file", "file_id", help="Only what this file told (FILE_ID).")
@click.option("--limit", default=1000, show_default=True, help="At most so many lines.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def restated(source: str, file_id: str | None, limit: int, format_: Literal["table", "json", "csv"]) -> None:
    """List what was restated: a line for each value that a row told otherwise than the row of its key that stands now.

    Where the source keeps no observations, the raw files that told it are read again.

    \b
    Examples:
      cryptodudez restated crypto_prices
      cryptodudez restated elon_tweets --file 0f1e2d3c4b5a6978 --format csv
    """
    from cryptodudez_assets.lake.ingest.restated import restated as list_restated
    from cryptodudez_assets.sources import all_sources

    found = list_restated(lake_to_read(), all_sources()[source], file_id, limit)
    print_frame(found.lines, format_)
    for uri in found.unreadable:
        say(errors, f"not listed, since the raw file is not there any more as it was read: {uri}")
    if not found.complete:
        say(errors, f"there are more than these {limit:,} lines; see --limit and --file")


@main.command()
@click.option("--select", multiple=True, type=DeclaredSource(), help="Only this source (may be repeated).")
@click.option(
    "--check-all", is_flag=True, help="Judge all rows by their contracts, not only what is new since they last passed."
)
@click.option(
    "--engine",
    type=click.Choice(get_args(EngineName)),
    help="Where files are read and tables computed, instead of CRYPTODUDEZ_ENGINE.",
)
def run(select: tuple[str, ...], check_all: bool, engine: EngineName | None) -> None:
    """Do everything that is pending, headless: catalogue, ingest, check, and what depends on it.

    Exits with 1 if an asset or a blocking check fails, or a declaration is left out. The runs are in the Dagster UI afterwards.

    \b
    Examples:
      cryptodudez run
      cryptodudez run --select crypto_prices
      cryptodudez run --check-all
      cryptodudez run --engine spark
    """
    from cryptodudez_assets.features import left_out
    from cryptodudez_assets.sources import all_sources

    fine = nothing_yet(read_settings()) or run_sources(
        list(select or all_sources()), check_all=check_all, engine=engine
    )
    sys.exit(0 if fine and not left_out() else 1)
