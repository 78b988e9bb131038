"""Describe a raw object for the catalogue: read its bytes once, look into archives, recognise format and layout."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import BinaryIO, cast

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.formats.archives import (
    READ_BYTES,
    Container,
    FileRefused,
    format_of,
    members,
    why_ignored,
)
from cryptodudez_assets.lake.formats.csv.dialect import NoText
from cryptodudez_assets.lake.formats.csv.headers import of_another, path_in_words
from cryptodudez_assets.lake.formats.faults import Fault, blaming
from cryptodudez_assets.lake.formats.reader import Content, Recognised, Written
from cryptodudez_assets.lake.formats.registry import follows, recognise
from cryptodudez_assets.lake.formats.seekable import seekable
from cryptodudez_assets.lake.formats.signatures import document
from cryptodudez_assets.lake.formats.text import HEAD_BYTES
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore.entry import Entry, gone_before_read, known
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.sources.declaration import Layout, Source

BUFFERED_BYTES = 8 << 20
FILE_ID_LENGTH = 16

MARKER = "an empty object for a folder"
CHANGED = "it changed while it was read, and waits for the next look"

Described = tuple[Entry, Recognised | None]
"""A row for `catalog.files`, and what was recognised in the text if there is any."""


def describe(lake: Lake, source: Source, found: StoredObject, run_id: str | None, at: datetime) -> Iterator[Described]:
    """The catalogue's rows for a raw object that was found `at`: one for itself, one for each member if it is a zip.

    Whatever cannot be read is described too, with the reason: also what changes or leaves at this moment, which is found
    anew by a later look.
    """
    entry = _entry(lake, source, found, None, found.size, run_id, at)
    ignored = found.oddity or why_ignored(found.key)
    if ignored:
        yield replace(entry, status=Status.IGNORED, reason=ignored), None
        return
    try:
        yield from list(_looked_into(lake, source, found, entry))  # all of it or nothing: an archive may go meanwhile
    except FileNotFoundError:
        # A folder's object is listed without the slash at its end, and is not there without it.
        is_marker = lake.store.is_remote and not found.size
        yield (replace(entry, status=Status.IGNORED, reason=MARKER) if is_marker else gone_before_read(entry)), None
    except Fault as error:
        yield replace(entry, reason=str(error)), None
    except OSError as error:
        yield replace(entry, status=Status.UNREADABLE, reason=f"cannot be read: {error.strerror or error}"), None


def _looked_into(lake: Lake, source: Source, found: StoredObject, entry: Entry) -> Iterator[Described]:
    with lake.store.open(found.key) as opened:
        # What is small is read once: whatever becomes of the file, all that is said of it is of the same bytes.
        content = cast(BinaryIO, BytesIO(opened.read())) if found.size <= BUFFERED_BYTES else opened
        head = content.read(HEAD_BYTES)
        entry = replace(entry, format=format_of(head))
        loose = _content(head, partial(lake.store.open, found.key))
        owner = _other_owner(lake, source, loose) if entry.format == "csv" else None
        sha256 = "" if owner else _digest(head, content)  # another source's file is read whole for that source
        if moving := _moving(lake, found, entry):
            yield moving, None
        elif owner:
            yield _belonging(entry, owner), None
        else:
            entry.sha256 = sha256
            entry.file_id = sha256[:FILE_ID_LENGTH]
            if entry.format == "zip":
                yield from _describe_zip(lake, source, found, entry, content)
            elif entry.format == "gz":
                yield _describe_packed(lake, source, found, entry, Container(content), "a gzip")
            else:
                yield _describe_text(lake, source, entry, loose)


def _moving(lake: Lake, found: StoredObject, entry: Entry) -> Entry | None:
    """What to say of an object that is not any more what was listed; None where it is."""
    current = lake.store.stat(found.key)
    if current is None:
        return gone_before_read(entry)
    if found.generation in current.generations:
        return None
    told = f"{CHANGED}: listed as version {found.generation}, now {current.generation}"
    return replace(entry, status=Status.UNREADABLE, reason=told)


def _describe_zip(
    lake: Lake, source: Source, found: StoredObject, container: Entry, content: BinaryIO
) -> Iterator[Described]:
    try:
        inside = list(members(content, found.size))
    except FileRefused as error:
        yield replace(container, reason=str(error)), None
        return
    told = document([member.name for member in inside]) if inside else "the archive is empty"
    if told:
        yield replace(container, reason=told), None
        return
    junk = f"nothing in it is read: its {len(inside)} members are ignored" if all(m.ignored for m in inside) else None
    yield replace(container, status=Status.EXPANDED, reason=junk), None
    opened = Container(content)
    for member in inside:
        entry = _entry(lake, source, found, member.name, member.size, container.run_id, container.discovered_at)
        if member.ignored:
            yield replace(entry, status=Status.IGNORED, reason=member.ignored), None
        elif member.refused:
            yield replace(entry, reason=member.refused), None
        else:
            yield _describe_packed(lake, source, found, replace(entry, format="csv"), opened, "a zip")


def _describe_packed(
    lake: Lake, source: Source, found: StoredObject, entry: Entry, opened: Container, within: str
) -> Described:
    """What is packed is read to its end, for it may be damaged."""
    try:
        with opened.text(known(entry.format), entry.member, entry.size) as text:
            head = text.read(HEAD_BYTES)
            content = _content(head, partial(_unpacked, lake, found.key, entry))
            if owner := _other_owner(lake, source, content):
                return _belonging(entry, owner), None
            while text.read(READ_BYTES):
                pass
            sha256 = text.sha256()
    except (FileRefused, Fault) as error:
        return replace(entry, reason=str(error)), None
    if entry.member is not None:
        entry = replace(entry, sha256=sha256, file_id=sha256[:FILE_ID_LENGTH])
    elif sha256 != entry.sha256:
        return replace(entry, status=Status.UNREADABLE, reason=CHANGED), None
    return _describe_text(lake, source, entry, content, within)


def _content(head: bytes, whole: Callable[[], AbstractContextManager[BinaryIO]]) -> Content:
    return Content(head, len(head) < HEAD_BYTES, whole)


@contextmanager
def _unpacked(lake: Lake, key: str, entry: Entry) -> Iterator[BinaryIO]:
    """All of what is packed, on disk where it is large, for formats that must be sought in."""
    with (
        lake.store.open(key) as opened,
        Container(opened).text(known(entry.format), entry.member, entry.size) as text,
        seekable(text) as content,
    ):
        yield content


def _describe_text(lake: Lake, source: Source, entry: Entry, content: Content, within: str = "") -> Described:
    """By its content; `within` says in what it is packed."""
    try:
        with blaming("its text cannot be recognised"):
            seen = recognise(content, source.layouts)
    except NoText as error:
        return replace(entry, reason=f"inside {within}: {error}" if within else str(error)), None
    except (FileRefused, Fault) as error:
        return replace(entry, reason=str(error)), None
    written = seen.written
    if seen.layout is None and (told := of_another(written.names, source.layouts, _others(lake, source))):
        seen = replace(seen, problem=told)
    file_id, wrong_path = _from_path(entry, seen.layout)
    described = replace(
        entry,
        file_id=file_id,
        format="gz" if entry.format == "gz" else written.format,
        record_format=written.format,
        encoding=written.encoding,
        delimiter=written.delimiter,
        quote=written.quote,
        line_end=written.line_end,
        header=list(written.names),
        layout=seen.layout.name if seen.layout else None,
        reason=seen.problem or wrong_path,
    )
    return described, seen


def written_as(entry: Entry) -> Written:
    """How the records of a described file are written. What earlier versions described is CSV."""
    names = tuple(known(entry.header))
    return Written(entry.record_format or "csv", names, entry.encoding, entry.delimiter, entry.quote, entry.line_end)


def path_of(entry: Entry) -> str:
    """The path that tells what a file is: its name in the archive, or where it lies."""
    return str(entry.member or entry.uri)


def _from_path(entry: Entry, layout: Layout | None) -> tuple[str | None, str | None]:
    """The file's identity, of which its path is a part where the layout reads it; and what is wrong with the path."""
    if layout is None or not layout.path:
        return entry.file_id, None
    told = layout.told_by(path_of(entry))
    if told is None:
        where = f"expected a path {path_in_words(layout.path)}, found {path_of(entry)!r}"
        wrong = f"its path does not say what layout {layout.name} needs: {where}; land the folder that it lies in"
        return entry.file_id, wrong
    identity = hashlib.sha256("\0".join([entry.sha256 or "", *told.values()]).encode("utf-8", "surrogateescape"))
    return identity.hexdigest()[:FILE_ID_LENGTH], None


