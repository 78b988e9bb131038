"""One item ahead: order, errors and ends are those of the iterator itself."""

import threading
from collections.abc import Iterator

import pytest

from cryptodudez_assets.lake.ingest.prefetch import prefetch


def test_all_items_come_in_their_order() -> None:
    assert list(prefetch(range(100))) == list(range(100))
    assert list(prefetch([])) == []
    assert list(prefetch([None, None])) == [None, None]


def test_an_error_comes_where_it_arises_and_ends_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    found = prefetch(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)


def test_the_next_item_is_made_while_this_one_is_in_use_and_no_more() -> None:
    made, second = [], threading.Event()

    def items() -> Iterator[int]:
        for number in range(9):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    found = prefetch(items())
    assert next(found) == 0
    assert second.wait(10)
    assert made == [0, 1]
    found.close()  # type: ignore[attr-defined]
    assert made == [0, 1]
