"""The star of accounts from its sources: all of it, one more day, its checks, and DuckDB doing the same joins and windows.

Histories are made up at run time. By default they are files that are landed and ingested, which is timed apart; `--straight` writes
them into the sources' tables, for sizes at which ingest would take longer than anything else. Each step is a process of its own, with
two threads, so that its memory is its own. DuckDB reads the same Parquet files, in the same call, and must come to the same numbers.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pyiceberg.table import Table

from cryptodudez_assets.accounts import star
from cryptodudez_assets.contracts.keys import durable_key
from cryptodudez_assets.derived import all_derived, topological
from cryptodudez_assets.derived.upkeep.looking import look
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.iceberg.kept import Kept
from cryptodudez_assets.lake.iceberg.scan import planned_files
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.store.places import path_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.account_files import write_histories
from cryptodudez_assets.simulator.accounts import CURRENCIES, EVENT_NAMES, STATUSES, Accounts
from cryptodudez_assets.sources import all_sources

LAST_DAY, DAYS = date(2023, 8, 23), 1300
STEPS = ("bring", "derive", "duckdb", "one_more_day", "check")
ROWS_AT_A_TIME = 1_000_000
SAME = {
    "fact_transaction": "count(*), sum(amount), count(DISTINCT user_key)",
    "fact_event": "count(*), sum(is_login::INT), max(event_ts)",
    "fact_user_day": "count(*), sum(deposits_to_date)::BIGINT, sum(withdrawals_all_statuses_to_date)::BIGINT, "
    "sum(logins_to_date)::BIGINT, max(last_login)",
    "fact_currency_day": "count(*), sum(n), sum(amount), sum(users_all_statuses)",
    "seen_users": "count(*), min(first_seen), max(first_seen)",
    "dim_user": "count(*), sum(level), count(DISTINCT user_key)",
}
"""What must be the same in our tables and in DuckDB's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--straight", action="store_true", help="write the sources' tables, without files")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.step:
        if (
            told.step == "one_more_day"
        ):  # a run is forked from a process that has loaded everything: one day goes before
            bring_a_day(told, 1)
            derive(told)
            bring_a_day(told, 2)
        print(json.dumps(measured(lambda: STEP[told.step](told))))
        return
    with tempfile.TemporaryDirectory() as home:
        done = {step: carried_out(step, home) for step in STEPS}
    shown(done)


