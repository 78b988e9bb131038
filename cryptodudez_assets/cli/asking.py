"""Commands that ask tables something: sql, metric."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import lake_to_read
from cryptodudez_assets.cli.output import console, print_frame, warn
from cryptodudez_assets.terminal import say

if TYPE_CHECKING:
    import polars as pl

    from cryptodudez_assets.lake.lake import Lake

DAY = click.DateTime(["%Y-%m-%d"])
Format = Literal["table", "json", "csv"]
format_option = click.option(
    "--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True
)


@main.command()
@click.argument("query", required=False)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="What $NAME stands for (may be repeated).")
@click.option(
    "--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read the query from a file."
)
@click.option("--only", metavar="HEADING", help="Of the file's statements the one that this comment line stands above.")
@format_option
@click.option("--unsafe", is_flag=True, help="Let it read and write files, use the network and load extensions.")
def sql(
    query: str | None, params: tuple[str, ...], file: Path | None, only: str | None, format_: Format, unsafe: bool
) -> None:
    """Ask the lake's tables in SQL (DuckDB's dialect). Every table is there under its name.

    It reads these tables and nothing else, unless it is told to be --unsafe: then it may do whatever you may. Values of parameters
    are text; the query says what they are: `$day::DATE`.

    \b
    Examples:
      cryptodudez sql "select symbol, count(*), max(close) from market.crypto_prices group by 1 order by 2 desc"
      cryptodudez sql "from catalog.files where status = 'quarantined'" --format json
      cryptodudez sql "select name, rows, columns from catalog.tables"
      cryptodudez sql 'from market.crypto_prices where symbol = $symbol' --param symbol=ETH
      cryptodudez sql --file docs/accounts/queries.sql --only "question 3" --param day=2026-11-20
    """
    import duckdb

    from cryptodudez_assets.lake.sql import parameters_of

    try:
        texts, given = _texts(query, file, only), _given(params)
        named = {name for text in texts.values() for name in parameters_of(text)}
    except duckdb.Error as error:
        raise click.ClickException(str(error)) from None
    if len(texts) > 1 and format_ != "table":
        raise click.UsageError(f"{format_} is of one statement; choose with --only: {', '.join(texts)}")
    if more := sorted(given.keys() - named):
        warn(f"warning: it does not name {', '.join(f'${name}' for name in more)}")
    lake = lake_to_read()
    for heading, text in texts.items():
        if len(texts) > 1:
            say(console, heading)
        print_frame(_asked(lake, text, given, unsafe=unsafe), format_)


def _texts(query: str | None, file: Path | None, only: str | None) -> dict[str, str]:
    """What is asked, by headings: the query, or of a file all statements or the one that is chosen."""
    from cryptodudez_assets.lake.sql import by_heading

    if (query is None) == (file is None):
        raise click.UsageError("expected a QUERY or --file, one of them")
    if file is None:
        if only is not None:
            raise click.UsageError("--only chooses from the statements of a --file")
        return {"": query or ""}
    try:
        found = by_heading(file.read_text("utf-8"))
    except UnicodeDecodeError:
        raise click.BadParameter(f"{file} is no text in UTF-8", param_hint="--file") from None
    except ValueError as error:
        raise click.BadParameter(f"{file}: {error}", param_hint="--file") from None
    if only is None:
        return found
    if only not in found:
        there = ", ".join(found) or "none"
        raise click.BadParameter(f"no statement is headed {only!r}; there are: {there}", param_hint="--only")
    return {only: found[only]}


def _given(params: Iterable[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in params]
    if odd := [name for name, equals, _ in pairs if not equals or not name]:
        raise click.BadParameter(f"{odd[0]!r}: expected NAME=VALUE, such as day=2026-11-20", param_hint="--param")
    given = {name.removeprefix("$"): value for name, _, value in pairs}
    if len(given) < len(pairs):
        raise click.BadParameter("a parameter has one value: the same is given twice", param_hint="--param")
    return given


def _asked(lake: "Lake", text: str, given: Mapping[str, str], *, unsafe: bool) -> "pl.DataFrame":
    import duckdb

    from cryptodudez_assets.lake.sql import Locked, NotGiven
    from cryptodudez_assets.lake.sql import query as ask

    try:
        return ask(lake, text, given, unsafe=unsafe)
    except NotGiven as error:
        wanted = " ".join(f"--param {name}=VALUE" for name in error.names)
        raise click.ClickException(f"{error}; expected {wanted}") from None
    except Locked as error:
        raise click.ClickException(f"{error}. If you mean it: `cryptodudez sql --unsafe`") from None
    except duckdb.Error as error:
        unknown = isinstance(error, duckdb.CatalogException)
        there = f"\nTables: {', '.join(lake.tables.names()) or 'none yet (see `cryptodudez demo`)'}" if unknown else ""
        raise click.ClickException(f"{error}{there}") from None


@main.command()
@click.argument("name", required=False)
@click.option("--by", multiple=True, help="day, week, month, quarter or year, or a dimension of it (may be repeated).")
@click.option("--from", "since", type=DAY, help="The first UTC day that counts; by default the first there is.")
@click.option("--to", "until", type=DAY, help="The last UTC day that counts; by default the last there is.")
@format_option
@click.option("--sql", "as_sql", is_flag=True, help="Print the question in SQL instead of asking it.")
def metric(
    name: str | None,
    by: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    format_: Format,
    as_sql: bool,
) -> None:
    """Ask for the metric NAME; without a NAME, list what there is.

    What is told as `…_all_statuses` counts transactions whatever became of them, the number before it only completed ones.

    \b
    Examples:
      cryptodudez metric
      cryptodudez metric active_users --by month --from 2026-01-01
      cryptodudez metric volume --by month --by kind --format csv
      cryptodudez metric deposits --by day --from 2026-11-01 --to 2026-11-26 --sql
    """
    from cryptodudez_assets.metrics import METRICS
    from cryptodudez_assets.metrics.asking import GRAINS, NoRows, ask, statement

    if name is None:
        for one in METRICS.values():
            say(console, f"{one.name} ({one.unit}): {one.description} By {', '.join([*GRAINS, *one.dimensions])}.")
        return
    if name not in METRICS:
        raise click.BadParameter(f"no metric {name!r}; there are: {', '.join(METRICS)}", param_hint="NAME")
    if since and until and since > until:
        raise click.BadParameter(f"{since:%Y-%m-%d} is after --to {until:%Y-%m-%d}", param_hint="--from")
    asked = [part.strip() for one in by for part in one.split(",")]
    try:
        if as_sql:
            click.echo(statement(METRICS[name], asked, since=since is not None, until=until is not None))
            return
        answer = ask(lake_to_read(), METRICS[name], asked, since and since.date(), until and until.date())
    except NoRows as error:
        raise click.ClickException(str(error)) from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--by") from None
    print_frame(answer, format_)
