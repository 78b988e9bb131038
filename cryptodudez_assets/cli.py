"""The `cryptodudez` command: thin, it calls what the assets call. Heavy imports wait until a command needs them."""

import difflib
import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from pydantic import ValidationError
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from cryptodudez_assets.outside import refusal
from cryptodudez_assets.settings import Settings, may_be_told, unknown_variables
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.terminal import SafeConsole, escape_in_children, say, visible, visible_json

if TYPE_CHECKING:
    import polars as pl

    from cryptodudez_assets.lake.lake import Lake

console = SafeConsole()
errors = SafeConsole(stderr=True)
unfolded = SafeConsole(width=10_000)  # into a file or a pipe, a row is a line
UNBROKEN = {"id", "line"}
PORT = click.IntRange(1, 65_535)


class Commands(click.Group):
    """Commands; that a home cannot be used as it is, they say in a line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        from cryptodudez_assets.lake.iceberg.catalog_database import OutOfReach
        from cryptodudez_assets.lake.iceberg.homes import HomeRefused

        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            vars(error)["message"] = visible(error.message, lines=True)
            raise
        except HomeRefused as refused:
            raise click.ClickException(visible(str(refused), lines=True)) from None
        except OutOfReach as error:
            said = str(error).partition("\n")[0]  # the driver goes on with advice
            raise click.ClickException(f"the catalog's server does not answer: {said}") from None
        except TimeoutError as error:
            raise click.ClickException(f"somebody else is at work here, and did not end in time: {error}") from None
        except Exception as error:
            if told := refusal(error):
                raise click.ClickException(visible(told, lines=True)) from None
            raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="cryptodudez")
def main() -> None:
    """A data platform for Ethereum traders: what lands in the lake becomes tables that can be trusted.

    Everything is kept below CRYPTODUDEZ_HOME (default ./.cryptodudez); `make up` shows the same in the Dagster UI.
    """
    from cryptodudez_assets.features import left_out

    for name, nearest in unknown_variables().items():
        _warn(f"warning: {name} is no setting, did you mean {nearest}?")
    for one in left_out():
        _warn(f"warning: {one}")


def source_argument(command: Callable[..., None]) -> Callable[..., None]:
    """A SOURCE that must be declared."""
    return click.argument("source", type=DeclaredSource())(command)


class DeclaredSource(click.ParamType[str]):
    """The name of a source in `cryptodudez_assets/sources/`."""

    name = "source"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Fail with the names there are."""
        from cryptodudez_assets.sources import all_sources, left_out_sources

        if value not in all_sources():
            left_out = ", or it is one of those that are left out" * bool(left_out_sources())
            self.fail(f"no source {value!r}{left_out}; there are: {', '.join(all_sources())}", param, ctx)
        return value


class LastDay(click.ParamType[date]):
    """The last day of sample data: not before they can end, nor a day that is not over."""

    name = "YYYY-MM-DD"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or an error that says which days there are."""
        from cryptodudez_assets.simulator.sizes import EARLIEST_END

        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day such as {EARLIEST_END}", param, ctx)
        if not EARLIEST_END <= day <= _yesterday():
            self.fail(f"{day} is not between {EARLIEST_END} and yesterday, {_yesterday()} (UTC)", param, ctx)
        return day


def _yesterday() -> date:
    return datetime.now(UTC).date() - timedelta(days=1)


@main.command()
@source_argument
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def land(source: str, paths: tuple[Path, ...]) -> None:
    """Bring files or folders into the raw zone of SOURCE.

    With `make up` running they are ingested within seconds; otherwise `cryptodudez run` does it.

    \b
    Examples:
      cryptodudez land crypto_prices ~/Downloads/cryptocurrency_historical_prices.zip
      cryptodudez land elon_tweets tweets/
    """
    from cryptodudez_assets.lake.landing import NotAFile, files_below, left_below
    from cryptodudez_assets.lake.landing import land as bring

    lake = _lake()
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
        _warn(f"not landed: {path}: {reason}")
    if left:
        _warn(f"{len(left)} not landed")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--files", is_flag=True, help="Show every file and archive member.")
def status(as_json: bool, files: bool) -> None:
    """Show how each source stands: files, rows read, kept, quarantined and repeated; and what is behind, and since when.

    For every source and file: read = valid + quarantined + duplicate. Objects that are listed in the raw zone and not
    catalogued are `unknown`: they wait for the next run, or the check `everything_known` says why they stay. Behind is
    what was made from something else than its inputs are now; `cryptodudez run` makes it, as `make up` does by itself.

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

    lake = _lake_to_read()
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
        _print(every.select("source", file.alias("file"), pl.exclude("source", "uri", "member")), "table")


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

    found = list_restated(_lake_to_read(), all_sources()[source], file_id, limit)
    _print(found.lines, format_)
    for uri in found.unreadable:
        say(errors, f"not listed, since the raw file is not there any more as it was read: {uri}")
    if not found.complete:
        say(errors, f"there are more than these {limit:,} lines; see --limit and --file")


