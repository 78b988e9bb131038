"""What a product was made from: one note for products of every kind, and how snapshots of tables are told apart by what they say.

A product is anything that is made of tables: a table of features, a training set, an export, a report, a model. The note names
the hash of its code and, for each input, the snapshot that it agrees with. Where the note is kept is the product's matter;
of a table it is a property, so that a table may come to agree with a later snapshot without a snapshot of its own.

Upkeep writes snapshots too, which say the same as the one before. They carry its id, and are never taken for news: what an
input says now is its *content*, the id of the newest snapshot that said something else than the one before it.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from cryptodudez_assets.lake.store.stored import ObjectStore

MADE_FROM = "cryptodudez.made_from"
SAME_AS = "cryptodudez.same_as"
NOTHING = 0
"""Stands for the content of a table that nothing was ever written to."""
# The batch that a snapshot of a source's table belongs to, and what became of it.
BATCH, OUTCOME = "cryptodudez.batch", "cryptodudez.outcome"


@dataclass(frozen=True)
class MadeFrom:
    """The hash of the code, and for each input the content that the product agrees with.

    `until`: where time alone makes it stale, when it will be.
    """

    code_hash: str
    inputs: Mapping[str, int]
    until: datetime | None = None

    def is_over(self, at: datetime) -> bool:
        """Whether time alone has made it stale."""
        return self.until is not None and self.until <= at

    @property
    def as_json(self) -> str:
        """As text."""
        note = {"code_hash": self.code_hash, "inputs": dict(self.inputs)}
        return json.dumps(note | ({"until": self.until.isoformat()} if self.until else {}), sort_keys=True)

    @property
    def note(self) -> dict[str, str]:
        """As a property of a table, of a snapshot or of a file."""
        return {MADE_FROM: self.as_json}

    @classmethod
    def parse(cls, told: str) -> "MadeFrom":
        """From its text. Training sets once named their inputs alone, and the hash was called a version."""
        note = json.loads(told)
        if "inputs" not in note:
            note = {"inputs": note}
        inputs = {name: int(content) for name, content in note["inputs"].items() if content is not None}
        code_hash = note.get("code_hash", note.get("version", ""))
        return cls(code_hash, inputs, datetime.fromisoformat(note["until"]) if "until" in note else None)


def made_from(table: Table | None) -> MadeFrom | None:
    """What a table was made from, as it says itself; None where it does not."""
    if table is None:
        return None
    told = table.properties.get(MADE_FROM) or next(filter(None, map(_told, _newest_first(table))), None)
    return MadeFrom.parse(told) if told else None


def content_of(table: Table | None, snapshot_id: int | None = None) -> int | None:
    """The content of a snapshot (by default the newest): its id, or of one that upkeep wrote that of what it rearranged.

    None where nothing was ever written; the id as it is where that snapshot is not kept any more.
    """
    if table is None:
        return snapshot_id
    found = table.current_snapshot() if snapshot_id is None else table.snapshot_by_id(snapshot_id)
    return _content(found) if found else snapshot_id


def kept(table: Table | None, content: int | None) -> int | None:
    """The newest snapshot with this content that is still there to be read."""
    snapshots = _newest_first(table) if table is not None else []
    return next((one.snapshot_id for one in snapshots if _content(one) == content), None)


def changed_at(table: Table, content: int | None) -> datetime:
    """When the table first said something else than that; where that is not kept any more, since when it has at the least."""
    since = None
    for snapshot in _newest_first(table):
        if since and _content(snapshot) == content:
            break
        since = snapshot
    return datetime.fromtimestamp(since.timestamp_ms / 1000, UTC) if since else datetime.now(UTC)


def note_beside(store: ObjectStore, key: str, made: MadeFrom) -> None:
    """Write down what an object was made from, in one beside it. Call it when the object is whole."""
    store.write(_beside(key), io.BytesIO(made.as_json.encode()))


def noted_beside(store: ObjectStore, key: str) -> MadeFrom | None:
    """What is written beside an object; None where it, or the object, is not there."""
    if store.stat(key) is None:
        return None
    try:
        return MadeFrom.parse(store.read(_beside(key)).decode())
    except FileNotFoundError:
        return None


def _beside(key: str) -> str:
    return f"{key}.made_from.json"


def _told(snapshot: Snapshot) -> str | None:
    return snapshot.summary.additional_properties.get(MADE_FROM) if snapshot.summary else None


def _content(snapshot: Snapshot) -> int:
    same_as = snapshot.summary.additional_properties.get(SAME_AS) if snapshot.summary else None
    return int(same_as) if same_as else snapshot.snapshot_id


def _newest_first(table: Table) -> list[Snapshot]:
    return sorted(table.metadata.snapshots, key=lambda one: one.sequence_number or 0, reverse=True)
