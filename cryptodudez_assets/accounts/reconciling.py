"""What the star's own checks compare: facts with sources, snapshots with facts, members with who refers to them, versions in time.

Each compares two independent ways to one number, exactly: a decimal differs by its last digit.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import polars as pl

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.contracts.accounts import GREATEST
from cryptodudez_assets.contracts.base import EXACT
from cryptodudez_assets.derived import Finding, Frames, TableCheck

OVERFLOW = "overflow in decimal"
"""So Polars says that a sum is greater than its decimal."""
TOO_GREAT = (
    f"amounts come to 1e{EXACT.precision - EXACT.scale} or more, which nothing here can keep. Rows of {GREATEST:,} or more "
    "are set aside since this release: `cryptodudez rebuild` accounts.deposits and accounts.withdrawals, which have such of before"
)
SHOWN = 20
"""Rows of what is wrong that a check shows."""
TRANSACTION, EVENT = "accounts.fact_transaction", "accounts.fact_event"
USER_DAY, CURRENCY_DAY = "accounts.fact_user_day", "accounts.fact_currency_day"
USER = "accounts.dim_user"


def compare(what: str, here: pl.LazyFrame, there: pl.LazyFrame, by: Sequence[str]) -> Finding:
    """Whether two tables say the same, row by row of `by`. `what` the rows are, such as days and currencies.

    Sums that no decimal of ours can keep are a difference, too: what they are cannot be told.
    """
    measures = [name for name in here.collect_schema() if name not in by]
    both = here.join(
        there.select(*by, *measures), on=by, how="full", coalesce=True, nulls_equal=True, suffix="_expected"
    )
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_expected")) for name in measures)
    try:
        found = both.with_columns(differs.alias(" differs")).collect(engine="streaming")
    except pl.exceptions.ComputeError as error:
        if OVERFLOW not in str(error):
            raise
        return Finding(False, f"{what} cannot be compared: {TOO_GREAT}", {})
    wrong = found.filter(" differs").drop(" differs").sort(by)
    told = f"{len(found):,} {what} agree to the last digit"
    if len(wrong):
        told = f"{len(wrong):,} of {len(found):,} {what} differ, such as {_named(wrong, by)}"
    return Finding(wrong.is_empty(), told, {"compared": len(found), "differ": wrong.head(SHOWN)})


def _named(wrong: pl.DataFrame, by: Sequence[str]) -> str:
    first = wrong.row(0, named=True)
    return ", ".join(f"{name} {first[name]}" for name in by)


def _totals(rows: pl.LazyFrame, by: Sequence[str]) -> pl.LazyFrame:
    return rows.group_by(by).agg(n=pl.len(), amount=pl.col("amount").sum())


def _transactions_add_up(frames: Frames) -> Finding:
    by = ["kind", "date", "currency", "status"]
    sources = [
        frames[name].select(rules.day_of().alias("date"), "currency", "status", "amount", pl.lit(kind).alias("kind"))
        for name, kind in ((star.DEPOSITS, rules.DEPOSIT), (star.WITHDRAWALS, rules.WITHDRAWAL))
    ]
    return compare(
        "totals of a day, currency and status", _totals(frames[TRANSACTION], by), _totals(pl.concat(sources), by), by
    )


def _events_add_up(frames: Frames) -> Finding:
    by = ["date", "event_name"]
    facts = frames[EVENT].group_by(by).agg(n=pl.len(), logins=pl.col("is_login").sum())
    source = frames[star.EVENTS].group_by(rules.day_of().alias("date"), "event_name")
    return compare("counts of a day and event", facts, source.agg(n=pl.len(), logins=rules.is_login().sum()), by)


def _days_add_up(frames: Frames) -> Finding:
    """Each user's last row against all of his facts, and what each day adds against what it came to."""
    added = {"deposits": "deposits", "withdrawals": "withdrawals", "logins": "logins"}
    counts = {**added, **{f"{name}_all_statuses": f"{name}_all_statuses" for name in ("deposits", "withdrawals")}}
    last = (
        frames[USER_DAY]
        .group_by("user_key")
        .agg(
            *(pl.col(name).sum().cast(pl.Int64) for name in [*counts, "events"]),
            *(pl.col(f"{name}_to_date").max() for name in counts),
            pl.col("last_login").max(),
        )
    )
    of_kind = {
        name: pl.col("kind") == kind for name, kind in (("deposits", rules.DEPOSIT), ("withdrawals", rules.WITHDRAWAL))
    }
    told = {name: is_kind & rules.counts() for name, is_kind in of_kind.items()}
    told |= {f"{name}_all_statuses": is_kind for name, is_kind in of_kind.items()}
    made = (
        frames[TRANSACTION].group_by("user_key").agg(one.sum().cast(pl.Int64).alias(name) for name, one in told.items())
    )
    done = (
        frames[EVENT]
        .group_by("user_key")
        .agg(
            logins=pl.col("is_login").sum().cast(pl.Int64),
            events=pl.len().cast(pl.Int64),
            last_login=pl.col("event_ts").filter("is_login").max(),
        )
    )
    facts = made.join(done, on="user_key", how="full", coalesce=True).with_columns(
        pl.col([*counts, "events"]).fill_null(0)
    )
    facts = facts.with_columns(pl.col(name).alias(f"{name}_to_date") for name in counts)
    return compare("users", last, facts, ["user_key"])


def _currency_days_add_up(frames: Frames) -> Finding:
    by = ["kind", "currency", "date"]
    days = frames[CURRENCY_DAY].select(*by, "n", "amount", "n_all_statuses", "amount_all_statuses")
    facts = frames[TRANSACTION].with_columns(counted=rules.counts())
    all_of_them = _totals(facts, by).rename({"n": "n_all_statuses", "amount": "amount_all_statuses"})
    counted = _totals(facts.filter("counted"), by)
    expected = all_of_them.join(counted, on=by, how="left").with_columns(pl.col("n", "amount").fill_null(0))
    return compare("days of a currency", days, expected.select(days.collect_schema().names()), by)


