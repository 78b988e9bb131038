"""Turns for X's endpoints: what answers tell holds, requests that are under way count, and a killed one does not for ever."""

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from cryptodudez_assets.venues.x.protocol import RateLimit
from cryptodudez_assets.venues.x.windows import UNDER_WAY_SECONDS, Windows


class Venue:
    """Counts in windows of whole seconds, as X does."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self.ends, self.asked, self.refused, self.windows = 0.0, 0, 0, 0

    def answer(self, now: float) -> RateLimit:
        if now >= self.ends:
            self.ends, self.asked = float(-(-(now + self.seconds) // 1)), 0
            self.windows += 1
        self.refused += self.asked >= self.limit
        self.asked += 1
        return RateLimit(self.limit, max(0, self.limit - self.asked), self.ends - now // 1)


@dataclass
class UnderWay:
    """A request: when it arrives and is answered, and what it was told."""

    turns: Windows
    arrives: float
    answered: float
    told: RateLimit | None = None


@pytest.mark.parametrize("seed", range(5))
def test_several_at_once_never_ask_more_than_is_told(tmp_path: Path, seed: int):
    """Requests arrive and answers come in any order, some never; the limit is learned from the first answer."""
    dice, now, venue = random.Random(seed), [1_000_000.0], Venue(limit=9, seconds=20)
    under_way: list[UnderWay] = []
    for _ in range(300):
        now[0] += dice.random()
        for one in sorted(under_way, key=lambda one: one.arrives):
            if one.told is None and one.arrives <= now[0]:
                one.told = venue.answer(one.arrives)
            if one.told is not None and one.answered <= now[0]:
                one.turns.over(one.told if dice.random() < 0.9 else None)
                under_way.remove(one)
        turns = Windows(tmp_path, "timeline", 10_000, wall=lambda: now[0])
        if len(under_way) < 4 and not turns.take():
            arrives = now[0] + dice.random()
            under_way.append(UnderWay(turns, arrives, arrives + dice.random()))
    assert not venue.refused
    assert venue.windows > 5


def test_a_refusal_is_waited_for_by_all(tmp_path: Path):
    now = [1_000_000.0]
    one, other = (Windows(tmp_path, "timeline", 10, wall=lambda: now[0]) for _ in range(2))
    one.take()
    one.lock(30)
    assert other.take() == 30
    now[0] += 30
    assert other.take() == 0


def test_two_in_a_second_are_one_too_many_where_x_says_so(tmp_path: Path):
    now = [1_000_000.0]
    one, other = (Windows(tmp_path, "all", 10, apart=1.0, wall=lambda: now[0]) for _ in range(2))
    assert one.take() == 0
    assert other.take() == 1.0


def test_a_request_of_a_killed_process_is_over_some_time(tmp_path: Path):
    now = [1_000_000.0]
    Windows(tmp_path, "usage", 3, wall=lambda: now[0]).take()  # and was killed
    turns = Windows(tmp_path, "usage", 3, wall=lambda: now[0])
    turns.take()
    turns.over(RateLimit(3, 1, 10.0))
    assert turns.take() == 10.0  # the killed one may still arrive

    now[0] += max(10.0, UNDER_WAY_SECONDS)
    assert [turns.take() for _ in range(2)] == [0, 0]