@main.command()
@click.argument("query")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--unsafe", is_flag=True, help="Let it read and write files, use the network and load extensions.")
def sql(query: str, format_: Literal["table", "json", "csv"], unsafe: bool) -> None:
    """Ask the lake's tables in SQL (DuckDB's dialect). Every table is there under its name.

    It reads these tables and nothing else, unless it is told to be --unsafe: then it may do whatever you may.

    \b
    Examples:
      cryptodudez sql "select symbol, count(*), max(close) from market.crypto_prices group by 1 order by 2 desc"
      cryptodudez sql "from catalog.files where status = 'quarantined'" --format json
      cryptodudez sql "select name, rows, columns from catalog.tables"
    """
    import duckdb

    from cryptodudez_assets.lake.sql import Locked
    from cryptodudez_assets.lake.sql import query as ask

    lake = _lake_to_read()
    try:
        answer = ask(lake, query, unsafe=unsafe)
    except Locked as error:
        raise click.ClickException(f"{error}. If you mean it: `cryptodudez sql --unsafe`") from None
    except duckdb.Error as error:
        unknown = isinstance(error, duckdb.CatalogException)
        there = f"\nTables: {', '.join(lake.tables.names()) or 'none yet (see `cryptodudez demo`)'}" if unknown else ""
        raise click.ClickException(f"{error}{there}") from None
    _print(answer, format_)


@main.command()
@click.option("--select", multiple=True, type=DeclaredSource(), help="Only this source (may be repeated).")
@click.option(
    "--check-all", is_flag=True, help="Judge all rows by their contracts, not only what is new since they last passed."
)
def run(select: tuple[str, ...], check_all: bool) -> None:
    """Do everything that is pending, headless: catalogue, ingest, check, and what depends on it.

    Exits with 1 if an asset or a blocking check fails, or a declaration is left out. The runs are in the Dagster UI afterwards.

    \b
    Examples:
      cryptodudez run
      cryptodudez run --select crypto_prices
      cryptodudez run --check-all
    """
    from cryptodudez_assets.features import left_out
    from cryptodudez_assets.sources import all_sources

    fine = _nothing_yet(_settings()) or _run(list(select or all_sources()), check_all=check_all)
    sys.exit(0 if fine and not left_out() else 1)


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
        fine = show_demo(_lake(), size, seed, console, last_day)
    except OtherLastDay as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if fine else 1)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--size", type=click.Choice(["tiny", "small", "large"]), default="small", show_default=True, help="How much data."
)
@click.option("--seed", default=7, show_default=True, help="Another seed makes other data.")
@click.option("--last-day", type=LastDay(), help="Of the sample data. Default: yesterday (UTC).")
def simulate(folder: Path, size: Literal["tiny", "small", "large"], seed: int, last_day: date | None) -> None:
    """Write sample archives of every source to FOLDER, and the truth about them to FOLDER/truth.

    \b
    Example:
      cryptodudez simulate samples --size tiny
    """
    from cryptodudez_assets.simulator import simulate as write

    with errors.status("simulating") as shown:
        write(
            folder,
            size,
            seed,
            last_day=last_day or _yesterday(),
            on_progress=lambda line: shown.update(f"simulating: {line}"),
        )
    say(console, f"sample archives are in {folder}")


