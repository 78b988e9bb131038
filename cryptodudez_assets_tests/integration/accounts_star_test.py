"""The star of accounts in a lake: from raw files by the platform's own run, in any order of landing, and what late rows touch."""

import random
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from pyiceberg.expressions import AlwaysTrue
from rich.console import Console

from cryptodudez_assets.contracts.base import EXACT
from cryptodudez_assets.contracts.keys import durable_key
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.derived import Derived
from cryptodudez_assets.derived.upkeep.looking import look
from cryptodudez_assets.derived.upkeep.materialize import Materialized, materialize, without_rows
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.account_files import write_histories
from cryptodudez_assets.simulator.accounts import Accounts
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.account_histories import STAR, contents
from cryptodudez_assets_tests.builders import open_lake, take_in

NAMES = ("deposits", "withdrawals", "events", "users", "user_levels")
SOURCES = {name: all_sources()[name] for name in NAMES}
SOME = Accounts(users=20, deposits=60, withdrawals=40, events=150, levels=30, days=40, last_day=date(2021, 3, 1))
TRANSACTION = "id,event_timestamp,user_id,amount,currency,tx_status\n"
EVENT = "id,event_timestamp,user_id,event_name\n"
BY_NAME = {table.table: table for table in STAR}
FACT, USER, USER_DAY = (BY_NAME[f"accounts.{name}"] for name in ("fact_transaction", "dim_user", "fact_user_day"))


def bring(lake: Lake, name: str, path: Path) -> None:
    list(land(lake, name, [path]))
    take_in(lake, SOURCES[name])


def told(lake: Lake, folder: Path, name: str, number: int, text: str) -> None:
    path = folder / f"{name}_{number}.csv"
    path.write_text(text)
    bring(lake, name, path)


def follow(lake: Lake) -> dict[str, Materialized]:
    return {table.table: materialize(lake, table) for table in STAR if not without_rows(lake, table)}


def without_landing(lake: Lake, table: Derived) -> pl.DataFrame:
    """Rows without when they landed, which another order of landing changes."""
    return contents(lake, table).drop("loaded_at")


def run(lake: Lake, tables: list[Derived]) -> tuple[bool, str]:
    out = StringIO()
    return run_pending(lake, list(NAMES), Console(file=out, width=250), SOURCES, tables), out.getvalue()


@pytest.mark.slow
def test_in_any_order_of_landing_the_tables_are_the_same(tmp_path: Path) -> None:
    paths = write_histories(tmp_path / "files", SOME)
    stars = []
    for seed in range(2):
        lake = open_lake(Settings(home=tmp_path / f"home{seed}", settle_seconds=0))
        order = random.Random(seed).sample(paths, len(paths))
        for number, path in enumerate(order):
            bring(lake, path.parent.name, path)
            if seed == 0 and number % 2:  # the other follows once, at the end
                follow(lake)
        follow(lake)
        assert not any(done.rows for done in follow(lake).values())
        stars.append({table.table: without_landing(lake, table) for table in STAR})
    for name, rows in stars[0].items():
        assert rows.equals(stars[1][name], null_equal=True), name
        assert len(rows)


@pytest.mark.slow
def test_a_run_makes_the_star_and_all_of_its_checks_are_asked(lake: Lake, tmp_path: Path) -> None:
    for path in write_histories(tmp_path / "files", SOME):
        list(land(lake, path.parent.name, [path]))
    fine, said = run(lake, STAR)
    assert fine, said
    assert all(len(contents(lake, table)) for table in STAR)
    with dg.DagsterInstance.from_config(str(dagster_home(lake.settings))) as instance:
        keys = [dg.AssetCheckKey(key_of(table.table), check.name) for table in STAR for check in table.checks]
        asked = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    assert len(keys) >= 9
    assert {asked[key].status for key in keys} == {AssetCheckExecutionRecordStatus.SUCCEEDED}
    assert not any(done.rows for done in follow(lake).values())


@pytest.mark.slow
def test_histories_that_never_came_are_without_rows(lake: Lake, tmp_path: Path) -> None:
    told(lake, tmp_path, "withdrawals", 1, TRANSACTION + "7,2021-01-02 00:00:00+00,u1,1.5,btc,complete\n")
    fine, said = run(lake, STAR)
    assert fine, said
    made = {table.table for table in STAR if lake.tables.table(table.table) is not None}
    assert made == {table.table for table in STAR} - {"accounts.fact_event"}
    user = contents(lake, USER)
    assert user.select("user_id", "is_inferred").rows() == [(None, False), ("u1", True)]

    told(lake, tmp_path, "users", 1, "user_id\nu1\n")
    told(lake, tmp_path, "deposits", 1, TRANSACTION + "7,2021-01-01 00:00:00+00,u2,2,btc,failed\n")
    follow(lake)
    user = contents(lake, USER)
    assert dict(user.select("user_id", "is_inferred").rows()) == {None: False, "u1": False, "u2": True}
    days = contents(lake, USER_DAY).sort("date")
    assert days.select("deposits_to_date", "deposits_all_statuses_to_date", "withdrawals_to_date").rows() == [
        (0, 1, 0),
        (0, 0, 1),
    ]


