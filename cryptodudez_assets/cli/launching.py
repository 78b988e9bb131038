"""The command that has a run done on Dataproc: launch."""

from uuid import uuid4

import click

from cryptodudez_assets.cli.arguments import DeclaredSource
from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import read_settings
from cryptodudez_assets.cli.output import console
from cryptodudez_assets.terminal import say


@main.command()
@click.option("--select", multiple=True, type=DeclaredSource(), help="Only this source (may be repeated).")
@click.option("--check-all", is_flag=True, help="Judge all rows by their contracts, too.")
@click.option("--name", help="What the batch is called: a-z, 0-9 and -. The same name again follows the same batch.")
def launch(select: tuple[str, ...], check_all: bool, name: str | None) -> None:
    """Have `cryptodudez run --engine spark` done by a serverless batch of Dataproc, and follow it to its end.

    Needs the extra dataproc, CRYPTODUDEZ_DATAPROC_PROJECT, _REGION and _IMAGE, and Google's credentials. Ctrl-C cancels the batch; where
    this process dies, the same command with its name follows it again. Exits with 1 if the batch fails. See docs/launching.md.

    \b
    Examples:
      cryptodudez launch
      cryptodudez launch --select crypto_prices --name nightly-2026-11-28
    """
    from cryptodudez_assets.launching import LaunchFailed, Unlaunchable
    from cryptodudez_assets.launching.workload import insist_on_launchable

    settings = read_settings()
    try:
        insist_on_launchable(settings)
        from cryptodudez_assets.launching.batches import Batches, batch_of
        from cryptodudez_assets.launching.clients import batch_client

        batch, name = batch_of(settings, select, check_all=check_all), name or f"run-{uuid4()}"
        batches = Batches(batch_client(settings), settings.dataproc_project, settings.dataproc_region)
        say(console, f"batch {name} in {settings.dataproc_project}, {settings.dataproc_region}")
        batches.run(batch, name, lambda line: say(console, line))
    except (LaunchFailed, Unlaunchable) as error:
        raise click.ClickException(str(error)) from None
