"""A list of frames that moves to disk when it grows: keeps a batch's memory bounded however large its files are."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import polars as pl

IN_MEMORY_BYTES = 32 << 20


class SpillBuffer:
    """Frames in the order in which they were added. What moves to disk lies in `folder`, which is the caller's to remove.

    Without a folder all of them stay in memory.
    """

    def __init__(self, folder: Path | None, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._folder, self._limit, self._held = folder, in_memory_bytes, 0
        self._parts: list[pl.DataFrame | Path] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Append a frame."""
        if not len(frame):
            return
        size = int(frame.estimated_size())
        if self._folder is None or self._held + size <= self._limit:
            self._held += size
            self._parts.append(frame)
            return
        path = self._folder / f"{uuid4()}.arrow"
        # Uncompressed it can be mapped, and costs nothing until it is looked at.
        frame.write_ipc(path, compression="uncompressed")
        self._parts.append(path)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for part in self._parts:
            yield part if isinstance(part, pl.DataFrame) else pl.read_ipc(part)
