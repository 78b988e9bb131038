"""The five histories of accounts, from raw files to tables: amounts, times, keys of users, and which of two rows with one id counts."""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.contracts.base import personal_of
from cryptodudez_assets.contracts.keys import durable_key
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.sql import query
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.sources import Source, all_sources
from cryptodudez_assets_tests.builders import rows_of, take_in

SOURCES = all_sources()
DEPOSITS, WITHDRAWALS, EVENTS, USERS, LEVELS = (
    SOURCES[name] for name in ("deposits", "withdrawals", "events", "users", "user_levels")
)
KEY_OF_ONE = 5_844_467_240_305_286_129
TRANSACTION = "id,event_timestamp,user_id,amount,currency,tx_status\n"
Drop = Callable[[str, str, bytes], Path]


def taken_in(lake: Lake, drop: Drop, source: Source, *files: str) -> pl.DataFrame:
    """The table, when these files have landed one after the other."""
    for number, text in enumerate(files):
        drop(source.name, f"{number}.csv", text.encode())
        take_in(lake, source)
    assert unbalanced_files(lake, source).is_empty()
    return rows_of(lake, source.table)


def test_a_deposit_is_what_its_row_says(lake: Lake, drop: Drop) -> None:
    text = "\ufeffid,event_timestamp,user_id,amount,currency,tx_status,interface,type\n" + (
        "3521,2020-01-02 19:55:43.341+00,u1,6800000000000.000000000000000001,BTC,Complete,web,deposits\n"
    )
    (row,) = taken_in(lake, drop, DEPOSITS, text).to_dicts()
    expected = {
        **{"id": "3521", "user_id": "u1", "user_key": durable_key("u1"), "currency": "btc", "status": "complete"},
        **{"amount": Decimal("6800000000000.000000000000000001"), "interface": "web", "precedence": 2},
        **{"event_ts": datetime(2020, 1, 2, 19, 55, 43, 341000, UTC), "extra": '{"type":"deposits"}'},
    }
    assert {name: row[name] for name in expected} == expected


def test_amounts_in_sql_and_in_the_table_s_files_have_all_digits(lake: Lake, drop: Drop) -> None:
    rows = "".join(f"{i},2020-01-02 00:00:00+00,u,0.{i:018d},x,complete\n" for i in range(1, 1001))
    taken_in(lake, drop, DEPOSITS, TRANSACTION + rows)
    total = query(lake, "select sum(amount) as total, min(amount) as least from accounts.deposits")
    assert total.row(0) == (Decimal("0.000000000000500500"), Decimal("0.000000000000000001"))


@pytest.mark.parametrize(
    ("written", "micros"),
    [
        ("2020-01-02 19:55:43+00", 0),
        ("2020-01-02 19:55:43.3+00", 300_000),
        ("2020-01-02 19:55:43.34+00", 340_000),
        ("2020-01-02 19:55:43.341+00", 341_000),
        ("2020-01-02 19:55:43.3417+00", 341_700),
        ("2020-01-02 19:55:43.34171+00", 341_710),
        ("2020-01-02 19:55:43.341718+00", 341_718),
        ("2020-01-02 19:55:43.341718+00:00", 341_718),
        ("2020-01-02 19:55:43.341718+0000", 341_718),
        ("2020-01-02T19:55:43.341718Z", 341_718),
        ("2020-01-02 13:55:43.341718-06", 341_718),
        ("2020-01-02 19:55:43.341 UTC", 341_000),
    ],
)
def test_a_time_is_read_however_it_is_spelled(lake: Lake, drop: Drop, written: str, micros: int) -> None:
    table = taken_in(lake, drop, EVENTS, f"id,event_timestamp,user_id,event_name\n1,{written},u,login\n")
    assert table["event_ts"].to_list() == [datetime(2020, 1, 2, 19, 55, 43, micros, UTC)]


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("1.0000000000000000001", "more than 20 digits before the point or 18 behind it"),
        ("1e21", "more than 20 digits before the point or 18 behind it"),
        ("1,5", "without thousands separators"),
        ("free", "expected a number such as 1234.5"),
    ],
)
def test_an_amount_that_cannot_be_kept_is_set_aside_with_words(lake: Lake, drop: Drop, amount: str, told: str) -> None:
    good = "".join(f"{i},2020-01-02 00:00:00+00,u,1,x,complete\n" for i in range(10))
    table = taken_in(lake, drop, DEPOSITS, f'{TRANSACTION}{good}77,2020-01-02 00:00:00+00,u,"{amount}",x,complete\n')
    assert table.height == 10
    (record,) = rows_of(lake, "quarantine.rows").to_dicts()
    assert record["rules"] == ["amount:type"]
    assert told in record["reason"]


