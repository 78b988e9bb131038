"""The command that tells where a prediction came from."""

import sys

import click

from cryptodudez_assets.cli.group import main
from cryptodudez_assets.cli.opening import lake_to_read
from cryptodudez_assets.cli.output import console, print_json
from cryptodudez_assets.terminal import say


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
    from cryptodudez_assets.models.receipts import DamagedReceipt

    try:
        found = find(lake_to_read(), receipt)
    except LookupError as missing:
        raise click.ClickException(str(missing)) from missing
    except DamagedReceipt as damaged:
        raise click.ClickException(f"receipt {receipt}: {damaged}") from damaged
    if as_json:
        print_json(found.model_dump_json(indent=2))
    else:
        for line in found.lines():
            say(console, line)
    sys.exit(0 if found.replay.replayed else 1)
