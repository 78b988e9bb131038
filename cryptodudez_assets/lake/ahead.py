"""Two steps of a pipeline at the same time: one makes the next item while the other uses the last."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The items in their order, each made by another thread while the one before is in use; never more than one waits."""
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as other:
        following = other.submit(next, iterator, end)
        while (item := following.result()) is not end:
            following = other.submit(next, iterator, end)
            yield item  # type: ignore[misc]
