"""Histories of accounts made up for tests: random ones with ties, late rows and colliding ids, as the sources' tables hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import strategies as st
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.accounts import star
from cryptodudez_assets.contracts.accounts import Deposits, Events, UserLevels, Users, Withdrawals
from cryptodudez_assets.contracts.base import TableContract, polars_schema
from cryptodudez_assets.contracts.keys import durable_key
from cryptodudez_assets.derived import Derived, all_derived, topological
from cryptodudez_assets.derived.upkeep.portions import conform, without_rows
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake

CONTRACTS: Mapping[str, type[TableContract]] = {
    star.DEPOSITS: Deposits,
    star.WITHDRAWALS: Withdrawals,
    star.EVENTS: Events,
    star.USERS: Users,
    star.USER_LEVELS: UserLevels,
}
STAR = [table for table in topological(all_derived().values()) if table.group == "accounts"]
START = datetime(2021, 2, 26, tzinfo=UTC)
LANDED = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 6
USERS = ["u1", "u2", "u3", "u4", "u5", "u6"]
CURRENCIES = ["btc", "mxn", "tigres"]
STATUSES = ["complete", "complete", "complete", "failed", "pending"]
EVENTS = ["login", "login_api", "2falogin", "2fa_wrong", "email_verified"]
AMOUNTS = [
    "0.000000000000000001",
    "6799999999999.999999999999999999",
    "-5",
    "0",
    "12.5",
    "99999999999.000000000000000003",
]

# Few moments, so that several share one; those beside midnight lie on different days.
moments = st.builds(
    lambda day, of: START + timedelta(days=day) + of,
    st.integers(0, DAYS - 1),
    st.sampled_from([timedelta(0), timedelta(hours=12), timedelta(days=1) - timedelta(microseconds=1)]),
)
ids = st.integers(1, 25).map(str)
users = st.sampled_from(USERS)
transaction = st.tuples(
    ids, users, st.sampled_from(AMOUNTS).map(Decimal), st.sampled_from(CURRENCIES), st.sampled_from(STATUSES), moments
)
event = st.tuples(ids, users, st.sampled_from(EVENTS), moments)
level = st.tuples(users, moments, st.sampled_from(["ar", "mx"]), st.integers(0, 2))


@dataclass
class Histories:
    """What all sources hold: of transactions and events one row an id, whichever came last."""

    deposits: dict[str, tuple[str, str, Decimal, str, str, datetime]] = field(default_factory=dict)
    withdrawals: dict[str, tuple[str, str, Decimal, str, str, datetime]] = field(default_factory=dict)
    events: dict[str, tuple[str, str, str, datetime]] = field(default_factory=dict)
    users: set[str] = field(default_factory=set)
    levels: set[tuple[str, datetime, str, int]] = field(default_factory=set)

    def land(self, more: "Histories") -> "Histories":
        """What they hold when these have landed, too."""
        return Histories(
            self.deposits | more.deposits,
            self.withdrawals | more.withdrawals,
            self.events | more.events,
            self.users | more.users,
            self.levels | more.levels,
        )

    def frames(self) -> dict[str, pl.DataFrame]:
        """The same as the tables of the sources."""
        transactions = ["id", "user_id", "amount", "currency", "status", "event_ts"]
        return {
            star.DEPOSITS: _frame(Deposits, transactions, [*self.deposits.values()]),
            star.WITHDRAWALS: _frame(Withdrawals, transactions, [*self.withdrawals.values()]),
            star.EVENTS: _frame(Events, ["id", "user_id", "event_name", "event_ts"], [*self.events.values()]),
            star.USERS: _frame(Users, ["user_id", "event_ts"], [(user, LANDED) for user in sorted(self.users)]),
            star.USER_LEVELS: _frame(UserLevels, ["user_id", "event_ts", "jurisdiction", "level"], sorted(self.levels)),
        }


def _frame(contract: type[TableContract], columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    schema = polars_schema(contract)
    told = pl.DataFrame(rows, {name: schema[name] for name in columns}, orient="row")
    made = {
        "user_key": pl.col("user_id").map_elements(durable_key, return_dtype=pl.Int64),
        # Each row has landed at a time of its own, which only its content tells.
        "known_ts": pl.lit(LANDED) + pl.duration(seconds=pl.struct(columns).hash(7) % 1_000_000),
        "precedence": pl.lit(0, pl.Int64),
        "file_id": pl.lit("f"),
        "file_row": pl.lit(1, pl.Int64),
    }
    rest = {name: pl.lit(None, dtype) for name, dtype in schema.items() if name not in columns}
    return told.with_columns(**{name: made.get(name, null) for name, null in rest.items()}).select(schema.names())


@st.composite
def histories(draw: st.DrawFn, most: int = 25) -> Histories:
    """Random ones."""

    def by_id(rows: st.SearchStrategy[tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
        return {str(row[0]): row for row in draw(st.lists(rows, max_size=most))}

    return Histories(
        by_id(transaction),  # type: ignore[arg-type]
        by_id(transaction),  # type: ignore[arg-type]
        by_id(event),  # type: ignore[arg-type]
        draw(st.sets(users, max_size=len(USERS))),
        draw(st.sets(level, max_size=8)),
    )


def made_of(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """All tables of the star by their transforms alone, in one go; the sources' among them."""
    made = dict(frames)
    for table in STAR:
        there = {one.table: made[one.table].lazy() if one.table in made else without_rows(one) for one in table.inputs}
        read = {one.table: there[one.table].select(table.reads(one)) for one in table.inputs}
        if table.accumulates:
            read[table.table] = pl.LazyFrame(schema=polars_schema(table.contract))
        assert table.transform is not None
        made[table.table] = conform(table, table.transform(read).collect()).sort(table.key)
    return made


def write(lake: Lake, frames: Mapping[str, pl.DataFrame]) -> None:
    """The sources' tables hold these rows now."""
    for name, rows in frames.items():
        spec = TableSpec(name, CONTRACTS[name], (("event_ts", "month"),), ("event_ts",))
        with lake.tables.changing(spec) as change:
            change.delete(AlwaysTrue()).add(rows).as_result()


def contents(lake: Lake, table: Derived) -> pl.DataFrame:
    """The rows of a table, in the order of its key."""
    rows = lake.tables.scan(table.table)
    assert rows is not None
    return rows.collect().sort(table.key)
