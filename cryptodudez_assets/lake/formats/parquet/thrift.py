"""Thrift's compact protocol, as far as Parquet needs it to be read without a library: structs as dictionaries by field number.

pyarrow tells what a footer says, too, but for some that are damaged it ends the process: its properties are not prepared for
the errors of the library behind them. What is read here can only raise.
"""

from typing import Any

MAX_DEPTH = 16
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
WHOLE = (4, 5, 6)  # of 16, 32 and 64 bits


class Compact:
    """Reads values one after the other. Raises IndexError where the data end, ValueError for what is no value."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The fields of a struct, by their numbers."""
        if depth > MAX_DEPTH:
            raise ValueError("structs lie too deep in each other")
        found: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            found[field] = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in WHOLE:
            return self._signed()
        if kind == BINARY:
            return self._take(self._unsigned())
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in (LIST, SET):
            return self._list(depth)
        if kind in (BYTE, TRUE, FALSE):  # truths are bytes in a list
            return self._byte()
        if kind == DOUBLE:
            return self._take(8)
        raise ValueError(f"there is no kind {kind} of value in Parquet")

    def _list(self, depth: int) -> list[Any]:
        if depth > MAX_DEPTH:
            raise ValueError("lists lie too deep in each other")
        head = self._byte()
        length = head >> 4 if head >> 4 < 15 else self._unsigned()
        return [self._value(head & 15, depth + 1) for _ in range(min(length, len(self.data) + 1))]

    def _take(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self.data):
            raise IndexError("the data end")
        return self.data[self.at - size : self.at]

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("no number is so long")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
