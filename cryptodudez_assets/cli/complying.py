"""The command that lets go of posts that are deleted where they were written: comply."""

import sys

import click
from rich.markup import escape

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import lake_to_work_on, nothing_yet, read_settings
from cryptodudez_assets.cli.output import console, errors, warn
from cryptodudez_assets.terminal import say

PATIENCE_SECONDS = 600.0
"""So long runs that are under way are waited for."""


@main.command()
def comply() -> None:
    """Ask X which of the posts that are kept are deleted, and remove these from everything that is kept.

    It is free. They go from raw answers, tables with their old versions, what is computed of them, exports, databases, logs. Needs
    CRYPTODUDEZ_X_TOKEN and CRYPTODUDEZ_ERASURE_KEY. Runs that are under way are waited for. Interrupted, the same command goes on; exits
    with 1 if anything is left. `cryptodudez up` does the same each day where both are set.

    \b
    Example:
      cryptodudez comply
    """
    from cryptodudez_assets.erasing.complying import comply as carry_out
    from cryptodudez_assets.erasing.work import RunUnderWay
    from cryptodudez_assets.lake.erasing.registry import NoKey, erasure_key
    from cryptodudez_assets.venues.http import Failed

    settings = read_settings()
    try:
        erasure_key(settings)
        if nothing_yet(settings):
            return
        lake = lake_to_work_on()
        with errors.status("asking X") as shown:
            done = carry_out(lake, say=lambda line: shown.update(escape(line)), patience_seconds=PATIENCE_SECONDS)
    except (Failed, NoKey, RunUnderWay, LookupError) as error:
        raise click.ClickException(str(error)) from None
    say(console, done.told)
    for line in done.left:
        warn(f"left: {line}")
    sys.exit(1 if done.left else 0)
