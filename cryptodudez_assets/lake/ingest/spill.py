"""A list of frames that moves to disk when it grows: keeps a batch's memory bounded however large its files are."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import polars as pl

IN_MEMORY_BYTES = 32 << 20


class SpillBuffer:
    """Frames in the order in which they were added. Use as a context manager: its files go when it closes."""

    def __init__(self, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._limit, self._held = in_memory_bytes, 0
        self._parts: list[pl.DataFrame | Path] = []
        self._folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder:
            self._folder.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        """Append a frame."""
        if not len(frame):
            return
        size = int(frame.estimated_size())
        if self._held + size <= self._limit:
            self._held += size
            self._parts.append(frame)
            return
        self._folder = self._folder or TemporaryDirectory(prefix="cryptodudez-")
        path = Path(self._folder.name) / f"{len(self._parts)}.arrow"
        frame.write_ipc(
            path, compression="uncompressed"
        )  # so that it can be mapped, and costs nothing until it is looked at
        self._parts.append(path)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for part in self._parts:
            yield part if isinstance(part, pl.DataFrame) else pl.read_ipc(part)
