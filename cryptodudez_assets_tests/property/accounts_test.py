"""Histories of accounts: amounts survive digit by digit from text to table to CSV; any order of landing gives the same tables."""

import csv
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cryptodudez_assets.contracts.accounts import GREATEST
from cryptodudez_assets.lake.exports import export
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import Source, all_sources
from cryptodudez_assets_tests.builders import open_lake, rows_of, take_in
from cryptodudez_assets_tests.forms import FORMS
from cryptodudez_assets_tests.unit.decimals_test import meant, numbers

SOURCES = all_sources()
TIMES = [
    "2020-01-01 23:59:59.999999+00",
    "2020-01-02 00:00:00+00",
    "2020-01-02 00:00:00.000+00",
    "2020-01-01 18:00:00.5-06",
]
NAMES = ("id", "event_timestamp", "user_id", "amount", "currency", "tx_status")
# Where a row was read and when is no matter of what it says; of `users` the time is that of landing.
NOT_SAID = ["known_ts", "file_id", "file_row"]


@contextmanager
def a_lake() -> Iterator[Lake]:
    with tempfile.TemporaryDirectory() as home:
        yield open_lake(Settings(home=Path(home), settle_seconds=0))


def is_kept(amount: Decimal | None) -> bool:
    return amount is not None and abs(amount) < GREATEST


def land(lake: Lake, source: Source, name: str, content: bytes) -> None:
    path = Path(lake.settings.lake) / "raw" / source.name / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(texts=st.lists(numbers.filter(lambda text: is_kept(meant(text))), min_size=20, max_size=60))
def test_amounts_are_the_same_digit_by_digit_in_the_table_and_in_its_csv(form: str, texts: list[str]) -> None:
    source = SOURCES["withdrawals"]
    rows = [(str(number), TIMES[number % 4], "u", text, "mxn", "complete") for number, text in enumerate(texts)]
    with a_lake() as lake:
        land(lake, source, f"a.{form}", FORMS[form](NAMES, rows))
        take_in(lake, source)
        export(lake, source.table, {"id": "id", "amount": "amount"}, ["id"], "exports/withdrawals.csv")
        target = Path(lake.settings.home) / "exports" / "withdrawals.csv"
        with target.open(newline="") as written:
            told = {row["id"]: Decimal(row["amount"]) for row in csv.DictReader(written)}
        kept = dict(rows_of(lake, source.table).select("id", "amount").iter_rows())
    expected = {str(number): Decimal(text) for number, text in enumerate(texts)}
    assert kept == expected
    assert told == expected


@dataclass(frozen=True)
class History:
    """The columns of a history's files, what may stand in each, its key, and by what the newest of two rows is told, from these."""

    columns: Mapping[str, Sequence[str]]
    key: Callable[[Mapping[str, str]], Any]
    newest: Callable[[Mapping[str, str]], Any]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def extra_of(row: Mapping[str, str], name: str) -> str:
    """A column that nobody declared, as it is kept."""
    return json.dumps({name: row[name] or None}, separators=(",", ":"))


RANKS = {"complete": 2, "failed": 1}
OF_TRANSACTIONS = History(
    {
        **{"id": ["1", "2"], "event_timestamp": TIMES, "user_id": ["u", "v"], "amount": ["1", "1.000", "-2", "10"]},
        **{"currency": ["btc", "mxn"], "tx_status": ["complete", "failed", "pending", "waiting"]},
        **{"interface": ["", "app", "web"], "type": ["", "x", "y"]},
    },
    key=lambda row: row["id"],
    newest=lambda row: (
        *(at(row["event_timestamp"]), RANKS.get(row["tx_status"], 0), row["tx_status"], Decimal(row["amount"])),
        *(row["currency"], row["user_id"], row["interface"], extra_of(row, "type")),
    ),
)
HISTORIES = {
    "deposits": OF_TRANSACTIONS,  # as withdrawals are
    "events": History(
        {
            **{"id": ["1", "2"], "event_timestamp": TIMES, "user_id": ["u", "v"]},
            **{"event_name": ["login", "2falogin"], "note": ["", "x"]},
        },
        key=lambda row: row["id"],
        newest=lambda row: (at(row["event_timestamp"]), row["event_name"], row["user_id"], extra_of(row, "note")),
    ),
    "users": History(
        {"user_id": ["u", "v", "w"], "note": ["", "x", "y"]},
        key=lambda row: row["user_id"],
        newest=lambda row: extra_of(row, "note"),
    ),
    "user_levels": History(
        {
            **{"user_id": ["u", "v"], "event_timestamp": TIMES, "level": ["1", "2"]},
            **{"jurisdiction": ["mx", "ar"], "note": ["", "x"]},
        },
        key=lambda row: (row["user_id"], at(row["event_timestamp"]), row["level"], row["jurisdiction"]),
        newest=lambda row: extra_of(row, "note"),
    ),
}


@st.composite
def landings(draw: st.DrawFn, history: History) -> tuple[list[list[dict[str, str]]], list[int], list[int], list[int]]:
    """Rows in three files, two orders in which these land, and after which of them the lake is brought up to date."""
    row = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in history.columns.items()})
    files = draw(st.lists(st.lists(row, min_size=1, max_size=5), min_size=3, max_size=3))
    orders = [draw(st.permutations(range(3))) for _ in range(2)]
    return files, *orders, draw(st.lists(st.integers(0, 1), max_size=2, unique=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", HISTORIES)
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(data=st.data())
def test_any_order_of_landing_gives_the_same_table(name: str, data: st.DataObject) -> None:
    source, history = SOURCES[name], HISTORIES[name]
    files, *orders, pauses = data.draw(landings(history))
    tables = [in_order(source, files, order, pauses if number else [0, 1]) for number, order in enumerate(orders)]
    assert tables[0].equals(tables[1])

    newest: dict[Any, dict[str, str]] = {}
    for row in sorted((row for rows in files for row in rows), key=history.newest):
        newest[history.key(row)] = row
    assert said_by(tables[0], history) == sorted((as_said(row, history) for row in newest.values()), key=repr)


def in_order(source: Source, files: list[list[dict[str, str]]], order: list[int], pauses: list[int]) -> pl.DataFrame:
    with a_lake() as lake:
        for place, number in enumerate(order):
            names = list(files[number][0])
            land(
                lake,
                source,
                f"{place}.csv",
                FORMS["csv"](names, [[row[one] for one in names] for row in files[number]]),
            )
            if place in pauses:
                take_in(lake, source)
        take_in(lake, source)
        assert unbalanced_files(lake, source).is_empty()
        unsaid = [*NOT_SAID, "event_ts", "precedence"] if source.name == "users" else NOT_SAID
        return rows_of(lake, source.table).drop(unsaid).sort(source.key)


def as_said(row: Mapping[str, str], history: History) -> tuple[object, ...]:
    """A row of a file as the values that it tells, in the order of its columns."""
    read: Mapping[str, Callable[[str], object]] = {"event_timestamp": at, "amount": Decimal, "level": int}
    told = ((name, read.get(name, str)(row[name])) for name in history.columns)
    return tuple(value if name not in ("interface", "type", "note") else value or None for name, value in told)


def said_by(table: pl.DataFrame, history: History) -> list[tuple[object, ...]]:
    own = {"event_timestamp": "event_ts", "tx_status": "status"}
    further = "type" if "type" in history.columns else "note"
    table = table.with_columns(pl.col("extra").str.json_path_match(f"$.{further}").alias(further))
    return sorted(table.select(own.get(name, name) for name in history.columns).rows(), key=repr)