def _others(lake: Lake, source: Source) -> list[Source]:
    return [one for one in lake.sources.values() if one.name != source.name]


def _other_owner(lake: Lake, source: Source, content: Content) -> str | None:
    """The source to which a file of a shared folder belongs, if not to this one. What nobody knows is the host's."""
    sharing = [other for other in _others(lake, source) if other.raw == source.raw]
    if not sharing:
        return None
    with blaming("it cannot be told whose it is"):
        if source.shares_raw_with:
            return None if follows(content, source.layouts) else source.shares_raw_with
        return next((other.name for other in sharing if follows(content, other.layouts)), None)


def _belonging(entry: Entry, owner: str) -> Entry:
    return replace(entry, status=Status.IGNORED, reason=f"belongs to {owner}")


def _entry(
    lake: Lake, source: Source, found: StoredObject, member: str | None, size: int, run_id: str | None, at: datetime
) -> Entry:
    uri = lake.store.uri(found.key)
    identity = hashlib.sha256("\0".join([uri, found.generation, member or ""]).encode("utf-8", "surrogateescape"))
    return Entry(
        entry_id=identity.hexdigest()[:FILE_ID_LENGTH],
        source=source.name,
        uri=uri,
        member=member,
        generation=found.generation,
        size=size,
        status=Status.PENDING,
        run_id=run_id,
        modified_at=found.modified,
        discovered_at=at,
        updated_at=now(),
    )


def _digest(head: bytes, rest: BinaryIO) -> str:
    digest = hashlib.sha256(head)
    while block := rest.read(READ_BYTES):
        digest.update(block)
    return digest.hexdigest()
