"""Ask a store for several objects at a time: a bucket lets wait for each answer, so that threads are enough.

What is asked, and what becomes of an answer, is the caller's matter.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

AT_ONCE = 16
"""So many answers are waited for together, and no more are there before they are used."""
SMALL_BYTES = 1 << 20
"""What is no larger is read whole by each of these threads. What is larger takes its time by its bytes, and is read by itself."""


def at_once(ask: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """The answer for each item, in their order. An error comes where its answer would, and ends it."""
    return (asked.result() for _, asked in asked_ahead(ask, items))


def asked_ahead(ask: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[tuple[Item, Future[Answer]]]:
    """The same with the item, and whatever became of its answer, so that others are not lost by an error."""
    left = iter(items)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="at-once") as threads:
        asked = deque((item, threads.submit(ask, item)) for item in islice(left, AT_ONCE))
        while asked:
            item, answer = asked.popleft()
            answer.exception()  # waits
            asked.extend((following, threads.submit(ask, following)) for following in islice(left, 1))
            yield item, answer
