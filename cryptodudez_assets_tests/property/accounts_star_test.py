"""The star of accounts on random histories: eight questions by three paths, versions of users, and upkeep day by day."""

import tempfile
from datetime import date, datetime, timedelta
from decimal import Context, localcontext
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.accounts import rules
from cryptodudez_assets.contracts.keys import durable_key
from cryptodudez_assets.derived.upkeep.materialize import materialize, materialize_days
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.account_histories import (
    CURRENCIES,
    DAYS,
    STAR,
    START,
    Histories,
    contents,
    histories,
    made_of,
    write,
)
from cryptodudez_assets_tests.builders import compute_few_rows_at_a_time, open_lake
from cryptodudez_assets_tests.eight_questions import ByHand, FromFacts, FromSnapshots

days = st.integers(-1, DAYS).map(lambda day: (START + timedelta(days=day)).date())
EXACT = Context(prec=60)


@given(histories(), days, days)
@settings(max_examples=60, deadline=None)
def test_eight_questions_have_one_answer_by_three_paths(told: Histories, one: date, other: date) -> None:
    tables = made_of(told.frames())
    first, last = sorted([one, other])
    facts, snapshots, by_hand = FromFacts(tables), FromSnapshots(tables), ByHand(told)
    with localcontext(EXACT):
        for expected, *found in (
            [path.active(one) for path in (by_hand, facts, snapshots)],
            [path.without_deposit(counted=True) for path in (by_hand, facts, snapshots)],
            [path.without_deposit(counted=False) for path in (by_hand, facts, snapshots)],
            [path.with_many_deposits(one, counted=True) for path in (by_hand, facts, snapshots)],
            [path.with_many_deposits(one, counted=False) for path in (by_hand, facts, snapshots)],
            [path.last_login() for path in (by_hand, facts, snapshots)],
            [path.logins(first, last) for path in (by_hand, facts, snapshots)],
            [path.currencies("deposit", one) for path in (by_hand, facts, snapshots)],
            [path.currencies("withdrawal", one) for path in (by_hand, facts, snapshots)],
            *([path.total(currency, one) for path in (by_hand, facts, snapshots)] for currency in CURRENCIES),
        ):
            assert found == [expected, expected]


def level_at(told: Histories, user: str, at: datetime) -> tuple[int | None, str | None]:
    """The level that a user has at a time: the latest, of those at one instant the greatest."""
    held = [(begins, level, where) for one, begins, where, level in told.levels if one == user and begins <= at]
    return max(held)[1:] if held else (None, None)


@given(histories())
@settings(max_examples=60, deadline=None)
def test_each_instant_has_one_version_of_a_user_and_it_says_his_level_then(told: Histories) -> None:
    rows = made_of(told.frames())["accounts.dim_user"]
    ends = {START + timedelta(hours=12 * half) for half in range(-1, 2 * DAYS + 1)}
    instants = [at + by for at in ends for by in (timedelta(0), timedelta(microseconds=-1))]
    for user in rows["user_id"].drop_nulls().unique():
        versions = rows.filter(pl.col("user_id") == user)
        for at in [*instants, rules.FIRST, rules.END - timedelta(microseconds=1)]:
            valid = versions.filter(pl.col("valid_from") <= at, pl.col("valid_to") > at)
            assert valid.select("level", "jurisdiction").row(0) == level_at(told, user, at)
            assert len(valid) == 1
        levels = versions.sort("valid_from").select("level", "jurisdiction").rows()
        assert all(one != other for one, other in pairwise(levels))
        assert versions["is_inferred"].unique().to_list() == [user not in told.users]
        assert versions["user_key"].unique().to_list() == [durable_key(user)]


def checks_fail(tables: dict[str, pl.DataFrame]) -> list[str]:
    frames = {name: rows.lazy() for name, rows in tables.items()}
    return [f"{table.table} {check.name}" for table in STAR for check in table.checks if not check.judge(frames).passed]


@given(histories())
@settings(max_examples=20, deadline=None)
def test_all_checks_of_the_star_pass_on_what_it_is(told: Histories) -> None:
    assert checks_fail(made_of(told.frames())) == []


@pytest.mark.slow
@given(st.lists(histories(most=6), min_size=2, max_size=3), days, st.sampled_from([3, 1000]))
@settings(max_examples=8, deadline=None)
def test_landings_in_any_order_give_day_by_day_what_computing_everything_does(
    landings: list[Histories], day: date, stretch: int
) -> None:
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        compute_few_rows_at_a_time(patch, stretch)
        lake = open_lake(Settings(home=Path(home) / "home"))
        told = Histories()
        for more in landings:
            told = told.land(more)
            write(lake, told.frames())
            for table in STAR:
                materialize(lake, table)
        expected = made_of(told.frames())
        for table in STAR:
            assert contents(lake, table).equals(expected[table.table], null_equal=True), table.table
        for table in STAR:
            if table.partitions is not None:
                materialize_days(lake, table, day, day + timedelta(days=1))
                assert contents(lake, table).equals(expected[table.table], null_equal=True), table.table
