"""The command that brings a lake and its catalog elsewhere: migrate."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import click
from pydantic import ValidationError
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import nothing_yet, read_settings, usable_settings
from cryptodudez_assets.cli.output import console, errors, print_frame, warn
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.terminal import say, visible

if TYPE_CHECKING:
    from cryptodudez_assets.lake.moving.inventory import Inventory
    from cryptodudez_assets.lake.moving.migrating import Migrated

LOGIN = "and in it, before the host, user and password (USER:PASSWORD@), where the server asks for them"
INTERRUPTED = (
    "interrupted: the same command goes on where it was. If the old lake is closed by now, that is the way on; it can "
    "still be read"
)
STAYS = (
    "what is only the home's stays in it: receipts.db (what it served is in ml.receipts, too), notifications.db, online.db, records of "
    "Dagster's runs, what a recorder has not landed yet. With another CRYPTODUDEZ_HOME or CRYPTODUDEZ_ONLINE, `cryptodudez run` fills "
    "the online store from the tables"
)


@main.command()
@click.option("--to-lake", required=True, metavar="PLACE", help="Root of the new lake: s3://…, gs://… or a folder.")
@click.option(
    "--to-catalog",
    required=True,
    metavar="URL",
    help="The new catalog: postgresql://user@host/database, without a password, or sqlite:///file.",
)
@click.option(
    "--to-raw", default="", metavar="PLACE", help="Root of the new raw zone, where it is not raw in the new lake."
)
def migrate(to_lake: str, to_catalog: str, to_raw: str) -> None:
    """Copy lake and catalog of this home to another place, such as a bucket and PostgreSQL, compare them, and go on there.

    Says first what is to be copied. Each object is compared by its SHA-256, each version of each table row by row. Interrupted, the same
    command goes on where it was. Stop what runs here first (`cryptodudez up`, `serve`, `record`). Before the last difference is copied, the
    old lake is closed to all that write, for good; it can still be read. In the end it says what to set.

    Passwords are in no command: PGPASSWORD, or PostgreSQL's password file, has the one of the new catalog; those of buckets are found
    where the clouds' own tools find them. See docs/operations.md.

    \b
    Examples:
      cryptodudez migrate --to-lake gs://bucket/lake --to-raw gs://landed --to-catalog postgresql://dudez@db/catalog
      cryptodudez migrate --to-lake /mnt/lake --to-catalog sqlite:////mnt/catalog.db
    """
    from cryptodudez_assets.lake.moving.migrating import Listeners
    from cryptodudez_assets.migrating import migrate as carry_out
    from cryptodudez_assets.sources import all_sources

    if nothing_yet(read_settings()):
        return
    source = usable_settings()
    target = _target(source, to_lake, to_catalog, to_raw)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("looking at what is there", total=None)

        def plan(inventory: "Inventory", left: int) -> None:
            if progress.tasks[task].total is None:
                _tell(inventory, left, source, target)
            progress.update(task, total=progress.tasks[task].completed + left)

        listeners = Listeners(
            plan,
            lambda n: progress.advance(task, n),
            lambda line: progress.update(
                task, description=visible(line.partition(" ")[0] if "copied" in line else line)
            ),
        )
        try:
            done = carry_out(source, target, all_sources(), listeners)
        except KeyboardInterrupt:
            raise click.ClickException(INTERRUPTED) from None
    _tell_end(done, source)


def _target(source: Settings, lake: str, catalog: str, raw: str) -> Settings:
    """The settings of the new place. What is wrong is told by the option's name, without what was given."""
    if catalog.startswith("postgresql+"):
        catalog = f"postgresql://{catalog.partition('://')[2]}"
    if urlsplit(catalog).password or "password" in dict(parse_qsl(urlsplit(catalog).query)):
        raise click.UsageError(
            "--to-catalog has a password in it, which others can see: leave it out, and set PGPASSWORD"
        )
    try:
        return Settings(home=source.home, lake=lake, catalog=catalog, raw=raw, events="")
    except ValidationError as error:
        told = [f"--to-{one['loc'][0]} {one['msg'].removeprefix('Value error, ')}" for one in error.errors()]
        raise click.UsageError("\n".join(told)) from None


def _tell(inventory: "Inventory", left: int, source: Settings, target: Settings) -> None:
    import polars as pl

    rooms = [(room, files, decimal(size)) for room, files, size in inventory.rooms()]
    print_frame(pl.DataFrame(rooms, ["folder", "files", "size"], orient="row"), "table")
    say(
        console,
        f"{source.lake} to {target.lake}: {len(inventory.objects):,} files with {inventory.size:,} bytes, of which {left:,} are left to "
        f"copy, and {len(inventory.tables):,} tables, whose metadata are written anew",
    )
    for place, why in inventory.odd.items():
        warn(f"not copied: {place}: {why}")


def _tell_end(done: "Migrated", source: Settings) -> None:
    import polars as pl

    if done.was_done:
        say(console, f"{source.lake} was moved to {done.move.place} before: nothing is left to do")
    else:
        rows = [(one.table, one.snapshots, one.files, one.rows, one.columns, "yes") for one in done.tables]
        print_frame(
            pl.DataFrame(rows, ["table", "versions", "files", "rows", "columns", "same in both"], orient="row"), "table"
        )
        say(
            console,
            f"{len(done.inventory.objects):,} files with {done.inventory.size:,} bytes are in both places, with the same SHA-256",
        )
    say(console, STAYS)
    say(console, f"set now: {done.move.to_set()}")
    if done.move.catalog.startswith("postgresql"):
        say(console, LOGIN)