def carried_out(step: str, home: str) -> dict[str, Any]:
    """A step in a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--step", step, "--home", home]
    environment = os.environ | {"POLARS_MAX_THREADS": "2"}
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    done: dict[str, Any] = json.loads(answer.splitlines()[-1])
    print(
        f"{step:14}{done['cpu']:10.2f} s CPU{done['wall']:10.2f} s{done['peak']:8,.0f} MiB  {done['said']}", flush=True
    )
    return done


def measured(work: Callable[[], object]) -> dict[str, Any]:
    """What a piece of work took, beyond what the process had taken before."""
    began, cpu = time.monotonic(), time.process_time()
    said = work()
    spent = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - began}
    return {**spent, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "said": said}


def shown(done: Mapping[str, Mapping[str, Any]]) -> None:
    """The numbers that count."""
    whole, day, duck = (done[step]["cpu"] for step in ("derive", "one_more_day", "duckdb"))
    print(f"CPU of all of it / DuckDB: {whole / duck:.2f}; one more day / all of it: {day / whole:.2%}")
    print(f"peak: {max(done[step]['peak'] for step in ('derive', 'one_more_day')):,.0f} MiB")
    ours, theirs = done["derive"]["said"], done["duckdb"]["said"]
    assert ours == theirs, f"DuckDB comes to other numbers:\n{ours}\n{theirs}"
    print("DuckDB comes to the same numbers")


def lake_in(home: Path) -> Lake:
    return Lake.open(Settings(home=home / "home", settle_seconds=0), all_sources())


def tables() -> list[Any]:
    return [table for table in topological(all_derived().values()) if table.group == "accounts"]


def bring(told: argparse.Namespace) -> str:
    """The sources' tables, with all but the last day."""
    accounts = Accounts(
        users=told.users,
        deposits=told.transactions * 6 // 10,
        withdrawals=told.transactions * 4 // 10,
        events=told.events,
        levels=told.users * 2,
        days=DAYS,
        last_day=LAST_DAY,
        files=max(3, told.events // 2_000_000),
    )
    lake = lake_in(told.home)
    if told.straight:
        write_straight(lake, accounts)
        return "straight"
    began = time.process_time()
    paths = write_histories(told.home / "files", accounts)
    made = time.process_time() - began
    for name in ("deposits", "withdrawals", "events", "user_levels", "users"):
        take_in(lake, name, [path for path in paths if path.parent.name == name])
    return f"of which {made:.1f} s to make the files up"


def take_in(lake: Lake, name: str, paths: list[Path]) -> None:
    list(land(lake, name, paths))
    catalogue_objects(lake, all_sources()[name], discover_all(lake, name))
    ingest(lake, all_sources()[name])


def write_straight(lake: Lake, accounts: Accounts) -> None:
    """Facts in the order of time, each id once, without files."""
    first = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, tzinfo=UTC) - timedelta(days=DAYS - 1)
    for name in ("deposits", "withdrawals", "events"):
        n = getattr(accounts, name)
        with lake.tables.changing(table_spec(all_sources()[name])) as change:
            for begin in range(0, n, ROWS_AT_A_TIME):
                end = min(n, begin + ROWS_AT_A_TIME)
                since, until = (first + timedelta(days=DAYS) * (at / n) for at in (begin, end))
                change.add(facts(accounts, name, begin, end - begin, since, until))
    everybody = keyed(accounts)
    rest = {"known_ts": pl.lit(first), "file_id": pl.lit("f"), "file_row": pl.lit(1, pl.Int64)}
    null = {"extra": pl.lit(None, pl.String)}
    users = everybody.with_columns(event_ts=pl.lit(first), precedence=pl.lit(0, pl.Int64), **rest, **null)
    levels = users.drop("precedence").with_columns(jurisdiction=pl.lit("mx"), level=pl.lit(1, pl.Int64))
    levels = pl.concat([levels, levels.with_columns(pl.col("event_ts") + pl.duration(days=90), pl.col("level") + 1)])
    for name, rows in (("users", users), ("user_levels", levels)):
        with lake.tables.changing(table_spec(all_sources()[name])) as change:
            change.add(rows)


def keyed(accounts: Accounts) -> pl.DataFrame:
    users = accounts.user_ids()
    return pl.DataFrame({"user_id": users, "user_key": [durable_key(user) for user in users]})


KEYED: dict[int, pl.DataFrame] = {}


def facts(accounts: Accounts, name: str, first: int, n: int, since: datetime, until: datetime) -> pl.DataFrame:
    """Rows of a history as its table has them."""
    rng = accounts.rng(name, first)
    everybody = KEYED.setdefault(accounts.users, keyed(accounts))
    at = (len(everybody) * rng.random(n) ** 3).astype(np.int64)
    times = np.sort(rng.integers(int(since.timestamp() * 1e6), int(until.timestamp() * 1e6), n))
    rows = pl.DataFrame({"id": np.arange(first, first + n) + 10_000_000, "event_ts": times}).with_columns(
        pl.col("id").cast(pl.String),
        pl.col("event_ts").cast(pl.Datetime("us", "UTC")),
        *everybody[at].get_columns(),
        known_ts=pl.lit(until),
        file_id=pl.lit("f"),
        file_row=pl.lit(1, pl.Int64),
        extra=pl.lit(None, pl.String),
    )
    if name == "events":
        return rows.with_columns(event_name=chosen(rng, n, EVENT_NAMES))
    whole, behind = np.exp(rng.normal(3, 3, n)).astype(np.int64), rng.integers(0, 10**18, n)
    amount = pl.concat_str(pl.Series(whole), pl.lit("."), pl.Series(behind).cast(pl.String).str.zfill(18))
    return rows.with_columns(
        amount=amount.cast(pl.Decimal(38, 18)),
        currency=chosen(rng, n, CURRENCIES),
        status=chosen(rng, n, STATUSES),
        interface=pl.lit("app"),
        precedence=pl.lit(0, pl.Int64),
    )


def chosen(rng: np.random.Generator, n: int, of: Mapping[str, float]) -> pl.Series:
    shares = np.fromiter(of.values(), float)
    return pl.Series([*of]).gather(rng.choice(len(of), n, p=shares / shares.sum()))