def test_a_fact_that_differs_in_the_last_digit_from_its_source_is_told(lake: Lake, tmp_path: Path) -> None:
    row = "7,2021-01-02 00:00:00+00,u1,0.000000000000000002,btc,complete\n"
    told(lake, tmp_path, "deposits", 1, TRANSACTION + row)
    follow(lake)
    assert FACT.checks[0].name == "adds_up"
    with lake.tables.rearranging(FACT.table) as change:  # somebody meddles
        less = change.rows().collect().with_columns(amount=pl.lit("0.000000000000000001").cast(EXACT))
        change.delete(AlwaysTrue()).add(less)
    found = look(lake, FACT, FACT.checks[0])
    assert found is not None
    assert not found.passed
    assert found.told.startswith(
        "1 of 1 totals of a day, currency and status differ, such as kind deposit, date 2021-01-02"
    )


def test_who_is_in_no_dimension_is_told_with_what_to_make(lake: Lake, tmp_path: Path) -> None:
    told(lake, tmp_path, "deposits", 1, TRANSACTION + "7,2021-01-02 00:00:00+00,u1,1,btc,complete\n")
    materialize(lake, FACT)
    found = look(lake, FACT, FACT.checks[1])
    assert found is not None
    assert (
        found.told
        == f"1 user_keys have no member in accounts.dim_user, such as {durable_key('u1')}: make accounts.dim_user first"
    )
    follow(lake)
    found = look(lake, FACT, FACT.checks[1])
    assert found is not None
    assert found.passed


class TestLateRows:
    """Four users, ten days apart from each other."""

    @pytest.fixture
    def followed(self, lake: Lake, tmp_path: Path) -> Lake:
        first = datetime(2021, 1, 1, 12, tzinfo=UTC)
        days = [first + timedelta(days=10 * n) for n in range(8)]
        rows = [
            f"{4 * n + who},{at:%Y-%m-%d %H:%M:%S}+00,u{who},login\n" for n, at in enumerate(days) for who in range(4)
        ]
        told(lake, tmp_path, "events", 1, EVENT + "".join(rows))
        follow(lake)
        return lake

    def test_a_late_row_has_its_day_computed_and_what_adds_up_on_it(self, followed: Lake, tmp_path: Path) -> None:
        before = contents(followed, USER_DAY)
        told(followed, tmp_path, "events", 2, EVENT + "1000,2021-01-25 00:00:00+00,u2,login\n")
        done = follow(followed)
        event, day = done["accounts.fact_event"], done["accounts.fact_user_day"]
        assert (event.rows, event.days) == (1, [date(2021, 1, 25)])
        assert day.rows == 6  # u2 on the day itself and on five days after it
        assert min(day.days) == date(2021, 1, 25)
        after = contents(followed, USER_DAY)
        changed = after.join(before, on=before.columns, how="anti", nulls_equal=True)
        assert changed["logins_to_date"].sort().to_list() == [4, 5, 6, 7, 8, 9]

    def test_one_more_day_beside_a_late_row_leaves_others_as_they_are(self, followed: Lake, tmp_path: Path) -> None:
        late, new = "1000,2021-01-25 00:00:00+00,u2,login\n", "1001,2021-04-01 00:00:00+00,u3,login\n"
        told(followed, tmp_path, "events", 2, EVENT + late + new)
        done = follow(followed)["accounts.fact_user_day"]
        assert done.rows == 6 + 1
        assert done.reaches is not None
        assert [(reach.start, len(reach.keys)) for reach in done.reaches if reach.keys is not None] == [
            (datetime(2021, 1, 25, tzinfo=UTC), 1),
            (datetime(2021, 4, 1, tzinfo=UTC), 1),
        ]

    def test_a_row_that_was_there_changes_nothing(self, followed: Lake, tmp_path: Path) -> None:
        told(followed, tmp_path, "events", 2, EVENT + "0,2021-01-01 12:00:00+00,u0,login\n")
        assert not any(done.rows for done in follow(followed).values())

    def test_an_event_that_becomes_another_users_leaves_the_first(self, followed: Lake, tmp_path: Path) -> None:
        told(followed, tmp_path, "events", 2, EVENT + "28,2021-03-12 13:00:00+00,u1,login\n")  # of u0 an hour before
        follow(followed)
        last = contents(followed, USER_DAY).filter(pl.col("date") == date(2021, 3, 12))
        assert sorted(last["logins_to_date"]) == [8, 8, 9]
