"""Arrow's file systems in which tables lie, one of each a process: pyiceberg would make one for each table that is loaded, each with
connections of its own, and has a small file sent to S3 as an upload in parts, by three requests.

What is done with the files is not here.
"""

import os
from functools import lru_cache

from pyarrow.fs import FileSystem, S3FileSystem
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.typedef import Properties

from cryptodudez_assets.lake.store.endpoints import of_stores


def file_system(scheme: str, netloc: str | None, properties: Properties) -> FileSystem:
    """The file system of such addresses, by the properties of a table. A process that was forked has one of its own."""
    return _file_system(os.getpid(), scheme, netloc, tuple(sorted(of_stores(properties).items())))


@lru_cache(maxsize=16)
def _file_system(process: int, scheme: str, netloc: str | None, told: tuple[tuple[str, str], ...]) -> FileSystem:
    made = PyArrowFileIO(dict(told))._initialize_fs(scheme, netloc)
    if not isinstance(made, S3FileSystem):
        return made
    # pyiceberg does not hand this on. A bucket that is not there is then told when a file is closed, not when it is begun.
    make, (options,) = made.__reduce__()
    return make({**options, "allow_delayed_open": True})
