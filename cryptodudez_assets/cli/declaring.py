"""Commands that write declarations: new-source, feast-repo."""

from pathlib import Path

import click

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import read_settings
from cryptodudez_assets.cli.output import console, errors
from cryptodudez_assets.declarations import PACKAGE
from cryptodudez_assets.settings import own_declarations
from cryptodudez_assets.terminal import say


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
    "--columns",
    metavar="COLUMN,…",
    help="The names of all columns in their order, where there is no header, or records are lists.",
)
@click.option("--rows", metavar="PATH", help="Where in a JSON document the rows are, such as $.data.items.")
def new_source(
    name: str,
    sample: Path,
    dates: str | None,
    key: str | None,
    time: str | None,
    header: bool,
    columns: str | None,
    rows: str | None,
) -> None:
    """Write the declaration of a source NAME from a SAMPLE file, and try it on the sample.

    The sample is a CSV, JSON lines, a JSON document or Parquet, as it is or in a gzip or zip.

    It is written to CRYPTODUDEZ_DECLARATIONS, to the project where there is one, or to ./declarations.
    What the sample leaves open is asked for (exit code 2); then, and where the draft cannot read its own sample, nothing is written.

    \b
    Examples:
      cryptodudez new-source gas_prices ~/Downloads/gas.csv
      cryptodudez new-source trades trades.csv --dates month-first --key exchange,pair,time
      cryptodudez new-source candles ETHUSDT-1h.csv --columns open_time,open,high,low,close
      cryptodudez new-source posts answer.json --rows $.data --time created_at
    """
    from cryptodudez_assets import sources
    from cryptodudez_assets.drafting.draft import Choices, Undecided, Unusable, listed
    from cryptodudez_assets.drafting.draft import draft as make

    folders = [Path(folder) for folder in sources.__path__]
    target = _folder_to_write(folders[0]) / f"{name}.py"
    if there := [one for folder in (target.parent, *folders) if (one := _exists(folder, name))]:
        raise click.ClickException(f"{there[0]} exists; it is left as it is")
    try:
        with errors.status("trying a draft on the sample"):
            choices = Choices(dates, listed(key), listed(time), header, listed(columns), rows or "")
            made = make(name, sample, choices, sources.all_sources().values())
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as out:
            out.write(made.text)
    except Undecided as question:
        raise Question(str(question)) from None
    except (Unusable, OSError) as error:
        raise click.ClickException(str(error)) from None
    for line in made.lines:
        say(console, line)
    say(console, f"wrote {target}: look it through, then `cryptodudez up` and drop files into raw/{name}/")
    if target.parent not in folders and own_declarations() is None:
        say(console, f"it is taken where CRYPTODUDEZ_DECLARATIONS={target.parents[1]} is set")


def _folder_to_write(packaged: Path) -> Path:
    """Where a source of the user's is declared: in the folder of the settings, in the project where this is one, else in a folder here."""
    if own := own_declarations():
        return own / "sources"
    is_project = (PACKAGE.parent / "pyproject.toml").is_file()
    return packaged if is_project else Path("declarations", "sources").absolute()


def _exists(folder: Path, name: str) -> Path | None:
    return next((one for one in (folder / f"{name}.py", folder / name) if one.exists()), None)


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
    write_repo(read_settings(), folder)
    say(console, f"wrote {folder}: `feast ui` and others work there")
