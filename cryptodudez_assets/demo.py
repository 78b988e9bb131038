"""Everything once on sample data: simulate, land, run the graph, sum up."""

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.status import status_of
from cryptodudez_assets.simulator import Truth, simulate
from cryptodudez_assets.sources import all_sources

TOLD = ("files", "ignored", "read", "valid", "quarantined", "duplicate")


def show_demo(lake: Lake, size: Literal["tiny", "small", "large"], seed: int, console: Console) -> bool:
    """Run the demo; returns whether all went well."""
    samples = lake.settings.home / "samples" / f"{size}-{seed}"
    for name in _simulated(samples, size, seed, console).sources:
        for landed in land(lake, name, sorted((samples / name).iterdir())):
            if not landed.already_there:
                console.print(f"landed {landed.uri}", soft_wrap=True, highlight=False)
    fine = run_pending(lake, list(all_sources()), console)
    _sum_up(lake, console)
    return fine


def _simulated(folder: Path, size: Literal["tiny", "small", "large"], seed: int, console: Console) -> Truth:
    told = folder / "truth" / "truth.json"
    if told.exists():  # written last: the archives are complete
        return Truth.load(told)
    with console.status("simulating sample archives …") as shown:
        return simulate(folder, size, seed, on_progress=lambda line: shown.update(f"simulating {line}"))


def _sum_up(lake: Lake, console: Console) -> None:
    table = Table("source", title="What is in the lake")
    for name in TOLD:
        table.add_column(name, justify="right")
    for source in all_sources():
        counts = asdict(status_of(lake, source))
        table.add_row(source, *(f"{counts[name]:,}" for name in TOLD))
    console.print(table)
    console.print("read = valid + quarantined + duplicate, for every file. Where to look next:")
    for command, what in (
        ("make up", "the Dagster UI on http://127.0.0.1:3000, with sensors on the lake"),
        (".venv/bin/cryptodudez quarantine list", "which rows were set aside, and why"),
        ('.venv/bin/cryptodudez sql "from market.crypto_prices limit 5"', "any table in SQL"),
        (".venv/bin/cryptodudez status --files", "every file and archive member with its counts"),
        (".venv/bin/python docs/training_data.py", "features as they were known at each day's close"),
        (str(lake.settings.home / "reports" / "dogecoin.html"), "the dogecoin study's report"),
    ):
        console.print(f"  [bold]{command}[/]  {what}", soft_wrap=True, highlight=False)
