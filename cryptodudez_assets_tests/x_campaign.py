"""Fetches of posts die by SIGKILL while the simulated X keeps an answer back and loses others; the range that is wanted grows.

An answer that is kept back was paid for. What goes on meanwhile (four series are asked for at once) is hit at any moment.
"""

import json
import random
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptodudez_assets.simulator.venues.x import x_server
from cryptodudez_assets.venues.x.asking import Kind, Query
from cryptodudez_assets.venues.x.protocol import DOLLAR, POST_MICROS, USER_MICROS
from cryptodudez_assets_tests.killing import Forks, fork_for_each_line
from cryptodudez_assets_tests.x_home import ELON, QUICK, TOKEN, bring, days_ago, open_home, posts_in_table, true_posts

LAST = 3
ACCOUNTS = 4
"""Each day that is wanted more is at least so many requests."""
FAULTS = {"5xx": 0.03, "reset": 0.05, "truncated": 0.05}
LIVES_SECONDS = 0.08
"""So long at most a fetch lives on while an answer is kept back."""
PATIENT = replace(QUICK, read_timeout=60, whole_answer=60)
"""Longer than it takes to be killed."""
LEAST = Query(Kind.TIMELINE, ELON, with_users=True).worst(Kind.TIMELINE.value.least).micros
"""So much has to be left for a call, whatever it comes to."""


@dataclass
class Toll:
    """What came of a campaign. Money is in millionths of a dollar; `within`: of how many kills hit a fetch that was at work."""

    within: int
    posts: list[str]
    expected: list[str]
    repeats: int
    above_limit: int
    spent: int
    budget: int


def carry_out(folder: Path, kills: int, seed: int) -> Toll:
    """Kill as many fetches, then let one come to the end."""
    dice = random.Random(seed)
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0)
    # So that the day does not end meanwhile, and all is paid for again.
    skew = (noon - datetime.now(UTC)).total_seconds()
    last = days_ago(LAST)
    first = last - timedelta(days=kills)
    # Requests of the killed are taken for under way for a while, and count.
    limit = 20 + 3 * kills
    with x_server(
        token=TOKEN,
        seed=seed,
        accounts=ACCOUNTS,
        posts_a_day=17,
        limit=limit,
        window_seconds=2,
        faults=FAULTS | {"skew": skew},
    ) as server:
        users = [*server.world.accounts]
        expected = sorted(post for user in users for post in true_posts(server, first, last, user))
        budget = len(expected) * POST_MICROS + len(users) * USER_MICROS + LEAST
        home = open_home(folder / "home", server.url)
        told = (str(folder / "home"), server.url, str(budget / DOLLAR), last.isoformat(), users)
        within = 0
        with Forks(__name__, folder) as forks:
            for number in range(kills):
                kept_back = server.struck["hang"] + 1
                # The very first request asks what was counted, and is not paid for.
                server.force("hang", after=dice.randrange(number == 0, ACCOUNTS))
                fetch = forks.begin(*told, (last - timedelta(days=number)).isoformat())
                fetch.wait_until(lambda kept_back=kept_back: server.struck["hang"] == kept_back)  # type: ignore[misc]
                time.sleep(dice.random() * LIVES_SECONDS)
                within += fetch.kill()
            forks.begin(*told, first.isoformat()).finish()
        refused, spent, repeats = server.limits.refused.total(), server.bill.micros, server.bill.repeats
    return Toll(within, posts_in_table(home), expected, repeats, refused, spent, budget)


def fetch_and_tell(home: str, url: str, dollars: str, last: str, users: list[str], first: str) -> str:
    """Fetch until everything landed or money lacks; tells what failed in the end."""
    lake = open_home(Path(home), url, dollars)
    failed: dict[str, str] = {}
    for _ in range(10):
        failed = bring(lake, date.fromisoformat(first), date.fromisoformat(last), PATIENT, user=users).failed
        if not failed:
            return ""
    return json.dumps(failed)


if __name__ == "__main__":
    fork_for_each_line(fetch_and_tell)
