"""What was read of files that are written once and never changed: metadata and manifests, each under a name of its own.

It is kept by their path while a pass lasts that looks at the same tables again and again, and forgotten at its end, so that what is
lost or damaged meanwhile is noticed. That a table has other files by now its catalog tells.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, ClassVar, Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by path, up to so many (or so much, as `size` tells): what was not asked for longest is forgotten first."""

    _all: ClassVar[list["Kept[Any]"]] = []
    _n_passes: ClassVar[int] = 0
    _lock: ClassVar[Any] = Lock()

    def __init__(self, most: int, size: Callable[[Value], int] = lambda _: 1) -> None:
        self._most, self._size = most, size
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._held = 0
        self._all.append(self)

    @classmethod
    @contextmanager
    def in_a_pass(cls) -> Iterator[None]:
        """Keep what is read, by whatever thread, until no such context is left."""
        with cls._lock:
            Kept._n_passes += 1
        try:
            yield
        finally:
            with cls._lock:
                Kept._n_passes -= 1
                if not Kept._n_passes:
                    for one in cls._all:
                        one._values.clear()
                        one._held = 0

    def get(self, path: str, read: Callable[[], Value]) -> Value:
        """The value of a path, read where it is not kept. Two threads may both read it."""
        with self._lock:
            if path in self._values:
                self._values.move_to_end(path)
                return self._values[path]
        value = read()
        self.put(path, value)
        return value

    def put(self, path: str, value: Value) -> None:
        """Keep what was just written there."""
        with self._lock:
            if self._n_passes and path not in self._values:
                self._values[path] = value
                self._held += self._size(value)
            while self._held > self._most:
                _, forgotten = self._values.popitem(last=False)
                self._held -= self._size(forgotten)