@main.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="Port of the Dagster UI, on 127.0.0.1.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address of the API; others than loopback need CRYPTODUDEZ_API_KEY. The Dagster UI asks for no key and stays on 127.0.0.1.",
)
@click.option("--api-port", type=PORT, default=8000, show_default=True, help="Port of the API and the dashboard.")
def up(port: int, host: str, api_port: int) -> None:
    """Start the Dagster UI and its daemon, with all sensors on, and the API with the dashboard. Ctrl-C stops everything.

    Says a line for each thing that happens. What the servers say is in logs/ in the home folder.

    \b
    Example:
      cryptodudez up --port 3001 --api-port 8001
    """
    from cryptodudez_assets.instance import dagster_home
    from cryptodudez_assets.running import UI_HOST, run_servers
    from serving.elsewhere import is_loopback

    settings = _reachable(_usable_settings())
    if settings.api_key is None and not is_loopback(host):
        raise click.ClickException(f"{host} can be reached by others: set CRYPTODUDEZ_API_KEY, or leave --host out")
    _insist_on_free(UI_HOST, port)
    _insist_on_free(host, api_port, "--api-port")
    dagster = dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(dagster)
    escape_in_children()

    def tell(line: str) -> None:
        say(console, f"{datetime.now():%H:%M:%S} {line}")

    where = f"Dagster UI http://{UI_HOST}:{port}, dashboard and API http://{host}:{api_port}, lake {settings.lake}"
    tell(f"starting: {where}; logs in {settings.logs}; Ctrl-C stops")
    sys.exit(run_servers(settings, dagster, host, port, api_port, tell, where))


@main.command()
@click.option("--port", type=PORT, default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; others than loopback need CRYPTODUDEZ_API_KEY.",
)
def serve(port: int, host: str) -> None:
    """Serve the API and the dashboard: today's signal, predictions, features. `make up` does it, too.

    \b
    Examples:
      cryptodudez serve --port 8000
      curl http://127.0.0.1:8000/signal/eth
    """
    from serving.run import run

    _insist_on_free(host, port)
    sys.exit(run(_reachable(_usable_settings()), host, port))


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

    settings = _settings()
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


@main.command()
@click.argument("receipt")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every raw file.")
def explain(receipt: str, as_json: bool) -> None:
    """Show what stands behind a served prediction: request, model, training data, tables, raw files; and predict it again.

    RECEIPT is the `receipt_id` of an answer. Exits with 1 if the replay does not give the same value.

    \b
    Example:
      cryptodudez explain 3f9a…
    """
    from cryptodudez_assets.models.explain import explain as find

    try:
        found = find(_lake(), receipt)
    except LookupError as missing:
        raise click.ClickException(str(missing)) from missing
    if as_json:
        _print_json(found.model_dump_json(indent=2))
    else:
        for line in found.lines():
            say(console, line)
    sys.exit(0 if found.replay.replayed else 1)


class Question(click.ClickException):
    """Something that only the user can decide."""

    exit_code = click.UsageError.exit_code


@main.command("new-source")
@click.argument("name")
@click.argument("sample", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--dates", type=click.Choice(["day-first", "month-first", "year-first"]), help="In which order dates are written."
)
@click.option("--key", metavar="COLUMN,…", help="The columns that tell rows apart.")
@click.option(
    "--time",
    metavar="COLUMN[,COLUMN]",
    help="The column that tells when something happened, or two, its day and time of day; none: the time of landing.",
)
@click.option("--header", is_flag=True, help="The first record holds names, though they look like data.")
@click.option(
    "--columns", metavar="COLUMN,…", help="The names of all columns in their order, where there is no header."
)
def new_source(
    name: str, sample: Path, dates: str | None, key: str | None, time: str | None, header: bool, columns: str | None
) -> None:
    """Write the declaration of a source NAME from a SAMPLE file (CSV, also packed), and try it on the sample.

    What the sample leaves open is asked for (exit code 2); then, and where the draft cannot read its own sample, nothing is written.

    \b
    Examples:
      cryptodudez new-source gas_prices ~/Downloads/gas.csv
      cryptodudez new-source trades trades.csv --dates month-first --key exchange,pair,time
      cryptodudez new-source candles ETHUSDT-1h.csv --columns open_time,open,high,low,close
    """
    from cryptodudez_assets import sources
    from cryptodudez_assets.drafting.draft import Choices, Undecided, Unusable, listed
    from cryptodudez_assets.drafting.draft import draft as make

    folder = Path(sources.__path__[0])
    target = folder / f"{name}.py"
    if target.exists() or (folder / name).exists():
        raise click.ClickException(f"{target} exists; it is left as it is")
    try:
        with errors.status("trying a draft on the sample"):
            choices = Choices(dates, listed(key), listed(time), header, listed(columns))
            made = make(name, sample, choices, sources.all_sources().values())
        with target.open("x", encoding="utf-8") as out:
            out.write(made.text)
    except Undecided as question:
        raise Question(str(question)) from None
    except (Unusable, OSError) as error:
        raise click.ClickException(str(error)) from None
    for line in made.lines:
        say(console, line)
    say(console, f"wrote {target}: look it through, then `make up` and drop files into raw/{name}/")


