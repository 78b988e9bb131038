"""Several questions at a time: answers come in the order of the items, errors where they arise, and few are asked ahead."""

import threading
import time
from collections.abc import Iterator

import pytest

from cryptodudez_assets.lake.store.at_once import AT_ONCE, asked_ahead, at_once


def test_answers_come_in_the_order_of_the_items() -> None:
    def late_for_early_ones(number: int) -> int:
        time.sleep(0.002 * (number % 5 == 0))
        return -number

    assert list(at_once(late_for_early_ones, range(100))) == [-number for number in range(100)]
    assert list(at_once(late_for_early_ones, [])) == []


def test_so_many_are_asked_for_together_and_no_more_ahead_of_what_is_used() -> None:
    taken, together = [], threading.Barrier(AT_ONCE)

    def items() -> Iterator[int]:
        for number in range(10 * AT_ONCE):
            taken.append(number)
            yield number

    def ask(number: int) -> int:
        if number < AT_ONCE:
            together.wait(60)  # breaks unless all of them are being asked
        return number

    answers = at_once(ask, items())
    for number in range(5):
        assert next(answers) == number
        assert len(taken) == AT_ONCE + number + 1


def test_an_error_comes_where_its_answer_would_and_leaves_others() -> None:
    def ask(number: int) -> int:
        if number == 3:
            raise ValueError("broken")
        return number

    found = at_once(ask, range(9))
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(found)
    told = {number: answer.exception() or answer.result() for number, answer in asked_ahead(ask, range(9))}
    assert isinstance(told.pop(3), ValueError)
    assert told == {number: number for number in range(9) if number != 3}