def test_amounts_of_which_two_have_a_sum_that_nothing_can_keep_are_set_aside(lake: Lake, drop: Drop) -> None:
    """Whatever became of them: the star adds up those that failed, too. What is less may be there often."""
    great, kept = "99999999999999999999.999999999999999", "99999999999999.999999999999999999"
    amounts = [
        (great, "complete"),
        (great, "complete"),
        (f"-{great}", "failed"),
        ("1e14", "failed"),
        *[(kept, "complete")] * 40,
    ]
    rows = "".join(f"{i},2020-01-02 00:00:00+00,u,{a},btc,{status}\n" for i, (a, status) in enumerate(amounts))
    table = taken_in(lake, drop, DEPOSITS, TRANSACTION + rows)
    assert table["amount"].to_list() == [Decimal(kept)] * 40
    aside = rows_of(lake, "quarantine.rows").sort("line")
    assert aside["rules"].to_list() == [["amount_too_great"]] * 4
    assert aside["reason"][3].startswith("amount is '1e14': 100,000,000,000,000 (1e14) or more of a currency")


def test_a_negative_amount_is_kept_with_a_warning(lake: Lake, drop: Drop) -> None:
    text = TRANSACTION + "".join(
        f"{i},2020-01-02 00:00:00+00,u,-10.000000000000000000,mxn,{status}\n"
        for i, status in enumerate(("failed", "complete"))
    )
    assert taken_in(lake, drop, WITHDRAWALS, text)["amount"].to_list() == [Decimal(-10)] * 2
    status = status_of(lake, WITHDRAWALS.name)
    assert (status.quarantined, status.warned) == (0, 2)


def test_a_file_of_both_kinds_gives_each_table_its_own(lake: Lake, drop: Drop) -> None:
    header = TRANSACTION.strip() + ",type\n"
    rows = [
        f"{i},2020-01-02 00:00:00+00,u,1,mxn,complete,{kind}\n" for i, kind in enumerate(("deposits", "withdrawals"))
    ]
    text = header + "".join(rows)
    assert taken_in(lake, drop, DEPOSITS, text)["id"].to_list() == ["0"]
    assert taken_in(lake, drop, WITHDRAWALS, text)["id"].to_list() == ["1"]


SAME = [
    "1,2020-01-02 00:00:00+00,u,1,mxn,pending\n",
    "1,2020-01-02 00:00:00+00,u,1,mxn,failed\n",
    "1,2020-01-02 00:00:00+00,u,1,mxn,complete\n",
    "1,2020-01-02 00:00:00+00,u,2,mxn,complete\n",
    "1,2020-01-02 00:00:01+00,u,2,mxn,pending\n",
]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("n", range(1, len(SAME)))
def test_of_two_rows_with_one_id_the_later_the_surer_the_greater_counts(
    lake: Lake, drop: Drop, n: int, turned: bool
) -> None:
    two = SAME[n - 1 : n + 1]
    table = taken_in(lake, drop, DEPOSITS, *(TRANSACTION + row for row in (reversed(two) if turned else two)))
    amount, _, status = two[1].strip().split(",")[3:]
    assert table.select("amount", "status").rows() == [(Decimal(amount), status)]


def test_users_are_known_since_they_first_landed(lake: Lake, drop: Drop) -> None:
    first = taken_in(lake, drop, USERS, "user_id\n\nb\na\n")
    assert first.sort("user_id")["user_id"].to_list() == ["a", "b"]
    drop(USERS.name, "again.csv", b"user_id\na\nb\nc\n")
    take_in(lake, USERS)
    both = rows_of(lake, USERS.table).join(first, on="user_id", how="left", suffix="_before").sort("user_id")
    assert both["user_id"].to_list() == ["a", "b", "c"]
    assert both.head(2)["event_ts"].to_list() == both.head(2)["event_ts_before"].to_list()
    assert status_of(lake, USERS.name).restated == 0


