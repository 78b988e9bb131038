"""Identities out of files of the home that are no tables and no raw files: logs, reports, exports, databases."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from cryptodudez_assets.erasing.databases import BESIDE, erase_from_database, is_database
from cryptodudez_assets.erasing.places import files_of_home
from cryptodudez_assets.erasing.scan import Needle, times_in
from cryptodudez_assets.lake.erasing.contents import Kind, rewritten
from cryptodudez_assets.lake.erasing.identity import Mode, Names
from cryptodudez_assets.lake.formats.archives import FileRefused, format_of
from cryptodudez_assets.lake.formats.text import HEAD_BYTES
from cryptodudez_assets.products import exports
from cryptodudez_assets.settings import Settings

WRITTEN_TO = ("logs", "dagster")
"""Folders of the home in which servers and runs go on writing to files that they hold open: these stay the same files."""


def erase_from_files(
    settings: Settings, names: Names, refused: Callable[[str, str], None]
) -> Iterator[tuple[Path, str, int]]:
    """Erase from each file; yields its path, what it is, and how many places it was found in.

    `refused` hears of files that could not be changed, with the reason.
    """
    exported = settings.home / exports.FOLDER
    # What is exported of rows that are removed was written anew; what else is in it are rows that refer to these.
    are_left = exported if names.mode is Mode.REMOVE else None
    names = replace(names.telling, mode=Mode.PSEUDONYMISE)  # nothing here is a record of a source
    if not names.instead:
        return
    for path in list(files_of_home(settings, with_lake=False)):
        if path.name.endswith(BESIDE) or not path.is_file() or are_left in path.parents:
            continue
        try:
            # A number in an export may be an amount; where it is an identity, the export was written anew.
            told = replace(names.distinctive, are_cut=True) if exported in path.parents else names
            kind, n = (
                ("database", erase_from_database(path, told)) if is_database(path) else _file(path, told, settings)
            )
        except (FileRefused, OSError, ValueError, sqlite3.Error) as error:
            refused(str(path), str(error))
            continue
        if n:
            yield path, kind, n


def _file(path: Path, names: Names, settings: Settings) -> tuple[str, int]:
    with path.open("rb") as content:
        if not times_in(content, Needle(*names.hints, anywhere=True)):
            return "file", 0
        content.seek(0)
        head = content.read(HEAD_BYTES)
        if b"\0" in head and format_of(head) == "csv" and not head.startswith((b"PAR1", b"\xff\xfe", b"\xfe\xff")):
            if not times_in(content, Needle(*names.instead, others=names.others)):
                return "file", 0
            raise FileRefused("it is no text, and what else it is nobody here knows: remove it, or have it made again")
        made = rewritten(content, Kind(), names)
    if made is None:
        return "file", 0
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
    return "file", made.whole.edited.places
