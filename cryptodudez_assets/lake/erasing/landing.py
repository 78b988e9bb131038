"""What lands of people who were erased: recognised by the key before anything of a file is read into tables, and rewritten.

Who they were is written nowhere. How they looked is (so many letters, such signs), so that words like theirs are found and hashed.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from itertools import chain
from typing import BinaryIO

from cryptodudez_assets.contracts.base import personal_of
from cryptodudez_assets.lake.erasing import registry
from cryptodudez_assets.lake.erasing.contents import rewritten
from cryptodudez_assets.lake.erasing.decoded import as_bytes, meanings
from cryptodudez_assets.lake.erasing.identity import NO_NEIGHBOUR, Identity, Mode, Names
from cryptodudez_assets.lake.erasing.others import others_beside
from cryptodudez_assets.lake.erasing.raw import NOTES, kind_of, same_bytes_before, sharing
from cryptodudez_assets.lake.erasing.registry import Erased
from cryptodudez_assets.lake.formats.archives import ARCHIVE_ERRORS, FileRefused
from cryptodudez_assets.lake.iceberg.checksums import digest_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.sources.declaration import Source

LANDED = f"{NOTES}/landed"
"""The folder of the lake in which is noted what was rewritten before it was read, with the hashes before and after."""
LONGEST_WORD = 4 << 10
NUMBERED, MARKED = re.compile(rb"(?:\\u[0-9A-Fa-f]{4})+"), re.compile(rb'\\(["\\/])|"(")')
"""How JSON and CSV write characters that they may not, or need not, write as they are."""


@dataclass(frozen=True)
class Gate:
    """Who was erased, of the kinds that a source has, and the key."""

    lake: Lake
    source: Source
    erased: Sequence[Erased]
    key: bytes
    _known: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, lake: Lake, source: Source) -> "Gate | None":
        """That of a source; None where nobody of its kinds was erased. Raises `registry.NoKey` where somebody was, without the key."""
        own = [one for one in sharing(lake, source.name) if one]
        kinds = sorted({kind for one in own for kind in personal_of(one.contract).values()})
        erased = [one for kind in kinds for one in registry.erased(lake.tables, kind)]
        if not erased:
            return None
        key = registry.erasure_key(lake.settings)
        registry.insist_on_same_key(lake.tables, key)
        return cls(lake, source, erased, key)

    def passed(self, found: StoredObject, say: Callable[[str], None]) -> StoredObject:
        """The object as it may be read: rewritten where it tells of somebody who was erased. It landed when it did."""
        if found.oddity:
            return found
        for kind, mode in sorted({(one.kind, one.mode) for one in self.erased}):
            try:
                found = self._without(found, kind, mode, say)
            except (FileNotFoundError, FileRefused, *ARCHIVE_ERRORS):
                continue  # what is wrong with it is told when it is catalogued
        return found

    def name_as_before(self, entries: Iterable[Entry]) -> None:
        """What was landed before somebody was erased, and lands again, is the same file: it has the bytes that it was given since."""
        entries = [one for one in entries if one.sha256 and one.file_id and one.sha256.startswith(one.file_id)]
        before = same_bytes_before(self.lake, self.source.name, [str(one.sha256) for one in entries])
        for entry in entries:
            entry.file_id = before.get(str(entry.sha256), entry.file_id)

    def _without(self, found: StoredObject, kind: str, mode: Mode, say: Callable[[str], None]) -> StoredObject:
        store = self.lake.store
        with store.open(found.key) as content:
            names = Names(kind, dict(self._told_in(content, kind, mode)), mode)
            names = replace(names, others=self._others(names))
            kinds = [kind_of(one, kind) for one in sharing(self.lake, self.source.name)] if names.instead else []
            made = next(filter(None, (rewritten(content, one, names) for one in kinds)), None)
            if made is None:
                return found
            content.seek(0)
            before = digest_of(content)
        with made.content:
            told = {"key": found.key, "before": before, "after": made.whole.sha256, "places": made.whole.edited.places}
            store.write(f"{LANDED}/{self.source.name}/{before[:32]}.json", BytesIO(json.dumps(told).encode()))
            store.write(found.key, made.content)
        say(
            f"{found.key}: {made.whole.edited.places} places that told of who was erased were rewritten "
            f"(sha256 {before[:16]}… became {made.whole.sha256[:16]}…)"
        )
        now_is = store.stat(found.key)
        return found if now_is is None else replace(now_is, modified=found.modified)

    def _others(self, names: Names) -> frozenset[str]:
        """Who is somebody else, by tables as they were when this one was looked for first: each file has few who were erased."""
        told = frozenset(names.instead)
        if told not in self._known:
            self._known[told] = others_beside(self.lake, [self.source], names)
        return self._known[told]

    def _told_in(self, content: BinaryIO, kind: str, mode: Mode) -> Iterator[tuple[str, str]]:
        """Identities that a file mentions and that were erased, with their pseudonyms."""
        pseudonyms = {one.pseudonym for one in self.erased if (one.kind, one.mode) == (kind, mode)}
        for word in self._words_in(content):
            pseudonym = Identity(kind, word).pseudonym(self.key)
            if pseudonym in pseudonyms:
                yield word, pseudonym

    def _words_in(self, content: BinaryIO) -> set[str]:
        """Words that look like one who was erased, also where one has another in it."""
        found = {word for text in _texts_of(content) for shape in self._shapes for word in shape.findall(text)}
        return {word.decode("utf-8", "replace") for word in found}

    @cached_property
    def _shapes(self) -> list[re.Pattern[bytes]]:
        shapes = sorted({one.shape for one in self.erased})
        around = f"(?<!{NO_NEIGHBOUR})", f"(?!{NO_NEIGHBOUR})"
        return [re.compile(f"{around[0]}(?=({shape}){around[1]})".encode()) for shape in shapes]


def _texts_of(content: BinaryIO) -> Iterator[bytes]:
    """What a file says, in parts that overlap by the longest word, and once more with characters that are written otherwise."""
    for stream in chain([as_bytes(content)], meanings(content, numbers=True)):  # one after the other, as they are read
        before = b""
        for block in stream:
            text = before + block
            yield text
            if b"\\" in text or b'""' in text:
                yield MARKED.sub(_marked, NUMBERED.sub(_numbered, text))
            before = text[-LONGEST_WORD:]


def _numbered(found: re.Match[bytes]) -> bytes:
    units = bytes.fromhex(found.group().replace(b"\\u", b"").decode())
    return units.decode("utf-16-be", "replace").encode()


def _marked(found: re.Match[bytes]) -> bytes:
    return bytes(found.group(1) or found.group(2))
