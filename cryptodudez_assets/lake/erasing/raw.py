"""Raw objects without an identity: written anew under their names, with the catalogue brought along. The one exception to that raw
files never change, and recorded: what was there is told by its hash.

A rewritten file is no new observation. It keeps its entry, its `file_id` and when it landed; only what its bytes are is told anew.
What is about to be written is noted in the lake first (`erasures/…`), so that whoever finds other bytes than the catalogue knows,
be it after a death, can tell what they are.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO

import polars as pl

from cryptodudez_assets.contracts.base import personal_of
from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.erasing.contents import Kind, Rewritten, rewritten
from cryptodudez_assets.lake.erasing.edited import Tagged
from cryptodudez_assets.lake.erasing.identity import Names
from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.iceberg.checksums import digest_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in
from cryptodudez_assets.lake.store.stored import WRITTEN, StoredObject
from cryptodudez_assets.sources.declaration import Source

NOTES = "erasures"
"""The folder of the lake in which is noted what is about to be written."""


@dataclass(frozen=True)
class Now:
    """The bytes of an object, or of a member of an archive, as they are after it; which records were taken out."""

    sha256: str
    size: int
    removed: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Note:
    """An object that is written anew: what the catalogue calls it, its hash before and after, and what its members became."""

    key: str
    source: str
    generation: str
    before: str
    after: Now
    members: dict[str, Now] = field(default_factory=dict)
    places: int = 0

    @property
    def as_json(self) -> bytes:
        """As text."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parse(cls, told: bytes) -> "Note":
        """From its text."""
        note = json.loads(told)
        members = {name: Now(**one) for name, one in note["members"].items()}
        return cls(**(note | {"after": Now(**note["after"]), "members": members}))


TakeOut = Callable[[Note, Collection[Entry]], None]
"""Brings tables along with records that were taken out of a file, and its entries' counts."""


def kind_of(source: Source | None, of: str) -> Kind:
    """What is known of a source's files, for identities of this kind."""
    if source is None:
        return Kind()
    tagged = frozenset(name for name, kind in personal_of(source.contract).items() if kind == of)
    return Kind(source.layouts, Tagged(tagged))


def erase_from_objects(
    lake: Lake, source: str, names: Names, take_out: TakeOut, refused: Callable[[str, str], None]
) -> Iterator[Note]:
    """Write each raw object of a source anew that tells of the identities; whoever calls holds the source's lock.

    Yields what was done. `refused` hears of objects that could not be looked into, with the reason.
    """
    yield from finish_noted(lake, source, take_out)
    kinds = [kind_of(one, names.kind) for one in sharing(lake, source)]
    for found in list(lake.store.list(lake.raw_folder(source))):
        if found.oddity:
            continue
        try:
            done = next(filter(None, (_rewrite(lake, source, found, kind, names, take_out) for kind in kinds)), None)
        except (FileRefused, OSError, ValueError) as error:
            refused(lake.store.uri(found.key), str(error))
            continue
        if done:
            yield done


def sharing(lake: Lake, source: str) -> list[Source | None]:
    """The sources whose files lie in the folder of this one."""
    folder = lake.raw_folder(source)
    return [one for name, one in lake.sources.items() if lake.raw_folder(name) == folder] or [None]


def _rewrite(lake: Lake, source: str, found: StoredObject, kind: Kind, names: Names, take_out: TakeOut) -> Note | None:
    with lake.store.open(found.key) as content:
        made = rewritten(content, kind, names)
        if made is None:
            return None
        content.seek(0)
        before = digest_of(content)
    with made.content:
        note = _note(found, source, before, made)
        key = f"{NOTES}/{source}/{hashlib.sha256(found.key.encode()).hexdigest()[:32]}.json"
        lake.store.write(key, BytesIO(note.as_json))
        lake.store.write(found.key, made.content)
    _bring_along(lake, note, take_out)
    lake.store.delete(key)
    return note


def _note(found: StoredObject, source: str, before: str, made: Rewritten) -> Note:
    members = {name: Now(one.sha256, one.size, one.edited.removed) for name, one in made.members.items()}
    after = Now(made.whole.sha256, made.whole.size, made.whole.edited.removed)
    return Note(found.key, source, found.generation, before, after, members, made.whole.edited.places)


def finish_noted(lake: Lake, source: str, take_out: TakeOut) -> Iterator[Note]:
    """Do to its end what was begun with the objects of a source, after a death."""
    for found in list(lake.store.list(f"{NOTES}/{source}")):
        if not found.key.endswith(".json"):
            continue
        with lake.store.open(found.key) as content:
            note = Note.parse(content.read())
        there = lake.store.stat(note.key)
        if there is not None and _sha256(lake, note.key) == note.after.sha256:
            _bring_along(lake, note, take_out)
            yield note
        lake.store.delete(found.key)


def _bring_along(lake: Lake, note: Note, take_out: TakeOut) -> None:
    """What the catalogue says of the object becomes what it is now, and that it landed when it did stays."""
    now_is = lake.store.stat(note.key)
    if now_is is None:
        return
    uri = lake.store.uri(note.key)
    for source in [one.name for one in sharing(lake, note.source) if one] or [note.source]:
        known = pl.col("generation").is_in([note.generation, note.generation.partition(WRITTEN)[0]])
        rows = file_entries.files_of(lake.tables, source).filter(known, uri=uri).collect()
        entries = entries_in(rows)
        take_out(note, entries)
        renewed = [_renewed(entry, note, now_is.generation) for entry in entries if entry.status != Status.UNREADABLE]
        if renewed:
            file_entries.amend(lake.tables, source, renewed)


def _renewed(entry: Entry, note: Note, generation: str) -> Entry:
    now = note.after if entry.member is None else note.members.get(entry.member)
    if now is None or entry.sha256 is None:
        return replace(entry, generation=generation)
    return replace(entry, generation=generation, sha256=now.sha256, size=now.size)


def _sha256(lake: Lake, key: str) -> str:
    with suppress(FileNotFoundError), lake.store.open(key) as content:
        return digest_of(content)
    return ""


def same_bytes_before(lake: Lake, source: str, digests: Collection[str]) -> dict[str, str]:
    """Of these hashes those of files that were rewritten, with the `file_id` that they had before and still have."""
    rows = file_entries.files_of(lake.tables, source).filter(
        pl.col("sha256").is_in(list(digests)), pl.col("file_id").is_not_null()
    )
    told = rows.select("sha256", "file_id").unique("sha256").collect()
    return dict(told.iter_rows())