@main.command("feast-repo")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def feast_repo(folder: Path) -> None:
    """Write a Feast repository to FOLDER, in which `feast ui` and Feast's other commands work on this lake.

    \b
    Example:
      cryptodudez feast-repo feast && cd feast && feast ui --host 127.0.0.1
    """
    try:
        from cryptodudez_assets.feature_store.feast_plugin.repo import write_repo
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{error}: Feast is an extra, pip install '.[feast]' in the project's folder"
        ) from None
    write_repo(_settings(), folder)
    say(console, f"wrote {folder}: `feast ui` and others work there")


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

    lake = _lake_to_read()
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
            found += verify_models(lake.settings.models, on_bytes)
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

    lake = _lake()
    with errors.status(f"rebuilding {table}") as shown:
        try:
            done = make_again(
                lake, table, lose_rows=lose_rows, say=lambda line: shown.update(f"rebuilding {table}: {escape(line)}")
            )
        except (CannotRebuild, LookupError) as error:
            raise click.ClickException(str(error)) from None
    for place, n in done.lost.items():
        _warn(f"lost: {n:,} rows of {place}")
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

    settings = _settings()
    before, after = (str(path.expanduser().absolute()) for path in (old, new))
    if after != settings.lake:
        settings = Settings(home=Path(after))
    with errors.status("moving") as shown:
        moved = move(before, after, settings, all_sources(), lambda line: shown.update(f"moving: {line}"))
    for path in moved.missing:
        _warn(f"warning: {path} is named by a table, and was missing before")
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
        restored = restore(_usable_settings(), now(), lambda line: shown.update(f"restoring: {line}"))
    if restored is None:
        console.print("the catalog names every table: it is left as it is")
        return
    for line in restored.lines():
        say(console, line)


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
    from cryptodudez_assets.lake.quarantine.review import FILE_NAME, overview

    found = overview(_lake_to_read(), source, everything)
    if format_ == "table":  # the other formats say all
        found = found.select("id", "source", FILE_NAME, "line", "why", *["status"] * everything, "reason")
    _print(found, format_)


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

    found = details(_lake_to_read(), id_)
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
            correct(_lake(), all_sources()[source], str(file_id), edited)
        else:
            reopened = reopen(
                _lake(), all_sources()[source], file_id, lambda file: _warn(f"not there any more: {file}")
            )
            console.print(f"{reopened} files to be ingested again")
    except Unknown as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if _run([source]) else 1)


def _run(sources: list[str], *, check_all: bool = False) -> bool:
    from cryptodudez_assets.headless import run_pending

    return run_pending(_lake(), sources, console, check_all=check_all)


def _lake() -> "Lake":
    from cryptodudez_assets.lake.lake import Lake
    from cryptodudez_assets.lake.raw_folders import make_folders
    from cryptodudez_assets.sources import all_sources

    lake = Lake.open(_usable_settings(), all_sources())
    try:
        make_folders(lake, lake.sources.values())
    except OSError as error:
        _warn(f"warning: no folder to drop files into: {error.filename}: {error.strerror}")
    return lake


