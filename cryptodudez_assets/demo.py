"""Everything once on sample data: simulate, land, run the graph, ask the API for the signal, sum up."""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from litestar.status_codes import HTTP_200_OK
from litestar.testing import TestClient
from rich.console import Console
from rich.table import Table

from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.fetching.origin import refuse_samples
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.samples import ANOTHER_HOME, fix_last_day, is_planted
from cryptodudez_assets.lake.status import status_of
from cryptodudez_assets.models.signal.signal import OF_PLANTED
from cryptodudez_assets.simulator import Truth, simulate
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.terminal import own_name, say
from serving.app import create_app

TOLD = ("files", "ignored", "read", "valid", "quarantined", "duplicate")


def _reports() -> dict[str, str]:
    """Pages that may be there, and what they tell."""
    signals = {
        f"{one.name}.html": "how the signal was judged, and why (not) to believe it"
        for one in models_of_kind(SignalModel)
    }
    return signals | {
        "dogecoin.html": "the dogecoin study's report",
        "mood.html": "whether prices follow the mood of posts",
        "trends.html": "everything that is tweeted against every price, days before and after",
        "order_book_incidents.html": "when nobody looked at an order book, and why",
    }


def show_demo(
    lake: Lake,
    size: Literal["tiny", "small", "large"],
    seed: int,
    console: Console,
    last_day: date | None = None,
    planted: bool = False,
) -> bool:
    """Run the demo; returns whether all went well.

    Samples end yesterday (UTC) or on `last_day` when a home is first filled, and on the same day ever after; raises `OtherSamples`
    where another is asked for then, or a signal to be `planted` where the home has samples without, and `RealData` where the home holds
    what a venue answered.
    """
    refuse_samples(lake.settings)
    last_day = fix_last_day(lake.settings, now().date() - timedelta(days=1), last_day, planted)
    samples = lake.settings.samples / f"{size}-{seed}"
    for name in _simulated(samples, size, seed, last_day, console, is_planted(lake.settings)).sources:
        for landed in land(lake, name, sorted((samples / name).iterdir())):
            if not landed.already_there:
                say(console, f"landed {landed.uri}")
    fine = run_pending(lake, list(all_sources()), console)
    _sum_up(lake, last_day, console)
    for model in models_of_kind(SignalModel):
        _show_signal(lake, model, console)
    _point_on(lake, console)
    return fine


def _simulated(
    folder: Path, size: Literal["tiny", "small", "large"], seed: int, last_day: date, console: Console, planted: bool
) -> Truth:
    told = folder / "truth" / "truth.json"
    if told.exists():  # written last: the archives are complete
        return Truth.load(told)
    with console.status("simulating sample archives …") as shown:
        return simulate(
            folder,
            size,
            seed,
            last_day=last_day,
            planted=planted,
            on_progress=lambda line: shown.update(f"simulating {line}"),
        )


def _sum_up(lake: Lake, last_day: date, console: Console) -> None:
    table = Table("source", title="What is in the lake")
    for name in TOLD:
        table.add_column(name, justify="right")
    for source in all_sources():
        counts = asdict(status_of(lake, source))
        table.add_row(source, *(f"{counts[name]:,}" for name in TOLD))
    console.print(table)
    console.print("read = valid + quarantined + duplicate, for every file.")
    console.print(f"All of it is simulated, up to {last_day}.{_if_old(last_day)}", soft_wrap=True, highlight=False)
    if is_planted(lake.settings):
        console.print(OF_PLANTED, soft_wrap=True, highlight=False)


def _if_old(last_day: date) -> str:
    """What to do where the samples have aged since the home was filled."""
    days = (now().date() - last_day) // timedelta(days=1)
    return f" That is {days:,} days ago, as long as this home keeps them: {ANOTHER_HOME}." if days > 1 else ""


def _show_signal(lake: Lake, model: SignalModel, console: Console) -> None:
    """Ask the API, as anybody would, what it says about a coin."""
    with TestClient(create_app(lake.settings)) as client:
        answer = client.get(model.serves)
    told = answer.json()
    console.print(f"\n[bold]GET {model.serves}[/]")
    if answer.status_code != HTTP_200_OK:
        say(console, f"  no signal yet: {told['detail']}")
        return
    shares = ", ".join(f"{name} {share:.0%}" for name, share in told["probabilities"].items())
    for name, value in (
        ("decision", f"{told['decision']}, confidence {told['confidence']}"),
        ("probabilities", f"{shares}, as of {told['as_of'][:10]}"),
        ("model", f"{told['model']}-{told['model_version']}: {told['verdict']}"),
        *(("because", reason) for reason in told["reasons"]),
        *(("note", note) for note in told["notes"] if note != OF_PLANTED),
        ("receipt", f"{told['receipt_id']}  ({own_name()} explain {told['receipt_id']})"),
    ):
        say(console, f"  {name:14}{value}")


def _point_on(lake: Lake, console: Console) -> None:
    console.print("\nWhere to look next:")
    command = own_name()
    for line, what in (
        (f"{command} up", "the Dagster UI on http://127.0.0.1:3000, the dashboard and API on http://127.0.0.1:8000"),
        (f"{command} quarantine list", "which rows were set aside, and why"),
        (f'{command} sql "from market.crypto_prices limit 5"', "any table in SQL"),
        (f"{command} status --files", "every file and archive member with its counts"),
        *((pages.place(lake, name), told) for name, told in _reports().items() if pages.is_there(lake, name)),
    ):
        console.print(f"  [bold]{line}[/]  {what}", soft_wrap=True, highlight=False)
