"""Homes that are brought to other places: a home with whatever lakes hold, the call that brings it, and what is to be the same after it."""

import io
import os
import shutil
import signal
from contextlib import suppress
from itertools import count
from pathlib import Path

import polars as pl
from litestar.testing import TestClient

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.moving.migrating import Listeners, Migrated
from cryptodudez_assets.lake.store.objects import open_store_that_moves
from cryptodudez_assets.lake.upkeep.moving import move
from cryptodudez_assets.migrating import migrate
from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.homes_builder import at, content, lived_in, snapshots
from cryptodudez_assets_tests.processes import process
from cryptodudez_assets_tests.serving_builders import MODEL, ROW, champion
from serving.app import create_app

PATIENCE_SECONDS = 300
Versions = dict[tuple[str, int], pl.DataFrame]


def fill(home: Path) -> None:
    """A home with several versions of its tables, rows and files in quarantine, a model that served once, a report and an export."""
    lake = lived_in(home)
    champion(lake.settings)
    answer(lake.settings)
    for key in ("reports/page.html", "exports/some/part.csv", "exports/some/.made_from.json"):
        lake.store.write(key, io.BytesIO(key.encode()))


def copied(home: Path, to: Path) -> Settings:
    """A home of the test's own, made of one that others read."""
    shutil.copytree(home, to, symlinks=True)
    move(str(home), str(to), at(to), all_sources())
    receipts = Receipts(at(to).receipts)
    receipts.note_brought(at(to).lake, receipts.brought(at(home).lake))  # else a home that moved brings them once more
    receipts.close()
    return at(to)


def answer(settings: Settings) -> str:
    """Have the home's model answer; the id of the receipt."""
    with TestClient(create_app(settings)) as client:
        told = client.post(f"/models/{MODEL}/predict", json={"rows": [ROW]})
        assert told.is_success, told.text
        return str(told.json()["receipt_id"])


class Died(Exception):
    """The process is gone."""


def bring(source: Settings, target: Settings, dies_at: int | str = 0) -> tuple[Migrated | None, list[str]]:
    """Migrate, or die at some step, told by its number or its words; what was done in the end, if it was, and the steps until then."""
    steps: list[str] = []

    def step(line: str) -> None:
        steps.append(line)
        if dies_at in (len(steps), line):
            raise Died

    with suppress(Died):
        return migrate(source, target, all_sources(), Listeners(step=step)), steps
    return None, steps


def killed(source: Settings, target: Settings, step: int) -> int | None:
    """Migrate in a process of its own, which dies by SIGKILL at this step; its exit code."""
    dying = process(_die, source, target, step)
    dying.start()
    dying.join(PATIENCE_SECONDS)
    return dying.exitcode


def _die(source: Settings, target: Settings, step: int) -> None:
    steps = count(1)

    def die(_: str) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    migrate(source, target, all_sources(), Listeners(step=die))


def to_folder(source: Settings, name: str = "new") -> Settings:
    """Settings of a lake in a folder beside the home, with a catalog of its own."""
    place = source.home.parent / name
    return Settings(
        home=source.home, lake=str(place / "lake"), catalog=f"sqlite:///{place}/catalog.db", settle_seconds=0
    )


def versions(lake: Lake) -> Versions:
    """Every row of every version of every table."""
    found: Versions = {}
    for name, ids in snapshots(lake).items():
        for one in ids:
            rows = lake.tables.scan(name, snapshot_id=one)
            assert rows is not None
            found[name, one] = rows.collect()
    return found


def objects(settings: Settings) -> dict[str, bytes]:
    """All objects of a lake that are no tables'."""
    store = open_store_that_moves(settings)
    rooms = [room for room in store.folders("") if room != "tables"]
    return {one.key: store.read(one.key) for room in rooms for one in store.list(room) if not one.oddity}


def picture(settings: Settings) -> tuple[dict[str, list[tuple[object, ...]]], dict[str, bytes]]:
    """What a lake holds, wherever it lies."""
    return content(open_lake(settings)), objects(settings)
