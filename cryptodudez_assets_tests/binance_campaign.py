"""Fetches of candles die by SIGKILL while the simulated Binance keeps an answer back, and the answer before it may be landing."""

import json
import random
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptodudez_assets.feeds.binance import SYMBOLS
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.venues.binance import Options, binance_server
from cryptodudez_assets.venues.binance.protocol import MOST_CANDLES
from cryptodudez_assets_tests.binance_fetching import PATIENT, bring, days_ago
from cryptodudez_assets_tests.killing import Forks, fork_for_each_line

HOURS = {"interval": ["1h"]}
FAULTS = {"5xx": 0.05, "reset": 0.05, "truncated": 0.05}
ANSWERS_A_LIFE = 2
"""At most so many come before one is kept back."""
LIVES_SECONDS = 0.03
"""So long at most a fetch lives on while an answer is kept back."""


@dataclass
class Toll:
    """What came of a campaign. `within`: how many kills hit a fetch that was at work; `pages`: how many answers it takes."""

    within: int
    pages: int
    calls: int
    faults: int
    early: int


def carry_out(folder: Path, kills: int, seed: int) -> Toll:
    """Kill as many fetches of hours, then let one come to the end. The days are `wanted(kills)`."""
    dice = random.Random(seed)
    first, last = wanted(kills)
    within = 0
    with (
        binance_server(Options(limit=6000, minute=1.0), faults=FAULTS) as server,
        Forks(__name__, folder) as forks,
    ):
        told = (str(folder / "home"), server.url, first.isoformat(), last.isoformat())
        for _ in range(kills):
            kept_back = server.struck["hang"] + 1
            server.force("hang", after=dice.randrange(ANSWERS_A_LIFE + 1))
            fetch = forks.begin(*told)
            fetch.wait_until(lambda kept_back=kept_back: server.struck["hang"] == kept_back)  # type: ignore[misc]
            time.sleep(dice.random() * LIVES_SECONDS)
            within += fetch.kill()
        forks.begin(*told).finish()
        counts, faults = server.counts, sum(server.struck.values())
    return Toll(within, len(SYMBOLS) * pages_of(kills), counts.calls, faults, counts.early)


def pages_of(kills: int) -> int:
    """Answers for each pair, so that there is something to ask for at each kill."""
    return ANSWERS_A_LIFE * kills // len(SYMBOLS) + 2


def wanted(kills: int) -> tuple[date, date]:
    """The days, which are as many whole answers for each pair."""
    return days_ago(pages_of(kills) * MOST_CANDLES // 24), days_ago(1)


def home_in(folder: Path) -> Lake:
    """The lake of the home that is fetched into."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return Lake.open(Settings(home=home, lake="", catalog=""), {})


def fetch_and_tell(home: str, url: str, first: str, last: str) -> str:
    """Fetch all of it; tells what failed."""
    span = {"first": date.fromisoformat(first), "last": date.fromisoformat(last)}
    done = bring(home_in(Path(home).parent), url, HOURS, patience=PATIENT, **span)  # type: ignore[arg-type]
    return json.dumps(done.failed) if done.failed else ""


if __name__ == "__main__":
    fork_for_each_line(fetch_and_tell)
