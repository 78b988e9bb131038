"""The grid of seconds: each is due once, whatever the clocks do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.recorder.pacing import FILLED_SECONDS, Pacer


class Clocks:
    """A monotonic clock, and a wall clock that can be set."""

    def __init__(self, wall: float = 1_000_000.0) -> None:
        self.monotonic_time, self.offset = 5.0, wall - 5.0

    def pacer(self, last: int | None = None) -> Pacer:
        return Pacer(lambda: self.monotonic_time + self.offset, lambda: self.monotonic_time, last)

    def wait(self, seconds: float) -> None:
        self.monotonic_time += seconds


def recorded(pacer: Pacer, clocks: Clocks, ticks: int) -> list[int]:
    """Tick as the recorder does."""
    seconds: list[int] = []
    for _ in range(ticks):
        clocks.wait(pacer.seconds_to_wait())
        due = pacer.due()
        seconds += [*due.missed, *([due.now] if due.now is not None else [])]
    return seconds


@pytest.mark.parametrize("step", [5.0, -5.0, 0.2, -0.2, 59.0, -59.0])
def test_a_step_of_the_wall_clock_doubles_no_second_and_leaves_none_out(step: float) -> None:
    clocks = Clocks()
    pacer = clocks.pacer()
    before = recorded(pacer, clocks, 10)
    clocks.offset += step
    after = recorded(pacer, clocks, 100)
    assert before + after == list(range(before[0], before[0] + len(before + after)))
    assert abs(clocks.monotonic_time + clocks.offset - pacer.last) < 1.5  # the grid follows


@pytest.mark.parametrize("step", [5.0, -5.0])
def test_a_step_is_told_once(step: float) -> None:
    clocks = Clocks()
    pacer = clocks.pacer()
    recorded(pacer, clocks, 3)
    clocks.offset += step
    steps = []
    for _ in range(10):
        clocks.wait(pacer.seconds_to_wait())
        steps.append(pacer.due().step)
    assert [told for told in steps if told] == [pytest.approx(step)]


def test_a_long_step_back_is_told_and_not_followed() -> None:
    clocks = Clocks()
    pacer = clocks.pacer()
    recorded(pacer, clocks, 3)
    clocks.offset -= 3600
    clocks.wait(pacer.seconds_to_wait())
    due = pacer.due()
    assert due.now is not None
    assert due.step == pytest.approx(-3600)


def test_seconds_that_nobody_recorded_are_missed_and_of_a_long_time_only_the_gap_is_told() -> None:
    clocks = Clocks()
    pacer = clocks.pacer(last=999_990)
    clocks.wait(0.2)
    due = pacer.due()
    assert (list(due.missed), due.now) == ([*range(999_991, 1_000_000)], 1_000_000)
    clocks.wait(FILLED_SECONDS + 10)
    due = pacer.due()
    assert due.is_long
    assert due.missed.start == 1_000_001  # where the gap begins


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(-30, 30)), max_size=30))
def test_every_second_is_due_once_for_any_waits_and_steps(events: list[tuple[float, float]]) -> None:
    clocks = Clocks()
    pacer = clocks.pacer()
    seconds: list[int] = []
    for wait, step in events:
        clocks.wait(wait)
        clocks.offset += step
        due = pacer.due()
        seconds += [*due.missed, *([due.now] if due.now is not None else [])]
    assert seconds == list(range(1_000_001, 1_000_001 + len(seconds)))
