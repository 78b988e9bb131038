"""Histories of accounts as files: CSV as a database exports it, in its spellings; and what a correct ingest keeps of them."""

from pathlib import Path

import polars as pl

from cryptodudez_assets.simulator.accounts import Accounts, Portion, portions
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.truth import Archive, Member, SourceTruth

BOM = b"\xef\xbb\xbf"
HISTORIES = {"deposits": "deposits", "withdrawals": "withdrawals", "events": "events", "user_levels": "levels"}
"""Sources, and what the simulation calls their facts."""
KEYS = {"user_levels": ["user_id", "event_ts", "level", "jurisdiction"]}
RANK = pl.col("status").replace_strict({"complete": 2, "failed": 1}, default=0, return_dtype=pl.Int64)


def write_accounts(job: Job) -> dict[str, SourceTruth]:
    """Write the files of all five sources, and the truth."""
    size = job.size
    accounts = Accounts(
        users=size.account_users,
        deposits=size.account_users * 12,
        withdrawals=size.account_users * 8,
        events=size.account_users * 60,
        levels=size.account_users * 2,
        days=size.account_days,
        last_day=job.last_day,
        seed=job.seed,
    )
    return {name: _write_history(job, accounts, name) for name in HISTORIES} | {"users": _write_users(job, accounts)}


def write_histories(folder: Path, accounts: Accounts) -> list[Path]:
    """Write `<folder>/<source>/…csv` without the truth, in memory that does not grow with the number of facts."""
    written = []
    for source in HISTORIES:
        for number, rows in enumerate(portions(accounts, HISTORIES[source])):
            written.append(_written(_place(folder, source, number), rows, source, number))
    users = _place(folder, "users", 0)
    users.write_bytes(_list_of(accounts.listed()))
    return [*written, users]


def _place(folder: Path, source: str, number: int) -> Path:
    path = folder / source / _name(source, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _name(source: str, number: int) -> str:
    return f"{source}_{number + 1:03}.csv"


def _written(path: Path, rows: Portion, source: str, number: int) -> Path:
    with path.open("wb") as out:
        if source == "deposits" and number == 0:  # one was saved by a spreadsheet, with two columns more
            out.write(BOM)
            rows = rows.with_columns(type=pl.lit("deposits"))
        as_written(rows, source).write_csv(out)
    return path


def as_written(rows: Portion, source: str) -> pl.DataFrame:
    """Facts as the text of their files."""
    second, fraction = pl.col("event_ts").dt.to_string("%Y-%m-%d %H:%M:%S"), pl.col("event_ts").dt.to_string("%6f")
    point = pl.when(pl.col("digits") > 0).then(pl.lit(".")).otherwise(pl.lit(""))
    at = pl.concat_str(second, point, fraction.str.slice(0, pl.col("digits")), pl.lit("+00")).alias("event_timestamp")
    user = pl.col("user_id")
    if source == "events":
        return rows.select("id", at, user, "event_name")
    if source == "user_levels":
        return rows.select(user, "jurisdiction", "level", at)
    whole = pl.col("whole").cast(pl.String)
    all_digits = pl.concat_str(whole, pl.lit("."), pl.col("behind").cast(pl.String).str.zfill(18))
    if source == "withdrawals":
        return rows.select(
            "id", at, user, all_digits.alias("amount"), "interface", "currency", pl.col("status").alias("tx_status")
        )
    short = (
        pl.when(pl.col("behind") == 0)
        .then(whole)
        .when((pl.col("whole") == 0) & (pl.col("behind") == 10**13))
        .then(pl.lit("1.00E-05"))
        .otherwise(all_digits.str.strip_chars_end("0"))
    )
    more = ["interface", "type"] if "type" in rows.columns else []
    return rows.select("id", at, user, short.alias("amount"), "currency", pl.col("status").alias("tx_status"), *more)


def _list_of(users: pl.Series) -> bytes:
    """The header, a blank line, the users."""
    return ("user_id\n\n" + "".join(f"{user}\n" for user in users)).encode()


def _write_users(job: Job, accounts: Accounts) -> SourceTruth:
    """The list as it is, and one that was made earlier, so that it repeats half of it."""
    users = accounts.listed()
    parts = [users.head(len(users) // 2), users]
    archives = []
    for number, part in enumerate(parts):
        job.loose("users", _name("users", number)).write_bytes(_list_of(part))
        archives.append(_account("users", number, len(part)))
    job.truth("users", users.to_frame())
    return SourceTruth.of(archives, valid=len(users), duplicate=len(parts[0]))


def _write_history(job: Job, accounts: Accounts, source: str) -> SourceTruth:
    archives, read = [], []
    for number, rows in enumerate(portions(accounts, HISTORIES[source])):
        _written(job.loose(source, _name(source, number)), rows, source, number)
        archives.append(_account(source, number, len(rows)))
        read.append(_meant(rows, source, number))
    everything = pl.concat(read)
    kept = _newest(everything, source)
    job.truth(source, kept)
    return SourceTruth.of(archives, valid=len(kept), duplicate=len(everything) - len(kept))


def _account(source: str, number: int, n_rows: int) -> Archive:
    return Archive(_name(source, number), (Member("", ignored=False, rows=n_rows, bad=()),))


def _meant(rows: Portion, source: str, number: int) -> pl.DataFrame:
    """What the rows of a file say."""
    rows = rows.with_columns(pl.col("id").cast(pl.String)) if "id" in rows.columns else rows
    if "whole" in rows.columns:
        amount = pl.concat_str("whole", pl.lit("."), pl.col("behind").cast(pl.String).str.zfill(18))
        is_told = source == "withdrawals" or number == 0
        rows = rows.with_columns(amount=amount.cast(pl.Decimal(38, 18)), rank=RANK).drop("whole", "behind")
        rows = rows if is_told else rows.with_columns(interface=pl.lit(None, pl.String))
    return rows.drop("digits")


def _newest(rows: pl.DataFrame, source: str) -> pl.DataFrame:
    """Of the rows with one key the one that counts."""
    order = ["event_ts", "rank", "status", "amount", "currency", "user_id", "interface"]
    there = [name for name in (*order, "event_name") if name in rows.columns]
    key = KEYS.get(source, ["id"])
    return rows.sort(there).unique(key, keep="last", maintain_order=True).drop("rank", strict=False).sort(key)