def bring_a_day(told: argparse.Namespace, number: int) -> None:
    """A day's facts more, some of people who were never seen. `number`: of the day, from 1."""
    accounts = Accounts(told.users + told.users // DAYS, 0, 0, 0, 0, 1, LAST_DAY)
    lake, begin = lake_in(told.home), datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, tzinfo=UTC)
    begin += timedelta(days=number)
    n = {"deposits": told.transactions * 6 // 10, "withdrawals": told.transactions * 4 // 10, "events": told.events}
    for name, n_rows in n.items():
        rows = facts(accounts, name, 10**9 * number, n_rows // DAYS, begin, begin + timedelta(days=1))
        if told.straight:
            with lake.tables.changing(table_spec(all_sources()[name])) as change:
                change.add(rows)
            continue
        path = told.home / f"{name}_{number}.csv"
        at = pl.col("event_ts").dt.to_string("%Y-%m-%d %H:%M:%S%.6f+00").alias("event_timestamp")
        of_event = ["event_name"]
        of_money = [pl.col("amount").cast(pl.String), "currency", pl.col("status").alias("tx_status"), "interface"]
        rows.select("id", at, "user_id", *(of_event if name == "events" else of_money)).write_csv(path)
        take_in(lake, name, [path])


def derive(told: argparse.Namespace) -> Any:
    """All of the star."""
    lake = lake_in(told.home)
    with Kept.in_a_pass():  # as in a run
        for table in tables():
            began = time.process_time()
            forget_peak()
            done = materialize(lake, table)
            spent = f"{time.process_time() - began:8.2f} s CPU{done.rows:14,} rows{peak():8,.0f} MiB"
            print(f"  {table.table:28}{spent}", file=sys.stderr)
    if told.step == "one_more_day":
        return "followed"
    paths = {table.table: paths_of(lake.tables.table(table.table)) for table in tables()}
    return numbers({name.partition(".")[2]: f"read_parquet({there})" for name, there in paths.items()})


def forget_peak() -> None:
    """Of memory, so that the next one is told of what comes."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """The most memory that this process had since, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def paths_of(table: Table | None) -> list[str]:
    assert table is not None
    return [path_of(path) for path in planned_files(table)]


def numbers(relations: Mapping[str, str], connection: Any = None) -> dict[str, list[str]]:
    """What `SAME` says of tables."""
    import duckdb

    asked = connection or duckdb.connect()
    asked.execute("SET TimeZone = 'UTC'")
    return {
        name: [str(value) for value in asked.execute(f"SELECT {what} FROM {relations[name]}").fetchone()]
        for name, what in SAME.items()
    }


def in_duckdb(told: argparse.Namespace) -> Any:
    """The same tables by DuckDB, of the same files, written as Parquet."""
    import duckdb

    lake = lake_in(told.home)
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET memory_limit = '2GB'; SET TimeZone = 'UTC'")
    connection.execute("SET temp_directory = ?", [str(told.home / "spilled")])
    connection.execute("CREATE SCHEMA accounts")
    for name in (*star.HISTORIES, star.USERS, star.USER_LEVELS):
        connection.execute(f"CREATE VIEW {name} AS FROM read_parquet({paths_of(lake.tables.table(name))})")
    made = {}
    for name, text in statements():
        path = told.home / f"{name}.parquet"
        began = time.process_time()
        connection.execute(f"COPY ({text}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
        print(f"  {name:28}{time.process_time() - began:8.2f} s CPU", file=sys.stderr)
        connection.execute(f"CREATE VIEW accounts.{name} AS FROM read_parquet('{path}')")
        made[name] = f"accounts.{name}"
    return numbers(made, connection)


def statements() -> Iterator[tuple[str, str]]:
    """SQL of each table."""
    for part in Path(__file__).with_name("accounts.sql").read_text("utf-8").split("-- table ")[1:]:
        name, _, text = part.partition("\n")
        yield name.strip(), text.strip().rstrip(";")


def check(told: argparse.Namespace) -> str:
    """The star's own checks over all rows."""
    lake, n = lake_in(told.home), 0
    for table in tables():
        for one in table.checks:
            found = look(lake, table, one)
            assert found is not None
            assert found.passed, f"{table.table} {one.name}: {found.told}"
            n += 1
    return f"{n} checks passed"


STEP: Mapping[str, Callable[[argparse.Namespace], object]] = {
    "bring": bring,
    "derive": derive,
    "duckdb": in_duckdb,
    "one_more_day": derive,
    "check": check,
}


if __name__ == "__main__":
    main()
