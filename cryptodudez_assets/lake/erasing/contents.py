"""Identities out of a file, whatever it is: text of any form, Parquet, and what is packed. What is in an archive keeps its place in it.

The same file gives the same bytes whenever it is done, so that it can be done again.
"""

import codecs
import gzip
import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from struct import Struct
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from cryptodudez_assets.lake.erasing import csv, json, parquet
from cryptodudez_assets.lake.erasing.decoded import DEEPEST
from cryptodudez_assets.lake.erasing.edited import Edited, Form, Tagged
from cryptodudez_assets.lake.erasing.identity import Mode, Names, in_utf8
from cryptodudez_assets.lake.formats.archives import ARCHIVE_ERRORS, FileRefused, format_of
from cryptodudez_assets.lake.formats.faults import Fault
from cryptodudez_assets.lake.formats.json.document import text_of
from cryptodudez_assets.lake.formats.reader import Content
from cryptodudez_assets.lake.formats.registry import recognise
from cryptodudez_assets.lake.formats.text import HEAD_BYTES, decode, utf8_blocks
from cryptodudez_assets.sources.declaration import Layout

BLOCK_BYTES = 4 << 20
IN_MEMORY_BYTES = 32 << 20
LONGEST_WORD = 4 << 10
EXTRA = Struct("<HH")  # before each further field of an archive's member: what it is, and how long
WIDE = ("utf-16-le", "utf-16-be")
BOM = {"utf-8-sig": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


@dataclass(frozen=True)
class Part:
    """What became of a file, or of one in an archive: the SHA-256 and size of what is there now, and what was done."""

    sha256: str
    size: int
    edited: Edited


@dataclass(frozen=True)
class Rewritten:
    """A file without the identities: its bytes, what became of it, and of the members of an archive those that changed."""

    content: BinaryIO
    whole: Part
    members: Mapping[str, Part] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """What is known of the files of a source: their layouts, and which columns hold identities."""

    layouts: Sequence[Layout] = ()
    tagged: Tagged = field(default_factory=Tagged)


def rewritten(content: BinaryIO, kind: Kind, names: Names) -> Rewritten | None:
    """The file without the identities; None where there are none in it. Raises FileRefused where it cannot be looked into."""
    out = cast(BinaryIO, SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115  (whoever asked closes it)
    try:
        members, edited = _edited(content, out, kind, names, depth=0)
    except BaseException:
        out.close()
        raise
    if not edited.places:
        out.close()
        return None
    return Rewritten(out, _part(out, edited), members)


def _edited(
    content: BinaryIO, out: BinaryIO, kind: Kind, names: Names, depth: int
) -> tuple[Mapping[str, Part], Edited]:
    """Whatever it is; an archive that is nobody's to unpack, so deep in others, is text of no form."""
    content.seek(0)
    packed = format_of(content.read(HEAD_BYTES)) if depth < DEEPEST else ""
    content.seek(0)
    if packed == "zip":
        return _zip(content, out, kind, names, depth)
    if packed == "gz":
        return {}, _gzip(content, out, kind, names, depth)
    return {}, _plain(content, out, kind, names)


def _inside(content: BinaryIO, out: BinaryIO, kind: Kind, names: Names, depth: int) -> Edited:
    """What is in an archive; one in it that cannot be unpacked stays, as what reads it sets it aside."""
    try:
        return _edited(content, out, kind, names, depth + 1)[1]
    except FileRefused:
        return Edited()


def _part(out: BinaryIO, edited: Edited) -> Part:
    out.seek(0)
    digest, size = hashlib.sha256(), 0
    while block := out.read(BLOCK_BYTES):
        digest.update(block)
        size += len(block)
    out.seek(0)
    return Part(digest.hexdigest(), size, edited)


def _zip(content: BinaryIO, out: BinaryIO, kind: Kind, names: Names, depth: int) -> tuple[Mapping[str, Part], Edited]:
    changed: dict[str, Part] = {}
    total = Edited()
    with _refusing(), zipfile.ZipFile(content) as archive, zipfile.ZipFile(out, "w") as packed:
        packed.comment = _said(archive.comment, names)
        for entry in archive.infolist():
            entry.comment, entry.extra = _said(entry.comment, names), _extra(entry.extra, names)
            with _member(archive, entry) as inside, SpooledTemporaryFile(IN_MEMORY_BYTES) as made:
                text = cast(BinaryIO, made)
                edited = _inside(inside, text, kind, names, depth)
                source = text if edited.places else inside
                source.seek(0)
                with packed.open(entry, "w") as target:
                    while block := source.read(BLOCK_BYTES):
                        target.write(block)
                if edited.places:
                    changed[entry.filename] = _part(text, edited)
                    total.replaced += edited.places
    total.replaced += _fewer(content, out, names) if not total.places else 0
    return changed, total


def _said(comment: bytes, names: Names) -> bytes:
    """A comment without them; none, where with pseudonyms it would be too long for one."""
    told = names.telling.out_of(comment)[0] if names.mode is Mode.PSEUDONYMISE else comment
    return told if len(told) <= zipfile.ZIP_MAX_COMMENT else b""


def _extra(fields: bytes, names: Names) -> bytes:
    """Further fields of a member without those that have them; in what is no such field they are not looked for."""
    kept, ways = b"", _plain_ways(names)
    while len(fields) >= EXTRA.size:
        end = EXTRA.size + EXTRA.unpack_from(fields)[1]
        kept += b"" if any(way in fields[:end] for way in ways) else fields[:end]
        fields = fields[end:]
    return kept


def _plain_ways(names: Names) -> list[bytes]:
    told = replace(names.telling, are_cut=False).hints if names.mode is Mode.PSEUDONYMISE else []
    return list(map(in_utf8, told))


def _fewer(before: BinaryIO, after: BinaryIO, names: Names) -> int:
    """How much rarer they are in the bytes of an archive: out of comments, further fields, and whatever lies between members."""
    ways = _plain_ways(names)
    return max(0, _times(before, ways) - _times(after, ways)) if ways else 0


def _times(content: BinaryIO, ways: Sequence[bytes]) -> int:
    content.seek(0)
    n, before = 0, b""
    while block := content.read(BLOCK_BYTES):
        n += sum((before + block).count(way) - before.count(way) for way in ways)
        before = (before + block)[-LONGEST_WORD:]
    return n


@contextmanager
def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[BinaryIO]:
    """A member, unpacked, where it can be sought in."""
    with archive.open(entry) as packed, SpooledTemporaryFile(IN_MEMORY_BYTES) as inside:
        while block := packed.read(BLOCK_BYTES):
            inside.write(block)
        inside.seek(0)
        yield cast(BinaryIO, inside)


def _gzip(content: BinaryIO, out: BinaryIO, kind: Kind, names: Names, depth: int) -> Edited:
    with SpooledTemporaryFile(IN_MEMORY_BYTES) as inside, SpooledTemporaryFile(IN_MEMORY_BYTES) as made:
        with _refusing(), gzip.GzipFile(fileobj=content, mode="rb") as packed:
            while block := packed.read(BLOCK_BYTES):
                inside.write(block)
            written_at = packed.mtime
        inside.seek(0)
        edited = _inside(cast(BinaryIO, inside), cast(BinaryIO, made), kind, names, depth)
        in_header = 0 if edited.places else _times(content, _plain_ways(names))
        if edited.places or in_header:
            told = made if edited.places else inside
            told.seek(0)
            with gzip.GzipFile("", "wb", fileobj=out, mtime=written_at or 0) as target:
                while block := told.read(BLOCK_BYTES):
                    target.write(block)
            edited.replaced += in_header and _fewer(content, out, names)
        return edited


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except ARCHIVE_ERRORS as error:
        raise FileRefused(f"it cannot be unpacked: {error}") from error


def _plain(content: BinaryIO, out: BinaryIO, kind: Kind, names: Names) -> Edited:
    """What is not packed."""
    content.seek(0)
    head = content.read(HEAD_BYTES)
    edited = Edited()
    if head.startswith(parquet.MAGIC):
        form = _form(content, head, kind)
        if parquet.occur_in(content, form, names):
            parquet.edit(content, out, form, names, edited)
        return edited
    if not mentioned_in(content, names):
        return edited
    form = _form(content, head, kind)
    content.seek(0)
    if form.format == "json":
        text = json.edit_document(text_of(content, form.encoding), form, names, edited)
        out.write(_encoded(text.encode(), form.encoding, is_first=True))
        return edited
    blocks = utf8_blocks(content, form.encoding, BLOCK_BYTES)
    for number, part in enumerate(_edit(blocks, form, names, edited)):
        out.write(_encoded(part, form.encoding, is_first=not number))
    return edited


def _edit(blocks: Iterator[bytes], form: Form, names: Names, edited: Edited) -> Iterator[bytes]:
    if form.format == "csv":
        return csv.edit(blocks, form, names, edited)
    if form.format == "jsonl":
        return json.edit_lines(blocks, form, names, edited)
    if names.mode is Mode.REMOVE:  # nothing is a record
        return blocks
    return (edited.counted(names.telling.out_of(part)) for part in json.whole_lines(blocks))


def _encoded(text: bytes, encoding: str, *, is_first: bool) -> bytes:
    told = text.decode("utf-8", "surrogatepass").encode(encoding, "surrogatepass") if encoding in WIDE else text
    return BOM[encoding] + told if is_first and encoding in BOM else told


def _form(content: BinaryIO, head: bytes, kind: Kind) -> Form:
    """How its records are written; of what nobody recognises, its encoding."""

    @contextmanager
    def whole() -> Iterator[BinaryIO]:
        content.seek(0)
        yield content

    try:
        seen = recognise(Content(head, len(head) < HEAD_BYTES, whole), kind.layouts)
    except (FileRefused, Fault):
        return Form(encoding=decode(head)[0])
    if seen.layout is None and seen.written.format != "parquet":
        return Form(encoding=decode(head)[0])
    return Form.of(seen, kind.tagged)


def mentioned_in(content: BinaryIO, names: Names) -> bool:
    """Whether a text mentions one of the identities, in UTF-8 or UTF-16, or has characters written as numbers, which may hide one."""
    content.seek(0)
    ways = [way for word in names.hints for way in (word.encode("utf-8", "surrogatepass"), *(_wide(word)))]
    before = b""
    while block := content.read(BLOCK_BYTES):
        text = before + block
        if any(way in text for way in ways) or b"\\u00" in text:
            return True
        before = text[-LONGEST_WORD:]
    return False


def _wide(word: str) -> Iterator[bytes]:
    return (word.encode(encoding, "surrogatepass") for encoding in WIDE)
