"""Fetches of posts die by SIGKILL at random moments, while the simulated X loses some of its answers; the range that is wanted grows.

    python -m cryptodudez_assets_tests.x_campaign

forks a fetch for each line of JSON, since importing takes longer than most of them live.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptodudez_assets.simulator.venues.x import Server, x_server
from cryptodudez_assets.venues.x.asking import Kind, Query
from cryptodudez_assets.venues.x.protocol import DOLLAR, POST_MICROS, USER_MICROS
from cryptodudez_assets_tests.x_home import ELON, TOKEN, bring, days_ago, open_home, posts_in_table, true_posts

LAST = 3
FAULTS = {"5xx": 0.03, "reset": 0.05, "cut": 0.05}
LIVES_SECONDS = 0.08
PATIENCE_SECONDS = 120.0
LEAST = Query(Kind.TIMELINE, ELON, with_users=True).worst(Kind.TIMELINE.value.least).micros
"""So much has to be left for a call, whatever it comes to."""


@dataclass
class Toll:
    """What came of a campaign. Money is in millionths of a dollar; `within`: of how many kills hit a fetch that was at work."""

    kills: int
    within: int
    posts: list[str]
    expected: list[str]
    repeats: int
    above_limit: int
    spent: int
    budget: int


class _Fetch:
    """A fetch in a process of its own."""

    def __init__(self, forks: "subprocess.Popen[str]", folder: Path, server: Server, dollars: str, first: int) -> None:
        assert forks.stdin is not None
        assert forks.stdout is not None
        self._done = folder / "done"
        self._done.unlink(missing_ok=True)
        told = [str(folder / "home"), server.url, dollars, first, [*server.world.accounts], str(self._done)]
        forks.stdin.write(json.dumps(told) + "\n")
        forks.stdin.flush()
        self._process = int(forks.stdout.readline())

    def kill(self) -> bool:
        """Whether it was at work still."""
        is_at_work = not self._done.exists()
        try:
            os.kill(self._process, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return is_at_work

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Until this is so, or it is done."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._done.exists() and not is_so():
            assert time.monotonic() < until, "it does not come to an end"
            time.sleep(0.001)

    def finish(self) -> None:
        self.wait_until(lambda: False)
        failed = self._done.read_text()
        assert not failed, failed


def carry_out(folder: Path, kills: int, seed: int) -> Toll:
    """Kill as many fetches, then let one come to the end."""
    dice = random.Random(seed)
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0)
    skew = (
        noon - datetime.now(UTC)
    ).total_seconds()  # so that the day does not end meanwhile, and all is paid for again
    first = LAST + 1 + kills // 4
    with x_server(
        token=TOKEN, seed=seed, accounts=4, posts_a_day=17, limit=60, window_seconds=2, faults=FAULTS | {"skew": skew}
    ) as server:
        users = [*server.world.accounts]
        expected = sorted(post for user in users for post in true_posts(server, days_ago(first), days_ago(LAST), user))
        budget = len(expected) * POST_MICROS + len(users) * USER_MICROS + LEAST
        home = open_home(folder / "home", server.url)
        command = [sys.executable, "-m", __name__]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forks:
            within = 0
            for number in range(kills):
                asked = server.limits.asked.total()
                fetch = _Fetch(forks, folder, server, str(budget / DOLLAR), LAST + 1 + number // 4)
                fetch.wait_until(lambda asked=asked: server.limits.asked.total() > asked)  # type: ignore[misc]
                time.sleep(dice.random() * LIVES_SECONDS)
                within += fetch.kill()
            _Fetch(forks, folder, server, str(budget / DOLLAR), first).finish()
        refused, spent, repeats = server.limits.refused.total(), server.bill.micros, server.bill.repeats
    return Toll(kills, within, posts_in_table(home), expected, repeats, refused, spent, budget)


def fetch_and_tell(home: str, url: str, dollars: str, first: int, users: list[str], done: str) -> None:
    """Fetch until everything landed or money lacks; what failed is told in the end."""
    lake = open_home(Path(home), url, dollars)
    failed: dict[str, str] = {}
    for _ in range(10):
        failed = bring(lake, days_ago(first), days_ago(LAST), user=users).failed
        if not failed:
            break
    Path(f"{done}.new").write_text(json.dumps(failed) if failed else "")
    Path(f"{done}.new").replace(done)


def fork_fetches() -> None:
    """One for each line; tells its process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        process = os.fork()
        if not process:
            fetch_and_tell(*json.loads(line))
            os._exit(0)
        print(process, flush=True)


if __name__ == "__main__":
    fork_fetches()
