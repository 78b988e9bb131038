"""Identities out of files that are no tables and no raw files: logs and databases of the home; reports, exports and models of the lake."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from cryptodudez_assets.erasing.databases import BESIDE, erase_from_database, is_database
from cryptodudez_assets.erasing.places import files_of_home
from cryptodudez_assets.erasing.scan import Needle, times_in
from cryptodudez_assets.lake import exports
from cryptodudez_assets.lake.erasing.contents import Kind, Rewritten, rewritten
from cryptodudez_assets.lake.erasing.identity import Mode, Names
from cryptodudez_assets.lake.formats.archives import FileRefused, format_of
from cryptodudez_assets.lake.formats.text import HEAD_BYTES
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.beside_lake import FOLDERS
from cryptodudez_assets.settings import Settings

WRITTEN_TO = ("logs", "dagster")
"""Folders of the home in which servers and runs go on writing to files that they hold open: these stay the same files."""


def erase_from_files(lake: Lake, names: Names, refused: Callable[[str, str], None]) -> Iterator[tuple[str, str, int]]:
    """Erase from each file; yields its place, what it is, and how many places it was found in.

    `refused` hears of files that could not be changed, with the reason.
    """
    # What is exported of rows that are removed was written anew; what else is in it are rows that refer to these.
    are_left = exports.FOLDER if names.mode is Mode.REMOVE else None
    names = replace(names.telling, mode=Mode.PSEUDONYMISE)  # nothing here is a record of a source
    if not names.instead:
        return
    for path in list(files_of_home(lake.settings, with_lake=False)):
        if path.name.endswith(BESIDE) or not path.is_file():
            continue
        try:
            kind, n = (
                ("database", erase_from_database(path, names))
                if is_database(path)
                else ("file", _file(path, names, lake.settings))
            )
        except (FileRefused, OSError, ValueError, sqlite3.Error) as error:
            refused(str(path), str(error))
            continue
        if n:
            yield str(path), kind, n
    for folder in FOLDERS:
        # A number in an export may be an amount; where it is an identity, the export was written anew.
        told = replace(names.distinctive, are_cut=True) if folder == exports.FOLDER else names
        for found in list(lake.store.list(folder)) if folder != are_left else ():
            if not found.oddity:
                yield from _object(lake, found.key, told, refused)


def _object(lake: Lake, key: str, names: Names, refused: Callable[[str, str], None]) -> Iterator[tuple[str, str, int]]:
    place = lake.store.uri(key)
    try:
        with lake.store.open(key) as content:
            made = _without(content, names)
        if made is None:
            return
        with made.content:
            lake.store.write(key, made.content)
    except (FileRefused, OSError, ValueError) as error:
        refused(place, str(error))
        return
    yield place, "file", made.whole.edited.places


def _without(content: BinaryIO, names: Names) -> Rewritten | None:
    """The content without them; None where none is in it."""
    if not times_in(content, Needle(*names.hints, anywhere=True)):
        return None
    content.seek(0)
    head = content.read(HEAD_BYTES)
    if b"\0" in head and format_of(head) == "csv" and not head.startswith((b"PAR1", b"\xff\xfe", b"\xfe\xff")):
        if not times_in(content, Needle(*names.instead, others=names.others)):
            return None
        raise FileRefused("it is no text, and what else it is nobody here knows: remove it, or have it made again")
    return rewritten(content, Kind(), names)


def _file(path: Path, names: Names, settings: Settings) -> int:
    with path.open("rb") as content:
        made = _without(content, names)
    if made is None:
        return 0
    with made.content:
        if path.relative_to(settings.home).parts[0] in WRITTEN_TO:
            with path.open("r+b") as out:
                shutil.copyfileobj(made.content, out)
                out.truncate()
        else:
            unfinished = path.with_name(f".{uuid4().hex}.part")
            with unfinished.open("wb") as out:
                shutil.copyfileobj(made.content, out)
            shutil.copymode(path, unfinished)
            unfinished.replace(path)
    return made.whole.edited.places
