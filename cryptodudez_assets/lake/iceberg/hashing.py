"""Files that are hashed while they are written: of the bytes on their way out, so that it costs no second look at them.

What is done with the sums is in `recording.py` and `checksums.py`.
"""

import hashlib
from collections.abc import Mapping, MutableMapping
from typing import Any, Self

from pyarrow.fs import FileSystem
from pyiceberg.io import InputFile, OutputFile, OutputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from pyiceberg.typedef import Properties

from cryptodudez_assets.lake.iceberg.file_systems import file_system

Written = MutableMapping[str, str]
"""SHA-256 of files, by path."""


class HashingIO(PyArrowFileIO):  # type: ignore[misc]
    """Reads and writes files, and leaves the sums of what is written in `written`."""

    def __init__(self, properties: Properties, written: Written) -> None:
        super().__init__(properties)
        self._written = written

    def _initialize_fs(self, scheme: str, netloc: str | None = None) -> FileSystem:
        return file_system(scheme, netloc, self.properties)

    def learn(self, sums: Mapping[str, str]) -> None:
        """Take over the sums of files that others have written."""
        self._written.update(sums)

    def new_output(self, location: str) -> PyArrowFile:
        """As ever; what is written is hashed."""
        made = super().new_output(location)
        return _HashedFile(location, made._path, made._filesystem, made._buffer_size, self._written)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """As ever; its sum is forgotten."""
        super().delete(location)
        self._written.pop(location if isinstance(location, str) else location.location, None)


class _HashedFile(PyArrowFile):  # type: ignore[misc]
    def __init__(self, location: str, path: str, fs: Any, buffer_size: int, written: Written) -> None:
        super().__init__(location=location, path=path, fs=fs, buffer_size=buffer_size)
        self._written = written
        self._stream: _HashedStream | None = None

    def create(self, overwrite: bool = False) -> OutputStream:
        self._stream = _HashedStream(super().create(overwrite), self._written, self.location)
        return self._stream

    def __len__(self) -> int:
        """Of what was written here it is known: pyiceberg asks for it after each manifest."""
        return self._stream.size if self._stream and self._stream.closed else super().__len__()


class _HashedStream:
    """An output stream; when it is closed, the sum of its bytes is known."""

    def __init__(self, stream: OutputStream, written: Written, path: str) -> None:
        self._stream, self._written, self._path = stream, written, path
        self._digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size += memoryview(data).nbytes
        return int(self._stream.write(data))

    def tell(self) -> int:
        return int(self._stream.tell())

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._stream.close()
            self._written[self._path] = self._digest.hexdigest()

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
