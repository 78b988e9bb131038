"""The group that all commands belong to, and what each of them tells in a line instead of a traceback."""

from signal import SIGINT
from typing import Any

import click

from cryptodudez_assets.cli.output import warn
from cryptodudez_assets.outside import refusal
from cryptodudez_assets.settings import unknown_variables
from cryptodudez_assets.terminal import visible

INTERRUPTED = "interrupted: what was done stays, nothing is half-written, and the same command goes on from there"
SIGNALLED = 128 + SIGINT


class Commands(click.Group):
    """Commands; that a home cannot be used as it is, they say in a line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        from cryptodudez_assets.engines.choosing import EngineUnusable
        from cryptodudez_assets.instance import DagsterUnusable
        from cryptodudez_assets.lake.iceberg.catalog_database import OutOfReach
        from cryptodudez_assets.lake.iceberg.homes import HomeRefused
        from cryptodudez_assets.lake.store.leases import LeaseLost
        from cryptodudez_assets.lake.store.moved import HomeMoved

        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            vars(error)["message"] = visible(error.message, lines=True)
            raise
        except (DagsterUnusable, EngineUnusable, HomeMoved, HomeRefused, LeaseLost) as refused:
            raise click.ClickException(visible(str(refused), lines=True)) from None
        except OutOfReach as error:
            raise click.ClickException(f"the catalog's server cannot be used: {error}") from None
        except KeyboardInterrupt:
            warn(INTERRUPTED)
            ctx.exit(SIGNALLED)
        except TimeoutError as error:
            raise click.ClickException(f"somebody else is at work here, and did not end in time: {error}") from None
        except Exception as error:
            if told := refusal(error):
                raise click.ClickException(visible(told, lines=True)) from None
            raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="cryptodudez")
@click.pass_context
def main(ctx: click.Context) -> None:
    """A data platform for Ethereum traders: what lands in the lake becomes tables that can be trusted.

    Everything is kept below CRYPTODUDEZ_HOME (default ./.cryptodudez); `cryptodudez up` shows the same in the Dagster UI.
    """
    for name, nearest in unknown_variables().items():
        warn(f"warning: {name} is no setting, did you mean {nearest}?")
    # A recorder uses none of what is declared about tables, and is installed without what that needs.
    if ctx.invoked_subcommand == "record":
        return
    from cryptodudez_assets.features import left_out

    for one in left_out():
        warn(f"warning: {one}")
