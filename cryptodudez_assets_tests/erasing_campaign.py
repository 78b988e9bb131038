"""A campaign of kills: an erasure dies by SIGKILL at a random moment, everyday work goes on, and the same erasure is called again.

In the end a home must hold what one holds in which it was never interrupted: every table, raw file and count, and nobody who was erased.
"""

import shutil
import time
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from random import Random

from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.erasing.erase import erase
from cryptodudez_assets.lake.erasing.identity import Identity
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.private import make_private
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import picture, take_in
from cryptodudez_assets_tests.processes import PROCESSES, process
from cryptodudez_assets_tests.toy_accounts import ADA, KEY, PAYMENTS, TOTALS, every_form

PATIENCE_SECONDS = 300
TIMES = {"receipt", "begun_at", "done_at", "places"}


@dataclass
class Toll:
    """How many were killed, how many were done before; and what then differed."""

    kills: int = 0
    survived: int = 0
    differing: list[str] = field(default_factory=list)


def opened(settings: Settings) -> Lake:
    """The lake with the toy source."""
    return Lake.open(settings, {"payments": PAYMENTS})


def work(settings: Settings, begins: Event) -> None:
    """Erase Ada, and say when it begins: until then code is loaded."""
    begins.set()
    receipt = erase(opened(settings), Identity("account", ADA), derived=[TOTALS])
    assert receipt.is_whole, receipt.left


def carry_out(folder: Path, kills: int, seed: int) -> Toll:
    """Kill so many erasures, each of a home like the first one, and compare what becomes of them."""
    settings = Settings(home=folder / "home", settle_seconds=0, erasure_key=KEY)
    random, toll, saved = Random(seed), Toll(), folder / "saved"
    lake = opened(settings)
    raw = Path(lake.settings.lake) / "raw" / "payments"
    make_private(settings.home)
    raw.mkdir(parents=True)
    for name, content in every_form().items():
        (raw / name).write_bytes(content)
    take_in(lake, PAYMENTS)
    materialize(lake, TOTALS)
    shutil.copytree(settings.home, saved)
    calm, expected = _run(settings), _shown(settings)
    while toll.kills < kills and toll.survived < 2 * kills:
        shutil.rmtree(settings.home)
        shutil.copytree(saved, settings.home)
        process = _start(settings)
        at = random.uniform(0.01, 0.9) * calm
        process.join(at)
        if not process.is_alive():
            toll.survived += 1
            continue
        process.kill()
        process.join()
        toll.kills += 1
        take_in(opened(settings), PAYMENTS)  # as a daemon would
        materialize(opened(settings), TOTALS)
        _run(settings)
        found = _shown(settings)
        toll.differing += [f"killed after {at:.2f} s: {name}" for name in expected if found.get(name) != expected[name]]
        toll.differing += [f"killed after {at:.2f} s: there is {name}" for name in found if name not in expected]
    return toll


def _start(settings: Settings) -> BaseProcess:
    """A process that has begun."""
    begins = PROCESSES.Event()
    begun = process(work, settings, begins)
    begun.start()
    assert begins.wait(PATIENCE_SECONDS), "it did not come up"
    return begun


def _run(settings: Settings) -> float:
    """Erase in peace; how long that takes."""
    process, began = _start(settings), time.monotonic()
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == 0, f"it ended with {process.exitcode}"
    return time.monotonic() - began


def _shown(settings: Settings) -> dict[str, object]:
    """Tables, and every file that is not one of a table's, by name; `the id` where Ada is still in one."""
    lake = opened(settings)
    told: dict[str, object] = {f"table {name}": rows for name, rows in picture(lake, TIMES).items()}
    for path in sorted(settings.home.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            name = path.relative_to(settings.home).as_posix()
            if ADA.encode() in content:
                told[f"the id in {name}"] = True
            if name.startswith(("lake/raw/", "lake/quarantine/")):
                told[name] = content
    return told
