"""Where things lie: the spellings of a location, and whether one lies within another. Knows no table and no store."""

import os
import re
from pathlib import Path, PurePath

# Iceberg numbers the metadata of a table; 0 is a table that was made and never written to.
METADATA = re.compile(r"(?P<folder>.+)/metadata/v?(?P<version>\d+)[^/]*\.metadata\.json$")


def path_of(location: str) -> str:
    """Where a file lies, as Polars wants it."""
    # Of a local file Polars gets the plain path: it would read a percent sign in a URL as an escape.
    return location.removeprefix("file://").removeprefix("file:")  # Java writes file:/folder


def is_local(location: str) -> bool:
    """Whether it is on this machine."""
    return "://" not in path_of(location)


def inside(location: str, folder: str) -> bool:
    """Whether it lies in the folder, by its name or by where links lead: a folder of tables may be a link to another disk."""
    path, root = path_of(location), path_of(folder).rstrip("/")
    if not (is_local(path) and is_local(root)):
        return path.startswith(f"{root}/")
    by_name = PurePath(os.path.normpath(root)) in PurePath(os.path.normpath(path)).parents
    return by_name or PurePath(true_path(root)) in PurePath(true_path(path)).parents


def same(one: str, other: str) -> bool:
    """Whether two locations are one, whatever links and spellings lead there."""
    return true_path(one).rstrip("/") == true_path(other).rstrip("/")


def true_path(location: str) -> str:
    """The one spelling of a location: without links, if it is on this machine."""
    path = path_of(location)
    return os.path.realpath(path) if is_local(path) else path


class TruePaths:
    """`true_path` of very many files in few folders: where a folder's links lead is looked up once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, location: str) -> str:
        """The one spelling of a file's location."""
        path = path_of(location)
        if not is_local(path) or Path(path).is_symlink():
            return true_path(path)
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return f"{self._folders[folder].rstrip('/')}/{name}"


def key_within(location: str, root: str) -> str:
    """How a place in a folder is named from there."""
    path = path_of(location)
    if path.startswith(f"{root}/"):
        return path.removeprefix(f"{root}/")
    return os.path.relpath(true_path(path), true_path(root))


def table_folder(metadata_location: str) -> str:
    """The folder of the table that this metadata file describes."""
    found = METADATA.match(path_of(metadata_location))
    return found["folder"] if found else path_of(metadata_location).rpartition("/metadata/")[0]


def lake_of(metadata_location: str, table: str) -> str:
    """The root of the lake in which a table (`namespace.table`) was made; its folder where that is not laid out as ours are."""
    return table_folder(metadata_location).removesuffix(f"/tables/{table.replace('.', '/')}")


def version_of(metadata_location: str) -> int | None:
    """The number of a metadata file, or None of any other file."""
    found = METADATA.match(path_of(metadata_location))
    return int(found["version"]) if found else None
