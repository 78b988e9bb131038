"""The command that forgets a person: erase-user."""

import sys

import click
from rich.markup import escape

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import lake_to_work_on, nothing_yet, read_settings
from cryptodudez_assets.cli.output import console, errors, print_frame, warn
from cryptodudez_assets.terminal import say

ACCOUNT = "account"


@main.command("erase-user")
@click.argument("user_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
def erase_user(user_id: str, as_json: bool) -> None:
    """Erase the user ID from everything that is kept; what the user did stays, under a pseudonym, so that totals do.

    It goes from raw files, tables with their old versions and tags, what is computed of them, the quarantine, exports, the online store,
    databases, logs. What lands later of the same user is recognised by CRYPTODUDEZ_ERASURE_KEY, without which this refuses. In
    the end everything is looked at, and a receipt says what was done where; exits with 1 if anything is left.

    Stop what runs in the home first (`cryptodudez up`). Interrupted, the same command goes on. ID `-` reads it from the
    standard input, so that it is in no history of commands.

    \b
    Examples:
      cryptodudez erase-user 2dea61eed4bceec564a00115c4d21334
      cryptodudez erase-user - < id.txt
    """
    import polars as pl

    from cryptodudez_assets.erasing.erase import erase
    from cryptodudez_assets.erasing.work import RunUnderWay
    from cryptodudez_assets.lake.erasing.identity import Identity, bare
    from cryptodudez_assets.lake.erasing.registry import NoKey, erasure_key
    from cryptodudez_assets.lake.erasing.rows import NoPlace

    value = bare(sys.stdin.read() if user_id == "-" else user_id)
    if not value:
        raise click.UsageError("ID is empty")
    settings = read_settings()
    try:
        erasure_key(settings)
        if nothing_yet(settings):
            return
        with errors.status("erasing") as shown:
            receipt = erase(
                lake_to_work_on(),
                Identity(ACCOUNT, value),
                say=lambda line: shown.update(f"erasing: {escape(line.replace(value, 'ID'))}"),
            )
    except (NoKey, NoPlace, RunUnderWay, LookupError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(receipt.as_json)
    elif not receipt.done and receipt.is_whole:
        warn(
            f"nothing of that id was found, in {receipt.files:,} files with {receipt.bytes:,} bytes: is it spelled as the files have it? "
            "What lands of it from now on is taken for erased"
        )
    else:
        done = [(one.what, one.place, one.count, one.before, one.after) for one in receipt.done]
        columns = {
            "what": pl.String,
            "place": pl.String,
            "count": pl.Int64,
            "sha256 before": pl.String,
            "after": pl.String,
        }
        short = pl.col("sha256 before", "after").str.head(16)
        print_frame(pl.DataFrame(done, columns, orient="row").with_columns(short), "table")
        for line in receipt.said:
            warn(f"note: {line}")
        say(
            console,
            f"erased: {receipt.pseudonym} stands in its place in {len(receipt.done):,} places; "
            f"{receipt.files:,} files with {receipt.bytes:,} bytes were looked at in the end",
        )
    for place, why in receipt.left:
        warn(f"left: {place}: {why}")
    sys.exit(0 if receipt.is_whole else 1)