def _versions_follow(frames: Frames) -> Finding:
    rows = frames[USER].sort("user_key", "valid_from")
    is_first = pl.col("user_key").ne_missing(pl.col("user_key").shift())
    is_last = pl.col("user_key").ne_missing(pl.col("user_key").shift(-1))
    begins = pl.when(is_first).then(pl.lit(rules.FIRST)).otherwise(pl.col("valid_to").shift())
    wrong = (
        rows.with_columns(
            expected_from=begins,
            repeats_key=pl.col("user_version_key").is_duplicated(),
            ends=is_last & (pl.col("valid_to") != rules.END),
            marked=pl.col("is_current") != is_last,
            empty=pl.col("valid_from") >= pl.col("valid_to"),
        )
        .filter(
            (pl.col("valid_from") != pl.col("expected_from"))
            | pl.any_horizontal("repeats_key", "ends", "marked", "empty")
        )
        .collect()
    )
    n = rows.select(pl.len()).collect().item()
    told = f"{n:,} versions follow each other without hole and overlap"
    if len(wrong):
        first = _named(wrong, ["user_key", "valid_from"])
        told = f"{len(wrong):,} of {n:,} versions leave a hole, overlap or have another's key, such as {first}"
    return Finding(wrong.is_empty(), told, {"versions": n, "wrong": wrong.drop("user_id").head(SHOWN)})


def _one_user_a_key(frames: Frames) -> Finding:
    """Who has which key, as all inputs tell it."""
    told = pl.concat(
        [frames[name].select("user_key", "user_id") for name in (star.USERS, star.USER_LEVELS, "accounts.seen_users")]
    )
    users = told.group_by("user_key").agg(users=pl.col("user_id").n_unique())
    shared = users.filter(pl.col("users") > 1).sort("user_key").collect()
    words = f"{len(shared):,} keys stand for several users, such as {shared['user_key'][0]}" if len(shared) else ""
    return Finding(shared.is_empty(), words or "each key stands for one user", {"shared": shared.head(SHOWN)})


def _are_known(table: str, column: str, member_of: str, frames: Frames) -> Finding:
    """Whether each row of a table refers to a member."""
    there = _column(frames[member_of], column)
    missing = _missing(_column(frames[table], column), there)
    return _verdict(missing, column, f"of {table} are in {member_of}", member_of)


def _know_all(dimension: str, column: str, facts: Sequence[str], frames: Frames) -> Finding:
    """Whether a dimension has a member for each row of the facts."""
    missing = pl.concat([_missing(_column(frames[name], column), _column(frames[dimension], column)) for name in facts])
    return _verdict(missing.unique().sort(column), column, f"of {' and '.join(facts)} are in {dimension}", dimension)


def _column(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Of a table that is not there yet, nothing."""
    return rows.select(column) if rows.collect_schema() else pl.LazyFrame(schema={column: pl.Int64})


def _missing(told: pl.LazyFrame, there: pl.LazyFrame) -> pl.DataFrame:
    on = told.collect_schema().names()
    return told.unique().join(there, on=on, how="anti", nulls_equal=True).sort(on).collect(engine="streaming")


def _verdict(missing: pl.DataFrame, column: str, told: str, dimension: str) -> Finding:
    if missing.is_empty():
        return Finding(True, f"all {column}s {told}", {})
    words = f"{len(missing):,} {column}s have no member in {dimension}, such as {missing[column][0]}: make {dimension} first"
    return Finding(False, words, {"missing": missing.head(SHOWN)})


def members_of(table: str) -> TableCheck:
    """The check that each row of a fact names a user who is a member."""
    return TableCheck(
        "users_are_known",
        f"Each user of {table} is a member of {USER}.",
        partial(_are_known, table, "user_key", USER),
        beside=[USER],
    )


def known_to(dimension: str, column: str, facts: Sequence[str]) -> TableCheck:
    """The check that a dimension has a member for each row of facts that it is made from."""
    return TableCheck(
        "knows_all",
        f"Each {column} of {' and '.join(facts)} is a member of {dimension}.",
        partial(_know_all, dimension, column, list(facts)),
        beside=facts,
    )


_TOLD: Mapping[str, str] = {
    TRANSACTION: "By kind, UTC day, currency and status, numbers and amounts are those of the sources, to the last digit.",
    EVENT: "By UTC day and event, numbers and logins are those of the source.",
    USER_DAY: "Of each user the last row, and the sum of his days, are what all of his facts come to.",
    CURRENCY_DAY: "By kind, currency and UTC day, numbers and amounts are those of the transactions, to the last digit.",
}
TRANSACTIONS_ADD_UP = TableCheck("adds_up", _TOLD[TRANSACTION], _transactions_add_up)
EVENTS_ADD_UP = TableCheck("adds_up", _TOLD[EVENT], _events_add_up)
DAYS_ADD_UP = TableCheck("adds_up", _TOLD[USER_DAY], _days_add_up)
CURRENCY_DAYS_ADD_UP = TableCheck("adds_up", _TOLD[CURRENCY_DAY], _currency_days_add_up)
VERSIONS_FOLLOW = TableCheck(
    "versions_follow",
    "Versions of a user follow each other from 1970-01-01 to 9999-12-31 without hole and overlap, the last is the current one, and no "
    "two have one key.",
    _versions_follow,
)
ONE_USER_A_KEY = TableCheck("one_user_a_key", "No two users have one key.", _one_user_a_key)
