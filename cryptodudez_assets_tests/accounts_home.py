"""A home with simulated accounts, the star made of them and its CSV files: what several files of tests read."""

from datetime import date
from pathlib import Path

from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.samples import fix_last_day
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.account_files import HISTORIES, write_histories
from cryptodudez_assets.simulator.accounts import Accounts
from cryptodudez_assets_tests.account_histories import STAR
from cryptodudez_assets_tests.builders import open_lake, take_in

LAST = date(2024, 3, 31)
SMALL = Accounts(users=40, deposits=400, withdrawals=300, events=900, levels=60, days=20, last_day=LAST)
FILES = [one for table in STAR for one in exports_of([], [table])]


def lake_in(folder: Path) -> Lake:
    """The lake of the home in this folder."""
    return open_lake(Settings(home=folder / "home", settle_seconds=0))


def fill(folder: Path) -> None:
    """Simulate, ingest, compute and export, below this folder."""
    lake = lake_in(folder)
    fix_last_day(lake.settings, LAST)
    write_histories(folder, SMALL)
    for name in [*HISTORIES, "users"]:
        list(land(lake, name, sorted((folder / name).iterdir())))
        take_in(lake, lake.sources[name])
    for table in STAR:
        materialize(lake, table)
    for one in FILES:
        one.write(lake)
