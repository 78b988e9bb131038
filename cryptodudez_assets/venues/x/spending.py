"""What is spent at X: every call's worst case is kept back in a database before the call, and what it came to is written behind it.

All processes that share the database share the budget. Prices are in `protocol.py`; who asks for what, in `client.py`. Days and months
are those of UTC by X's own clock, since X counts by them: the same post twice in a day is paid for once.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cryptodudez_assets.venues.pages import Database
from cryptodudez_assets.venues.x import protocol
from cryptodudez_assets.venues.x.asking import Worst
from cryptodudez_assets.venues.x.protocol import POST_MICROS, USER_MICROS, dollars

KEPT_DAYS = 2
"""So many days it is remembered what was paid for: the day's own, and the one before for what is asked at midnight."""
TABLES = (
    """CREATE TABLE IF NOT EXISTS x_calls (
        id TEXT PRIMARY KEY, request TEXT NOT NULL, since TEXT NOT NULL, day TEXT NOT NULL, month TEXT NOT NULL, state TEXT NOT NULL,
        micros BIGINT NOT NULL, posts BIGINT NOT NULL, asked_at TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS x_calls_of_month ON x_calls (month, state)",
    "CREATE TABLE IF NOT EXISTS x_paid (day TEXT NOT NULL, what TEXT NOT NULL, PRIMARY KEY (day, what))",
    "CREATE TABLE IF NOT EXISTS x_elsewhere (month TEXT PRIMARY KEY, posts BIGINT NOT NULL, checked_at TEXT NOT NULL)",
)
# A call of which nothing was heard is asked again on the same day: what X counted then, it does not count once more.
LOST_ONES = "request = ? AND since >= ? AND day = ? AND posts <= ? AND state = 'open'"
LOST = f"SELECT coalesce(sum(micros), 0), coalesce(max(posts), 0) FROM x_calls WHERE {LOST_ONES}"
COVER = f"UPDATE x_calls SET state = 'covered', micros = 0, posts = 0 WHERE {LOST_ONES}"
OPEN = "INSERT INTO x_calls VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?)"
SETTLE = """UPDATE x_calls SET state = 'settled', micros = CASE state WHEN 'settled' THEN micros ELSE 0 END + ?,
    posts = CASE state WHEN 'settled' THEN posts ELSE 0 END + ? WHERE id = ?"""
SPENT = "SELECT coalesce(sum(micros), 0), coalesce(sum(posts), 0) FROM x_calls WHERE month = ?"
OF_TODAY = "SELECT 1 FROM x_calls WHERE day = ? AND state = 'open' LIMIT 1"
PENDING = "SELECT coalesce(sum(micros), 0) FROM x_calls WHERE month = ? AND state = 'open'"
PAY = "INSERT INTO x_paid VALUES (?, ?) ON CONFLICT DO NOTHING"
IS_PAID = "SELECT 1 FROM x_paid WHERE day = ? AND what = ?"
FORGET = "DELETE FROM x_paid WHERE day < ?"
ELSEWHERE = "SELECT posts FROM x_elsewhere WHERE month = ?"
TELL_ELSEWHERE = """INSERT INTO x_elsewhere VALUES (?, ?, ?) ON CONFLICT (month) DO UPDATE
    SET posts = excluded.posts, checked_at = excluded.checked_at"""


class OverBudget(RuntimeError):
    """A call is not made, since it might cost more than what is left of the month's budget.

    `may_change`: money is kept back for calls of today that are under way, or were lost and can be asked again.
    """

    def __init__(self, told: str, *, may_change: bool) -> None:
        super().__init__(told)
        self.may_change = may_change


@dataclass(frozen=True)
class Call:
    """A call for which money is kept back."""

    id: str
    posts: int


@dataclass(frozen=True)
class Spent:
    """How the month's budget stands, in millionths of a dollar.

    `spent` is of calls that were answered, `pending` is kept back for those of which nothing is known (yet), and `elsewhere` is what X
    counts beyond them: posts that were read by others with the same account.
    """

    month: str
    budget: int
    spent: int
    pending: int
    elsewhere: int

    @property
    def left(self) -> int:
        """What may still be spent."""
        return max(0, self.budget - self.spent - self.pending - self.elsewhere)

    @property
    def told(self) -> str:
        """In one line."""
        more = f", {dollars(self.pending)} kept back for calls without an answer" if self.pending else ""
        others = f", {dollars(self.elsewhere)} read elsewhere with this account" if self.elsewhere else ""
        spent = f"{dollars(self.spent)} of {dollars(self.budget)} spent{more}{others}"
        return f"{spent}; {dollars(self.left)} left in {self.month}"


class Spending:
    """The budget of one account at X. Safe for threads and processes.

    `budget`: millionths of a dollar for a calendar month. `clock`: X's time, as well as it is known.
    """

    def __init__(self, database: Database, budget: int, clock: Callable[[], datetime]) -> None:
        self._database, self._budget, self._clock = database, budget, clock

    def reserve(self, request: str, since: datetime, worst: Callable[[int], Worst], least: int, most: int) -> Call:
        """Keep back what a call may cost at most: of as many posts as can be paid for, `most` or fewer.

        `request` says what is asked for, whatever the size of the page; `since`: from when on, where that is no matter but for the last
        page. Raises OverBudget where there is not enough for `least` posts.
        """
        with self._database.transaction():
            now = self._clock()
            day, month = _day(now), _month(now)
            told = (request, protocol.time_text(since), day)
            lost, lost_posts = self._database.run(LOST, (*told, most))[0]
            standing = self._standing(month)
            room = self._budget - standing.spent - standing.pending - standing.elsewhere + int(lost)
            posts = _affordable(room, worst, max(least, int(lost_posts)), most)
            if posts is None:
                may_change = bool(self._database.run(OF_TODAY, (day,)))
                told_cost = f"the next call may cost {dollars(worst(least).micros)}"
                raise OverBudget(f"{told_cost}: {standing.told}", may_change=may_change)
            self._database.run(COVER, (*told, posts))
            call = Call(uuid.uuid4().hex, posts)
            cost = worst(posts)
            self._database.run(OPEN, (call.id, *told, month, cost.micros, cost.posts, now.isoformat()))
        return call

    def settle(self, call: Call, posts: Iterable[str], users: Iterable[str], days: Sequence[date]) -> int:
        """Write down what was read, in place of the worst case. Returns what it cost, in millionths of a dollar.

        `days`: the UTC days, by X's clock, on which X may have counted it. At midnight they are two: only what was paid for on both
        is free then.
        """
        told = [day.isoformat() for day in days]
        with self._database.transaction():
            new_posts = sum(self._pay(told, f"post {one}") for one in dict.fromkeys(posts))
            new_users = sum(self._pay(told, f"user {one}") for one in dict.fromkeys(users))
            micros = new_posts * POST_MICROS + new_users * USER_MICROS
            self._database.run(SETTLE, (micros, new_posts, call.id))
            self._database.run(FORGET, (_day(self._clock() - timedelta(days=KEPT_DAYS)),))
        return micros

    def check(self, posts: int) -> Spent:
        """Compare with how many posts X says were read this month, whoever did; what it counts beyond ours is spent as well."""
        with self._database.transaction():
            now = self._clock()
            month = _month(now)
            _, ours = self._database.run(SPENT, (month,))[0]
            elsewhere = max(0, posts - int(ours), self._elsewhere(month))
            self._database.run(TELL_ELSEWHERE, (month, elsewhere, now.isoformat()))
            return self._standing(month)

    def standing(self) -> Spent:
        """How the month's budget stands now."""
        return self._standing(_month(self._clock()))

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def _standing(self, month: str) -> Spent:
        total, _ = self._database.run(SPENT, (month,))[0]
        (pending,) = self._database.run(PENDING, (month,))[0]
        elsewhere = self._elsewhere(month) * POST_MICROS
        return Spent(month, self._budget, int(total) - int(pending), int(pending), elsewhere)

    def _elsewhere(self, month: str) -> int:
        rows = self._database.run(ELSEWHERE, (month,))
        return int(rows[0][0]) if rows else 0

    def _pay(self, days: Sequence[str], what: str) -> bool:
        """Note that this was paid for, on the first of these days. Returns whether it was not before."""
        is_free = all(self._database.run(IS_PAID, (day, what)) for day in days)
        self._database.run(PAY, (days[0], what))
        return not is_free


def _affordable(room: int, worst: Callable[[int], Worst], least: int, most: int) -> int | None:
    """How many posts may be asked for with so much money; None where it is not enough for the fewest that X gives."""
    while most > least and worst(most).micros > room:
        most -= 1
    return most if worst(most).micros <= room else None


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _month(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m}"