def test_levels_at_one_time_stay_apart(lake: Lake, drop: Drop) -> None:
    text = "user_id,jurisdiction,level,event_timestamp\n" + "".join(
        f"u,{where},{level},2020-01-02 00:00:00+00\n" for where, level in (("MX", 1), ("mx", 2), ("AR", 2), ("mx", 1))
    )
    table = taken_in(lake, drop, LEVELS, text)
    assert sorted(table.select("jurisdiction", "level").rows()) == [("ar", 2), ("mx", 1), ("mx", 2)]


@pytest.mark.parametrize("source", [DEPOSITS, WITHDRAWALS, EVENTS, USERS, LEVELS], ids=lambda one: one.name)
def test_whose_rows_they_are_is_personal(source: Source) -> None:
    assert personal_of(source.contract) == {"user_id": "account"}


def test_keys_of_users_are_the_same_everywhere_and_never_nobody_s() -> None:
    assert durable_key("5dd9db5e033da9c6fb5ba83c7a7ebea9") == KEY_OF_ONE
    keys: Sequence[int] = [durable_key(str(number)) for number in range(10_000)]
    assert len(set(keys)) == len(keys)
    assert min(keys) > 0
    assert max(keys) < 2**63


def test_a_parquet_file_with_types_says_the_same(lake: Lake, drop: Drop) -> None:
    when, amount = datetime(2020, 1, 2, 19, 55, 43, 341000, UTC), Decimal("6800000000000.000000000000000001")
    rows = pl.DataFrame(
        {"id": [7], "event_timestamp": [when], "user_id": ["u"], "amount": [amount], "currency": ["mxn"]},
        schema_overrides={"amount": pl.Decimal(38, 18)},
    ).with_columns(tx_status=pl.lit("failed"))
    file = io.BytesIO()
    rows.write_parquet(file)
    drop(WITHDRAWALS.name, "a.parquet", file.getvalue())
    take_in(lake, WITHDRAWALS)
    table = rows_of(lake, WITHDRAWALS.table).select("id", "event_ts", "amount", "interface", "precedence")
    assert table.rows() == [("7", when, amount, None, 1)]


def test_invisible_characters_around_a_user_make_no_other_user(lake: Lake, drop: Drop) -> None:
    rows = "".join(f"{i},2020-01-02 00:00:00+00,{user},login\n" for i, user in enumerate(("u", " u", "u\u200b")))
    table = taken_in(lake, drop, EVENTS, "id,event_timestamp,user_id,event_name\n" + rows)
    assert table.select("user_id", "user_key").unique().rows() == [("u", durable_key("u"))]


HISTORIES = {
    "deposits": TRANSACTION + "{0},{1},u,1,mxn,complete\n",
    "withdrawals": TRANSACTION + "{0},{1},u,1,mxn,complete\n",
    "events": "id,event_timestamp,user_id,event_name\n{0},{1},u,login\n",
    "user_levels": "user_id,jurisdiction,level,event_timestamp\nu{0},mx,1,{1}\n",
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_time_far_ahead_of_its_landing_is_set_aside_and_one_of_a_wrong_clock_is_not(
    lake: Lake, drop: Drop, name: str
) -> None:
    now = datetime.now(UTC)
    ahead = [timedelta(hours=23), timedelta(hours=25), timedelta(days=370), datetime(2099, 1, 1, tzinfo=UTC) - now]
    head, row = HISTORIES[name].split("\n", 1)
    rows = [row.format(n, f"{now + one:%Y-%m-%d %H:%M:%S}+00") for n, one in enumerate([-timedelta(days=1), *ahead])]
    table = taken_in(lake, drop, SOURCES[name], f"{head}\n{''.join(rows)}")
    assert table["event_ts"].max() == (now + ahead[0]).replace(microsecond=0)
    assert table.height == 2
    records = rows_of(lake, "quarantine.rows").sort("line").to_dicts()
    assert [record["rules"] for record in records] == [["time_ahead"]] * 3
    assert records[2]["reason"] == (
        "event_timestamp is '2099-01-01 00:00:00+00': More than a day after its file landed, when it had not happened yet: "
        "look at year, zone, and order of day and month"
    )
