"""Each check of the star fails on what it is there for, and says what differs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.contracts.base import EXACT
from cryptodudez_assets.contracts.keys import durable_key
from cryptodudez_assets_tests.account_histories import STAR, Histories, made_of

DAY = datetime(2021, 3, 1, 12, tzinfo=UTC)
LEAST = Decimal("0.000000000000000001")
TOLD = Histories(
    deposits={"1": ("1", "u1", Decimal("6799999999999.999999999999999999"), "btc", "complete", DAY)},
    withdrawals={"1": ("1", "u2", Decimal(5), "mxn", "failed", DAY + timedelta(days=1))},
    events={"1": ("1", "u1", "login", DAY), "2": ("2", "u3", "2fa_wrong", DAY)},
    users={"u1", "u2"},
    levels={("u1", DAY, "mx", 1), ("u1", DAY + timedelta(days=1), "mx", 2)},
)
TABLES = made_of(TOLD.frames())
Tamper = Callable[[pl.DataFrame], pl.DataFrame]


def less(column: str, by: object) -> Tamper:
    """Of one row, the first, a little less in a column."""
    first = pl.int_range(pl.len()) == 0
    return lambda rows: rows.with_columns(pl.when(first).then(pl.col(column) - by).otherwise(column).alias(column))


def without(column: str, value: object) -> Tamper:
    return lambda rows: rows.filter(pl.col(column) != value)


def an_end_too_early(rows: pl.DataFrame) -> pl.DataFrame:
    early = pl.when("is_current").then("valid_to").otherwise(pl.col("valid_to") - pl.duration(seconds=1))
    return rows.with_columns(valid_to=early)


def two_current(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(is_current=pl.lit(value=True))


def one_key_for_all(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(user_key=pl.lit(7, pl.Int64))


TAMPERED: list[tuple[str, str, str, Tamper]] = [
    ("accounts.fact_transaction", "adds_up", "accounts.fact_transaction", less("amount", LEAST)),
    ("accounts.fact_transaction", "adds_up", "accounts.fact_transaction", without("kind", "withdrawal")),
    ("accounts.fact_transaction", "adds_up", star.DEPOSITS, less("amount", LEAST)),
    ("accounts.fact_transaction", "users_are_known", "accounts.dim_user", without("user_id", "u2")),
    ("accounts.fact_event", "adds_up", "accounts.fact_event", without("event_name", "login")),
    ("accounts.fact_event", "users_are_known", "accounts.dim_user", without("user_id", "u3")),
    ("accounts.fact_user_day", "adds_up", "accounts.fact_user_day", less("deposits_all_statuses_to_date", 1)),
    ("accounts.fact_user_day", "adds_up", "accounts.fact_user_day", less("events", 1)),
    ("accounts.fact_user_day", "adds_up", "accounts.fact_event", less("event_ts", timedelta(microseconds=1))),
    ("accounts.fact_currency_day", "adds_up", "accounts.fact_currency_day", less("amount", LEAST)),
    ("accounts.dim_currency", "knows_all", "accounts.dim_currency", without("currency", "mxn")),
    ("accounts.dim_date", "knows_all", "accounts.dim_date", without("date_key", 20210302)),
    ("accounts.dim_user", "versions_follow", "accounts.dim_user", an_end_too_early),
    ("accounts.dim_user", "versions_follow", "accounts.dim_user", two_current),
    ("accounts.dim_user", "versions_follow", "accounts.dim_user", without("level", 1)),
    ("accounts.dim_user", "versions_follow", "accounts.dim_user", one_key_for_all),
    ("accounts.dim_user", "one_user_a_key", "accounts.users", one_key_for_all),
]


@pytest.mark.parametrize(("table", "name", "tampered", "tamper"), TAMPERED)
def test_a_check_fails_on_what_it_is_there_for(table: str, name: str, tampered: str, tamper: Tamper) -> None:
    (check,) = (one for each in STAR if each.table == table for one in each.checks if one.name == name)
    frames = {name: rows.lazy() for name, rows in TABLES.items()}
    assert check.judge(frames).passed
    found = check.judge(frames | {tampered: tamper(TABLES[tampered]).lazy()})
    assert not found.passed
    assert "such as" in found.told
    assert any(isinstance(one, pl.DataFrame) and len(one) for one in found.details.values())


@pytest.mark.parametrize(("table", "source"), [("fact_transaction", star.DEPOSITS), ("fact_currency_day", None)])
def test_sums_that_nothing_can_keep_are_told_in_words(table: str, source: str | None) -> None:
    (check,) = (
        one for each in STAR if each.table == f"accounts.{table}" for one in each.checks if one.name == "adds_up"
    )
    great = pl.lit(Decimal("9e19")).cast(EXACT).alias("amount")
    rows = {name: TABLES[name] for name in ("accounts.fact_transaction", source) if name}
    rows = {name: pl.concat([one, one]).with_columns(great) for name, one in rows.items()}
    found = check.judge({name: one.lazy() for name, one in (TABLES | rows).items()})
    assert not found.passed
    assert "amounts come to 1e20 or more" in found.told


def test_nobody_is_a_member_for_whom_is_named_nowhere() -> None:
    nobody = TABLES["accounts.dim_user"].filter(pl.col("user_key") == rules.UNKNOWN)
    assert nobody.select("user_id", "is_current", "is_inferred", "is_erased").rows() == [(None, True, False, False)]


def test_who_was_erased_has_a_key_and_no_name_and_who_is_called_like_that_is_somebody() -> None:
    erased, of_posts, *others = (f"erased-{digit * 32}" for digit in "0123")
    noted = pl.DataFrame({"pseudonym": [erased, of_posts], "kind": ["account", "post"]})
    users = {erased, of_posts, *others, "erased-by-mistake"}
    tables = made_of(Histories(users=users).frames() | {"catalog.erasures": noted})

    found = tables["accounts.dim_user"].filter(pl.col("user_key") != rules.UNKNOWN)
    (row,) = found.filter("is_erased").to_dicts()
    assert (row["user_id"], row["user_key"], row["is_inferred"]) == (None, durable_key(erased), False)
    assert set(found.filter(~pl.col("is_erased"))["user_id"]) == users - {erased}
    assert len(tables["accounts.users_for_marketing"]) == len(users) - 1
