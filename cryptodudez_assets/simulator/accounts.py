"""Histories of an exchange's accounts: who there is, what they paid in and drew out, what they did, which levels they had.

They are as real ones are: a few people do most of it, files repeat rows of each other, rows come late and not in the order of time,
what was pending is told again when it is complete, and ids of deposits and of withdrawals are two sequences that collide. How rows
are written is in `account_files.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import polars as pl

DAY_US = 86_400_000_000
CURRENCIES: Mapping[str, float] = {
    **{"mxn": 0.38, "btc": 0.17, "eth": 0.08, "xrp": 0.07, "ars": 0.06, "usd": 0.05, "ltc": 0.04, "bat": 0.03},
    **{"mana": 0.03, "tusd": 0.03, "dai": 0.02, "bch": 0.02, "gnt": 0.01, "tigres": 0.01},
}
EVENT_NAMES: Mapping[str, float] = {
    **{"login": 0.55, "login_api": 0.16, "2falogin": 0.12, "email_verified": 0.03, "level_change_up": 0.03},
    **{"cookies_accepted": 0.03, "api_key_created": 0.02, "2fa_wrong": 0.02, "2faon": 0.01, "2faoff": 0.01},
    **{"document_verified": 0.01, "account_suspended": 0.01},
}
STATUSES: Mapping[str, float] = {"complete": 0.64, "failed": 0.34, "pending": 0.02}
INTERFACES: Mapping[str, float] = {"web": 0.5, "app": 0.4, "api": 0.1}
JURISDICTIONS: Mapping[str, float] = {"mx": 0.7, "ar": 0.2, "co": 0.07, "gi": 0.03}
FRACTIONS = {3: 0.895, 2: 0.09, 1: 0.009, 6: 0.004, 4: 0.001, 0: 0.001}
"""With how many digits of a second times are written."""
LATE, REPEATED, SETTLED_LATER, TIED = 0.02, 0.02, 0.01, 0.005
"""Shares of rows that come with a later file, are there twice, are told again when they are settled, or at one time with two statuses."""
FIRST_IDS = {"deposits": 3521, "withdrawals": 3471, "events": 100_001}
HIDDEN = 20
"""One user in so many is in no list of users."""
IDLE = 10
"""One in so many never pays in."""
LARGEST = 6_800_000_000_000


@dataclass(frozen=True)
class Accounts:
    """How much to simulate: of each history so many facts, over so many days up to the last one, in so many files of equal spans."""

    users: int
    deposits: int
    withdrawals: int
    events: int
    levels: int
    days: int
    last_day: date
    seed: int = 7
    files: int = 3

    def rng(self, *names: object) -> np.random.Generator:
        """Random numbers of one purpose."""
        told = "/".join(map(str, (self.seed, *names))).encode()
        return np.random.Generator(np.random.PCG64(list(told)))

    @property
    def first_us(self) -> int:
        """When the first day begins, in microseconds since 1970."""
        first = datetime.combine(self.last_day - timedelta(days=self.days - 1), time(), UTC)
        return int(first.timestamp()) * 1_000_000

    def user_ids(self) -> pl.Series:
        """Everybody, those who are in no list, too."""
        told = self.rng("users").bytes(16 * self.users).hex()
        return pl.Series("user_id", [told[at : at + 32] for at in range(0, len(told), 32)])

    def listed(self) -> pl.Series:
        """Who is in the list of users."""
        users = self.user_ids()
        return users.filter(pl.int_range(len(users), eager=True) % HIDDEN != HIDDEN - 1)


Portion = pl.DataFrame
"""Facts as typed columns; `digits`: of a second, as which `event_ts` is written."""
Draw = Callable[[Accounts, np.random.Generator, int], dict[str, Any]]


def portions(accounts: Accounts, history: str) -> Iterator[Portion]:
    """What each file of a history holds, in bounded memory: the facts of its span, what is repeated, and what came late."""
    n, draw = (getattr(accounts, history), DRAWN[history])
    late = pl.DataFrame()
    done = 0
    for number in range(accounts.files):
        end = n * (number + 1) // accounts.files
        rng = accounts.rng(history, number)
        facts = _facts(accounts, history, rng, number, done, end - done, draw)
        done = end
        rows = _shuffled(pl.concat([facts, *_again(facts, history, rng)]), rng)
        is_late = _some(rng, len(rows), LATE if number < accounts.files - 1 else 0)
        yield pl.concat([rows.filter(~is_late), late]) if len(late) else rows.filter(~is_late)
        late = rows.filter(is_late)


def _facts(
    accounts: Accounts, history: str, rng: np.random.Generator, number: int, first: int, n: int, draw: Draw
) -> Portion:
    span = accounts.days * DAY_US // accounts.files
    begin = accounts.first_us + number * span
    digits = _chosen(rng, n, FRACTIONS)
    unit = np.power(10, 6 - np.asarray(digits, np.int64))
    times = np.sort(rng.integers(begin, begin + span, n)) // unit * unit
    users = accounts.user_ids()
    # A few do most of it: the share of a user falls with its number.
    at = (len(users) * rng.random(n) ** 3).astype(np.int64)
    if history == "deposits":
        at = np.where(at % IDLE == IDLE - 1, at - 1, at)
    chosen = users.gather(at)
    ids = {"id": np.arange(first, first + n) + FIRST_IDS[history]} if history in FIRST_IDS else {}
    rows = pl.DataFrame({**ids, "event_ts": times, "digits": digits, "user_id": chosen, **draw(accounts, rng, n)})
    rows = rows.with_columns(pl.col("event_ts").cast(pl.Datetime("us", "UTC")))
    return _with_a_negative(rows, rng) if history == "withdrawals" and n else rows


def _with_a_negative(rows: Portion, rng: np.random.Generator) -> Portion:
    """One failed withdrawal is of less than nothing."""
    there = pl.int_range(pl.len()) == int(rng.integers(len(rows)))
    odd = {"whole": pl.lit(-10), "behind": pl.lit(0), "status": pl.lit("failed")}
    return rows.with_columns(pl.when(there).then(value).otherwise(name).alias(name) for name, value in odd.items())


def _transactions(accounts: Accounts, rng: np.random.Generator, n: int) -> dict[str, Any]:
    whole = np.exp(rng.normal(3, 3, n)).astype(np.int64)
    behind = np.where(rng.random(n) < 0.5, rng.integers(0, 10**18, n), rng.integers(0, 100, n) * 10**16)
    behind = np.where((rng.random(n) < 0.3) & (whole > 0), 0, behind)
    behind = np.where((whole == 0) & (behind == 0), 10**13, behind)
    if n:
        whole[rng.integers(n)] = LARGEST
    return {
        "whole": whole,
        "behind": behind,
        "currency": _chosen(rng, n, CURRENCIES),
        "status": _chosen(rng, n, STATUSES),
        "interface": _chosen(rng, n, INTERFACES),
    }


def _events(accounts: Accounts, rng: np.random.Generator, n: int) -> dict[str, Any]:
    return {"event_name": _chosen(rng, n, EVENT_NAMES)}


def _levels(accounts: Accounts, rng: np.random.Generator, n: int) -> dict[str, Any]:
    return {"jurisdiction": _chosen(rng, n, JURISDICTIONS), "level": rng.integers(0, 4, n)}


DRAWN: Mapping[str, Draw] = {
    "deposits": _transactions,
    "withdrawals": _transactions,
    "events": _events,
    "levels": _levels,
}


def _again(facts: Portion, history: str, rng: np.random.Generator) -> Iterator[Portion]:
    """Rows that are told once more: as they are, or with what became of them."""

    def some(share: float) -> Portion:
        return facts.filter(_some(rng, len(facts), share))

    yield some(REPEATED)
    if "status" in facts.columns:
        yield some(SETTLED_LATER).with_columns(pl.col("event_ts") + pl.duration(minutes=7), status=pl.lit("complete"))
        yield some(TIED).with_columns(status=pl.lit("failed"))
    if history == "levels":  # at one time another level
        yield some(SETTLED_LATER * 3).with_columns(level=(pl.col("level") + 1) % 4)


def _shuffled(rows: Portion, rng: np.random.Generator) -> Portion:
    """Nearly in order: a database hands out rows as they lie in its pages."""
    at = np.arange(len(rows)) + rng.normal(0, 20, len(rows))
    return rows[np.argsort(at, kind="stable")]


def _some(rng: np.random.Generator, n: int, share: float) -> pl.Series:
    """Which of `n` are among so many of them: one at least, unless there are to be none."""
    at = rng.random(n) < share
    if share and n and not at.any():
        at[rng.integers(n)] = True
    return pl.Series(at)


def _chosen(rng: np.random.Generator, n: int, of: Mapping[Any, float]) -> pl.Series:
    shares = np.fromiter(of.values(), float)
    names = pl.Series([*of])
    return names.gather(rng.choice(len(of), n, p=shares / shares.sum()))
