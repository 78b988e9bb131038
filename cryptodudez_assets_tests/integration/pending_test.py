"""Whatever was interrupted, and however: the next `run` brings everything to what was never interrupted gives."""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError
from rich.console import Console

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.dead_runs import end_life
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.upkeep.maintenance import maintain
from cryptodudez_assets.products.declared import products_of
from cryptodudez_assets.products.standing import Standing, standing
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, take_in
from cryptodudez_assets_tests.toy_graph import DAYS, SENSOR_DAYS, SOURCES, VIEWS, everything

pytestmark = pytest.mark.long

PRODUCTS = products_of(SOURCES.values(), VIEWS)


class Killed(BaseException):
    """The process is gone: nobody catches it, nothing is done any more."""


class Fate:
    """When a process ends, and how."""

    def __init__(self, steps: int, end: type[BaseException]) -> None:
        self.steps, self.end = steps, end
        self.came = False

    def step(self) -> None:
        self.steps -= 1
        if self.steps <= 0:
            self.came = True
            raise self.end


class FatedLakehouse(IcebergTables):
    """Ends at a step of its fate: a step is everything before a commit, or the commit."""

    def __init__(self, settings: Settings, fate: Fate) -> None:
        super().__init__(settings)
        self._fate = fate

    @contextmanager
    def changing(self, spec: TableSpec) -> Iterator[TableTransaction]:
        with super().changing(spec) as change:
            yield change
            self._fate.step()
        self._fate.step()


class FatedLake(LakeResource):
    """The lake of a process that comes to its end."""

    fate: ClassVar[Fate]

    def open(self) -> Lake:
        lake = super().open()
        return Lake(lake.settings, lake.store, FatedLakehouse(lake.settings, self.fate), lake.sources)


def run(lake: Lake) -> str:
    """`cryptodudez run`; what it says."""
    said = io.StringIO()
    assert run_pending(lake, [READINGS.name], Console(file=said, width=1000), SOURCES, VIEWS), said.getvalue()
    return said.getvalue()


def run_to_its_end(lake: Lake, steps: int, end: type[BaseException]) -> bool:
    """The whole graph in a process that ends at this step; whether it came to that."""
    FatedLake.fate = Fate(steps, end)
    definitions = build_definitions(SOURCES.values(), VIEWS, FatedLake(home=str(lake.settings.home)))
    job = definitions.resolve_implicit_global_asset_job_def()
    config = str(dagster_home(lake.settings))
    with dg.DagsterInstance.from_config(config) as instance, suppress(Killed, DagsterExecutionInterruptedError):
        job.execute_in_process(instance=instance, raise_on_error=False)
    end_life()
    return FatedLake.fate.came


def stands(lake: Lake) -> Standing:
    return standing(lake, PRODUCTS)


@pytest.fixture
def drop(lake: Lake) -> Callable[[str, bytes], None]:
    def put(name: str, content: bytes) -> None:
        path = Path(lake.settings.lake) / "raw" / READINGS.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return put


Drop = Callable[[str, bytes], None]


@pytest.mark.parametrize("end", [Killed, DagsterExecutionInterruptedError], ids=["killed", "cancelled"])
def test_after_any_end_of_a_run_the_next_brings_every_table_to_what_no_interruption_gives(
    lake: Lake, drop: Drop, end: type[BaseException]
) -> None:
    home, backup = lake.settings.home, lake.settings.home.with_name("backup")
    drop("a.csv", csv("s", range(60), value=1, bad=1))
    run(lake)
    drop("b.csv", csv("s", range(50, 80), value=2))
    drop("c.csv", csv("t", range(30), value=3))
    shutil.copytree(home, backup)
    run(lake)
    expected = everything(lake)
    moments = 0
    while True:
        steps = 1 + round(moments * (1.6 if end is Killed else 6))
        shutil.rmtree(home)
        shutil.copytree(backup, home)
        came = run_to_its_end(lake, steps, end)
        run(open_lake(lake.settings))
        after = open_lake(lake.settings)
        assert everything(after) == expected, f"after an end at step {steps}"
        assert not stands(after).behind
        if not came:
            break
        moments += 1
    assert moments >= (12 if end is Killed else 3)


def test_what_was_never_made_is_behind_and_made_and_then_nothing_is(lake: Lake, drop: Drop) -> None:
    drop("a.csv", csv("s", range(60)))
    take_in(lake)  # and then the process died

    assert {one.name for one in stands(lake).behind} >= {SENSOR_DAYS.table, DAYS.table, "online.days"}
    assert "up to date" not in run(lake)
    assert "nothing new in the raw zone: every table is up to date" in run(lake)


def test_a_lost_online_store_is_filled_again(lake: Lake, drop: Drop) -> None:
    drop("a.csv", csv("s", range(60)))
    run(lake)
    before = everything(lake)
    (lake.settings.home / "online.db").unlink()

    assert {one.name for one in stands(lake).behind} == {"online.days", "online.sensor_days"}
    run(lake)
    assert everything(lake) == before


def test_changed_code_makes_a_view_and_what_stands_on_it_behind(lake: Lake, drop: Drop) -> None:
    drop("a.csv", csv("s", range(60)))
    run(lake)
    changed = [type(view)(**{k: v for k, v in vars(view).items() if k != "code_hash"}) for view in VIEWS]
    vars(changed[0])["code_hash"] = "another"

    behind = {one.name: one for one in standing(lake, products_of(SOURCES.values(), changed)).behind}

    assert behind[SENSOR_DAYS.table].reason == "its code changed"
    assert behind[DAYS.table].reason == f"{SENSOR_DAYS.table} is behind"
    assert not behind[DAYS.table].itself


def test_upkeep_makes_nothing_behind(lake: Lake, drop: Drop) -> None:
    for number in range(6):
        drop(f"{number}.csv", csv("s", range(number * 9, number * 9 + 9)))
        take_in(lake)
    run(lake)
    assert sum(done.compacted.files for done in maintain(lake)) > 0

    assert stands(lake) == Standing()
    assert "every table is up to date" in run(lake)


def test_an_input_that_changed_in_nothing_that_is_read_moves_nothing_behind_it(lake: Lake, drop: Drop) -> None:
    drop("a.csv", csv("s", range(60), value=5))
    run(lake)
    before = {view.table: lake.tables.catalog.load_table(view.table).metadata.current_snapshot_id for view in VIEWS}
    drop("b.csv", csv("s", [1], value=2))  # no highest reading, but another one of that hour

    drop("c.csv", csv("s", range(60), value=5)[:-1])  # the same readings from another file
    run(lake)

    assert not stands(lake).behind
    after = {view.table: lake.tables.catalog.load_table(view.table).metadata.current_snapshot_id for view in VIEWS}
    assert after[DAYS.table] == before[DAYS.table]


def test_it_says_since_when(lake: Lake, drop: Drop) -> None:
    drop("a.csv", csv("s", range(60)))
    run(lake)
    drop("b.csv", csv("t", range(60)))
    take_in(lake)
    first = lake.tables.catalog.load_table(READINGS.table).current_snapshot().timestamp_ms
    drop("c.csv", csv("u", range(60)))
    take_in(lake)

    behind = {one.name: one for one in stands(lake).behind}

    since = behind[SENSOR_DAYS.table].since
    assert since is not None
    assert round(since.timestamp() * 1000) == first
    assert behind[SENSOR_DAYS.table].inputs == (READINGS.table,)
    assert behind[DAYS.table].since == since
