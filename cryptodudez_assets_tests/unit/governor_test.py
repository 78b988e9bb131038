"""Turns for requests: no minute has more than its limit, whoever asks."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.venues.bitso.rest import LIMITS
from cryptodudez_assets.venues.governor import Governor, TooLong


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 2), min_size=80, max_size=120))
def test_no_stretch_of_time_has_more_requests_than_allowed(
    tmp_path_factory: pytest.TempPathFactory, waits: list[float]
) -> None:
    now = [0.0]
    path = tmp_path_factory.mktemp("home") / "requests.json"
    side_by_side = [Governor(path, LIMITS, lambda: now[0]) for _ in range(2)]
    asked: list[float] = []
    for number, wait in enumerate(waits):
        now[0] += wait
        while pause := side_by_side[number % 2].take():
            now[0] += pause + 1e-9
        asked.append(now[0])
    for most, seconds in LIMITS:
        for begin in asked:
            assert sum(begin <= at < begin + seconds for at in asked) <= most


def test_after_a_refusal_nobody_asks_for_as_long(tmp_path: Path) -> None:
    now = [100.0]
    one, other = (Governor(tmp_path / "requests.json", LIMITS, lambda: now[0]) for _ in range(2))
    one.lock(60)
    assert other.take() == 60
    now[0] += 60
    assert other.take() == 0


def test_a_damaged_or_future_ledger_does_not_stop_anybody_for_long(tmp_path: Path) -> None:
    path = tmp_path / "requests.json"
    path.write_bytes(b"{")
    governor = Governor(path, LIMITS, lambda: 100.0)
    assert governor.take() == 0
    path.write_bytes(b'{"asked":[5000.0],"locked_until":0}')
    assert governor.take() == 0


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 4)), min_size=40, max_size=80))
def test_no_stretch_of_time_has_more_weight_than_allowed(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[float, int]]
) -> None:
    now, asked = [0.0], []
    governor = Governor(tmp_path_factory.mktemp("home") / "requests.json", LIMITS, lambda: now[0])
    for wait, weight in requests:
        now[0] += wait
        while pause := governor.take(weight):
            now[0] += pause + 1e-9
        asked += [now[0]] * weight
    for most, seconds in LIMITS:
        for begin in asked:
            assert sum(begin <= at < begin + seconds for at in asked) <= most


def test_what_others_used_by_the_venues_count_counts_here_too(tmp_path: Path) -> None:
    now = [100.0]
    governor = Governor(tmp_path / "requests.json", [(10, 60.0)], lambda: now[0])
    assert governor.take(2) == 0
    governor.told(9, 60.0)
    assert governor.take() == 0
    assert governor.take() > 0
    governor.told(3, 60.0)
    now[0] += 60
    assert governor.take(10) == 0
    with pytest.raises(ValueError, match="never within the limits"):
        governor.take(11)


def test_who_cannot_wait_so_long_is_told_and_not_counted(tmp_path: Path) -> None:
    governor = Governor(tmp_path / "requests.json", [(1, 0.3)])
    governor.lock(100)
    with pytest.raises(TooLong, match=r"not before \d+ seconds"):
        asyncio.run(governor.turn(longest=1))
    governor.lock(0)
    asyncio.run(governor.turn(longest=1))
    asyncio.run(governor.turn(longest=1))


def test_more_than_the_limit_that_a_venue_tells_counts_as_the_limit(tmp_path: Path) -> None:
    governor = Governor(tmp_path / "requests.json", LIMITS, lambda: 100.0)
    governor.told(10**12, 60)
    assert governor.take() == 60
    assert (tmp_path / "requests.json").stat().st_size < 10_000


def test_a_ledger_is_never_there_by_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    governor = Governor(tmp_path / "weight.json", [(5, 60.0)])
    governor.lock(1000)
    before = (tmp_path / "weight.json").read_bytes()

    def killed(self: Path, content: bytes) -> int:
        with self.open("wb") as torn:
            torn.write(content[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        governor.lock(2000)
    assert (tmp_path / "weight.json").read_bytes() == before
    assert governor.take() > 900
