"""The command `simulate binance`: an exchange that tells candles."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cryptodudez_assets.cli.arguments import PORT
from cryptodudez_assets.cli.opening import insist_on_free
from cryptodudez_assets.cli.output import console
from cryptodudez_assets.cli.simulating import POSITIVE, FaultRate, simulate
from cryptodudez_assets.terminal import say

if TYPE_CHECKING:
    from cryptodudez_assets.simulator.venues.binance import Server


class Close(click.ParamType[tuple[str, tuple[date, float]]]):
    """What a pair costs at the end of a UTC day."""

    name = "symbol@day=price"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[date, float]]:
        """Symbol, day and price, or an error that says what was expected."""
        from cryptodudez_assets.simulator.venues.binance.market import PAIRS

        symbol, _, told = value.partition("@")
        day, _, price = told.partition("=")
        try:
            close = date.fromisoformat(day), float(price)
        except ValueError:
            close = date.min, 0.0
        if close[1] <= 0:
            self.fail(f"{value!r}: expected one such as ETHUSDT@2026-11-26=3012.5", param, ctx)
        if symbol not in PAIRS:
            self.fail(f"the simulated exchange has no {symbol!r}; it has: {', '.join(PAIRS)}", param, ctx)
        return symbol, close


@simulate.command()
@click.option(
    "--port", type=PORT, default=8910, show_default=True, help="Of the API (/api/v3) and of archives (/data)."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--seed", default=7, show_default=True, help="Another seed makes another market.")
@click.option(
    "--limit",
    type=click.IntRange(min=2),
    default=6000,
    show_default=True,
    help="Weight a minute and address; who uses more is refused.",
)
@click.option("--ban", type=POSITIVE, default=120, show_default=True, help="Seconds that a first ban takes.")
@click.option("--close", "closes", type=Close(), multiple=True, help="What a pair costs at the end of a day.")
@click.option(
    "--like",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of sample archives: prices go on where these end, with their seed.",
)
@click.option("--archive-header", is_flag=True, help="Archives name their columns in a first line.")
@click.option(
    "--fault", "faults", type=FaultRate("binance"), multiple=True, help="Several may be given. `list` tells them all."
)
def binance(
    faults: tuple[tuple[str, float], ...],
    closes: tuple[tuple[str, tuple[date, float]], ...],
    like: Path | None,
    host: str,
    port: int,
    seed: int,
    **options: Any,
) -> None:
    """Stand in for the exchange Binance: candles of 12 pairs and archives of them, until it is interrupted.

    \b
    Examples:
      cryptodudez simulate binance --port 8910
      cryptodudez simulate binance --fault 429=0.05 --fault reset=0.02 --fault revised=0.01
      cryptodudez simulate binance --close ETHUSDT@2026-11-26=3012.5
      cryptodudez simulate binance --fault list
    """
    from cryptodudez_assets.simulator.candles import closes_of, seed_of
    from cryptodudez_assets.simulator.venues.binance import Options, serve

    def tell(server: "Server") -> None:
        say(console, f"simulated Binance: {server.url}")

    insist_on_free(host, port)
    try:
        known = dict(closes)
        if like is not None:
            seed, known = seed_of(like), {**closes_of(like), **known}
        serve(Options(**options, seed=seed, faults=dict(faults), closes=known, host=host, port=port), tell)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