def _lake_to_read() -> "Lake":
    """The lake; where there is nothing yet an empty one, since to read must leave nothing behind."""
    from cryptodudez_assets.lake.lake import Lake

    if not _nothing_yet(_settings()):
        return _lake()
    empty = click.get_current_context().with_resource(tempfile.TemporaryDirectory())
    return Lake.open(Settings(home=Path(empty), lake="", catalog=""), all_sources())


def _nothing_yet(settings: Settings) -> bool:
    """Whether there can be nothing, which is then said."""
    if not settings.nothing_yet:
        return False
    _insist_on_writable(settings.home, next(filter(os.path.exists, settings.home.parents)))
    _warn(f"nothing at {settings.home} yet: set CRYPTODUDEZ_HOME, or run cryptodudez demo")
    return True


def _warn(text: str) -> None:
    say(errors, text)


def _insist_on_free(host: str, port: int, option: str = "--port") -> None:
    """Dagster would go on without its UI."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        hint = f"is something running there? Another port: `{option} {port + 1}`"
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}; {hint}") from None


def _reachable(settings: Settings) -> Settings:
    """The settings, if the servers that they name answer; a catalog that does not is told by `Commands`."""
    from cryptodudez_assets.feature_store.online import open_online_store
    from cryptodudez_assets.lake.lake import Lake

    Lake.open(settings, {}).tables.pointers()
    if settings.online.startswith("postgres"):
        import psycopg

        try:
            open_online_store(settings.online).close()
        except psycopg.OperationalError as error:
            said = str(error).partition("\n")[0]
            raise click.ClickException(f"the online store's server does not answer: {said}") from None
    return settings


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        raise click.ClickException("\n".join(_wrong(dict(one)) for one in error.errors())) from None


def _wrong(one: dict[str, Any]) -> str:
    """A wrong setting with what is wrong. What was given is not repeated where it may hold a password."""
    name = str(one["loc"][0])
    given = f"={one['input']}" if may_be_told(name) else ""
    return f"CRYPTODUDEZ_{name.upper()}{given}: {one['msg'].removeprefix('Value error, ')}"


def _usable_settings() -> Settings:
    """Settings of which the home is there and can be written to."""
    from cryptodudez_assets.lake.store.private import make_private

    settings = _settings()
    try:
        make_private(settings.home)
    except OSError as error:
        raise _unusable(settings.home, error) from None
    _insist_on_writable(settings.home, settings.home)
    os.environ.setdefault("MPLCONFIGDIR", str(settings.home / "cache" / "matplotlib"))  # not below the user's home
    return settings


def _insist_on_writable(home: Path, folder: Path) -> None:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _unusable(home, error) from None


def _unusable(home: Path, error: OSError) -> click.ClickException:
    reason = "it is not a folder" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
    return click.ClickException(f"CRYPTODUDEZ_HOME={home} cannot be used: {reason}")


def _print(frame: "pl.DataFrame", format_: Literal["table", "json", "csv"]) -> None:
    import polars as pl

    if format_ == "json":
        _print_json(frame.with_columns(pl.selectors.decimal().cast(pl.Float64)).write_json())
    elif format_ == "csv":
        nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
        texts = [pl.Series(name, [_as_json(value) for value in frame[name].to_list()], pl.String) for name in nested]
        csv = frame.with_columns(texts).write_csv()
        # Data are UTF-8 whatever the terminal shows: an escape would be other data. People who look at them get no data.
        click.echo(visible(csv, lines=True) if console.is_terminal else csv.encode(), nl=False)
    else:
        table = Table(box=SIMPLE_HEAD)
        for name in frame.columns:
            # Nothing is cut off; what people copy (ids) stays in one piece.
            table.add_column(Text(visible(name)), overflow="fold", no_wrap=name in UNBROKEN)
        for row in frame.iter_rows():
            table.add_row(*(Text("" if value is None else visible(str(value))) for value in row))
        (console if console.is_terminal else unfolded).print(table)


def _print_json(text: str) -> None:
    """Where the stream is not UTF-8, with JSON's own escapes: it means the same."""
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    click.echo(visible_json(text, ascii_only=not is_utf8))


def _as_json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
