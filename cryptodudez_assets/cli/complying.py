"""The command that lets go of posts that are deleted where they were written: comply."""

import sys
from collections.abc import Sequence

import click
from rich.markup import escape

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import nothing_yet, opened_lake, read_settings
from cryptodudez_assets.cli.output import console, errors, warn
from cryptodudez_assets.terminal import say


@main.command()
def comply() -> None:
    """Ask X which of the posts that are kept are deleted, and remove these from everything that is kept.

    It is free. They go from raw answers, tables with their old versions, what is computed of them, exports, databases, logs. Needs
    CRYPTODUDEZ_X_TOKEN and CRYPTODUDEZ_ERASURE_KEY. Stop what runs in the home first (`cryptodudez up`). Interrupted, the same
    command goes on; exits with 1 if anything is left.

    \b
    Example:
      cryptodudez comply
    """
    from cryptodudez_assets.contracts.x_posts import POST
    from cryptodudez_assets.erasing.erase import RunUnderWay, erase
    from cryptodudez_assets.feeds import all_feeds
    from cryptodudez_assets.fetching.access import access_of
    from cryptodudez_assets.fetching.compliance import honour
    from cryptodudez_assets.lake.erasing.identity import Identity, Mode
    from cryptodudez_assets.lake.erasing.registry import NoKey, erasure_key
    from cryptodudez_assets.lake.erasing.rows import NoPlace
    from cryptodudez_assets.venues.http import Failed

    settings = read_settings()
    try:
        erasure_key(settings)
        if nothing_yet(settings):
            return
        lake = opened_lake()
        with errors.status("asking X") as shown:

            def tell(line: str) -> None:
                shown.update(escape(line))

            def remove(posts: Sequence[str]) -> list[str]:
                receipt = erase(lake, [Identity(POST, one) for one in posts], Mode.REMOVE, say=tell)
                return [f"{place}: {why}" for place, why in receipt.left]

            done = honour(lake, access_of(settings, all_feeds()["x"], tell), remove, say=tell)
    except (Failed, NoKey, NoPlace, RunUnderWay, LookupError) as error:
        raise click.ClickException(str(error)) from None
    say(console, f"asked about {done.asked:,} posts: {len(done.gone):,} are not to be kept, and were removed")
    for line in done.left:
        warn(f"left: {line}")
    sys.exit(1 if done.left else 0)
