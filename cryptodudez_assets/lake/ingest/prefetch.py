"""Two steps of a pipeline at the same time: one makes the next item while the other uses the last."""

import os
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")

# Threads that are used again: glibc gives a new one memory of its own, and keeps what the old one had.
_idle: list[ThreadPoolExecutor] = []
os.register_at_fork(after_in_child=_idle.clear)


def prefetch(items: Iterable[T]) -> Generator[T]:
    """The items in their order, each made by another thread while the one before is in use; never more than one waits."""
    iterator, end = iter(items), object()
    try:
        other = _idle.pop()
    except IndexError:
        other = ThreadPoolExecutor(1, thread_name_prefix="ahead")
    following = other.submit(next, iterator, end)
    try:
        while (item := following.result()) is not end:
            following = other.submit(next, iterator, end)
            yield item  # type: ignore[misc]
    finally:
        wait([following])
        _idle.append(other)
