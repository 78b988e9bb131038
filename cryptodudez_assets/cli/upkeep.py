"""Commands for a home as a whole: verify, rebuild, move-home, restore-catalog."""

import difflib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape
from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import (
    lake_to_read,
    lake_to_work_on,
    read_settings,
    usable_settings,
)
from cryptodudez_assets.cli.output import console, errors, warn
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.terminal import say


@main.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(tables: tuple[str, ...], as_json: bool) -> None:
    """Compare files with the SHA-256 that was recorded when they were written: of TABLEs, or of all tables, raw files and models.

    Names each file that differs, and what to do about it. Exits with 1 if there is one. Changes nothing.

    \b
    Examples:
      cryptodudez verify
      cryptodudez verify market.crypto_prices
      cryptodudez verify --json | jq .differences
    """
    from cryptodudez_assets.lake.upkeep.verify import verify_raw, verify_table
    from cryptodudez_assets.models.verify import verify_models
    from cryptodudez_assets.sources import all_sources

    lake = lake_to_read()
    there = lake.tables.names()
    for name in tables:
        if name not in there:
            raise click.ClickException(f"there is no table {name!r}{_nearest(name, there)}")
    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("comparing", total=None)

        def on_bytes(n: int) -> None:
            progress.advance(task, n)

        found = []
        for name in tables or there:
            progress.update(task, description=f"comparing {name}")
            found.append(verify_table(lake, name, on_bytes=on_bytes))
        for source in all_sources() if not tables else ():
            progress.update(task, description=f"comparing raw files of {source}")
            found.append(verify_raw(lake, source, on_bytes))
        if not tables:
            found += verify_models(lake.settings, on_bytes)
    differences = [one for told in found for one in told.differences]
    numbers = {
        "files": sum(told.files for told in found),
        "bytes": sum(told.bytes for told in found),
        "not_recorded": sum(len(told.unrecorded) for told in found),
    }
    if as_json:
        click.echo(json.dumps({**numbers, "differences": [asdict(one) for one in differences]}, indent=2))
    else:
        for one in differences:
            say(console, f"differs: {one}")
        older = f"; of {numbers['not_recorded']:,} nothing is recorded until the next upkeep" * bool(
            numbers["not_recorded"]
        )
        say(
            console,
            f"{numbers['files']:,} files with {numbers['bytes']:,} bytes: {len(differences):,} differ from what was written{older}",
        )
    sys.exit(1 if differences else 0)


def _nearest(name: str, there: list[str]) -> str:
    near = difflib.get_close_matches(name, there, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(there) or 'none yet'}"


@main.command()
@click.argument("table")
@click.option("--lose-rows", is_flag=True, help="Go on without rows whose raw files are gone.")
def rebuild(table: str, lose_rows: bool) -> None:
    """Make a lost or damaged TABLE again: a source's from its raw files, any other from the tables that it is computed from.

    Rows, counts, file ids and times are what they were; older versions of the table are gone. What stands on it follows with
    the next `cryptodudez run`. Interrupted, the table is what it was: do it again.

    \b
    Examples:
      cryptodudez rebuild market.crypto_prices
      cryptodudez rebuild features.crypto_daily
      cryptodudez rebuild online.crypto_daily
    """
    from cryptodudez_assets.headless import make_known
    from cryptodudez_assets.lake.upkeep.rebuild import CannotRebuild
    from cryptodudez_assets.rebuilding import rebuild as make_again

    lake = lake_to_work_on()
    with errors.status(f"rebuilding {table}") as shown:
        try:
            done = make_again(
                lake, table, lose_rows=lose_rows, say=lambda line: shown.update(f"rebuilding {table}: {escape(line)}")
            )
        except (CannotRebuild, LookupError) as error:
            raise click.ClickException(str(error)) from None
    for place, n in done.lost.items():
        warn(f"lost: {n:,} rows of {place}")
    rows = "" if done.rows is None else f", {done.rows:,} rows"
    say(console, f"rebuilt: {', '.join(done.tables)}{rows}")
    sys.exit(0 if make_known(lake, done.tables, console) else 1)


@main.command("move-home")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
def move_home(old: Path, new: Path) -> None:
    """Move a home from OLD to NEW, or make NEW, a copy of OLD, a home of its own. Stop all that works in it first.

    If NEW is there already, it was moved or copied by hand; OLD, if it is still there, is left as it is. Whole or not at all:
    whatever interrupts it, the same command does it again. A lake outside of the home is moved by naming the two lakes.

    \b
    Examples:
      cryptodudez move-home ~/.cryptodudez /data/cryptodudez
      cp -a /data/cryptodudez /data/trial && cryptodudez move-home /data/cryptodudez /data/trial
    """
    from cryptodudez_assets.lake.upkeep.moving import move
    from cryptodudez_assets.sources import all_sources

    settings = read_settings()
    before, after = (str(path.expanduser().absolute()) for path in (old, new))
    if after != settings.lake:
        settings = Settings(home=Path(after))
    with errors.status("moving") as shown:
        moved = move(before, after, settings, all_sources(), lambda line: shown.update(f"moving: {line}"))
    for path in moved.missing:
        warn(f"warning: {path} is named by a table, and was missing before")
    told = f"{moved.tables} tables were brought to {settings.lake}"
    if not moved.tables:
        told = f"all tables of {settings.lake} lie in it already: {new} is a home of its own, and {old} was not touched"
    say(console, told)


@main.command("restore-catalog")
def restore_catalog() -> None:
    """Make the catalog's database anew, from the tables' folders and its newest backup. Stop all that works in the home first.

    For a catalog that is missing, broken, emptied, or an old copy. What was there before is kept beside it.

    \b
    Example:
      cryptodudez restore-catalog
    """
    from cryptodudez_assets.lake.lake import now
    from cryptodudez_assets.lake.upkeep.restoring import restore

    with errors.status("restoring") as shown:
        restored = restore(usable_settings(), now(), lambda line: shown.update(f"restoring: {line}"))
    if restored is None:
        console.print("the catalog names every table: it is left as it is")
        return
    for line in restored.lines():
        say(console, line)
