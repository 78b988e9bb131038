"""A pass of compliance: posts that X says are not to be kept are handed to whoever takes them out. How that is done is not known here."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.private import make_private, private_file
from cryptodudez_assets.venues.pages import Access
from cryptodudez_assets.venues.x.compliance import ComplianceClient
from cryptodudez_assets.venues.x.protocol import Compliance

SOURCE, ID = "x_posts", "id"
TO_GO = "x_posts_to_go."
"""So begin the names of notes with the ids of posts that are being removed. They lie beside the journals of erasures."""

Remove = Callable[[Sequence[str]], Sequence[str]]
"""Takes posts out of everything that is kept; tells in words what is left of them, and why."""


@dataclass(frozen=True)
class Honoured:
    """What a pass did: how many posts were asked about, which are gone now and why, and what is left of those that are not."""

    asked: int
    gone: Sequence[Compliance]
    left: Sequence[str]


def honour(
    lake: Lake,
    access: Access,
    remove: Remove,
    client: Callable[[Access], ComplianceClient] = ComplianceClient,
    say: Callable[[str], None] = lambda _: None,
) -> Honoured:
    """Ask about every post that is kept, and have those removed that are not to be.

    What is to go is noted until it is gone: once it is in no table, nobody would ask about what is left of it elsewhere. A pass that
    finds such notes begins with them. Raises Missing without a token, and Failed where X does not answer.
    """
    notes = make_private(make_private(lake.settings.home) / "erasures")
    asked = client(access)
    left: list[str] = []
    for note in sorted(notes.glob(f"{TO_GO}*.txt")):
        say("ending what an earlier pass began")
        left += _removed(note, remove)
    kept = sorted(_kept(lake))
    say(f"asking X about {len(kept):,} posts")
    gone = asyncio.run(_gone(asked, kept))
    if gone:
        say(f"{len(gone):,} posts are to go")
        left += _removed(_noted(notes, [one.id for one in gone]), remove)
    return Honoured(len(kept), gone, list(dict.fromkeys(left)))


def _noted(notes: Path, posts: Sequence[str]) -> Path:
    """Those who go together have a note of their own, as they have one journal: both are gone on with as they were begun."""
    told = "\n".join(sorted(posts))
    note = notes / f"{TO_GO}{sha256(told.encode()).hexdigest()[:32]}.txt"
    unfinished = private_file(note.with_suffix(".part"))
    unfinished.write_text(told, "utf-8")
    unfinished.replace(note)
    return note


def _removed(note: Path, remove: Remove) -> Sequence[str]:
    left = remove(note.read_text("utf-8").split())
    if not left:
        note.unlink()
    return left


async def _gone(client: ComplianceClient, kept: Collection[str]) -> list[Compliance]:
    try:
        return await client.gone([*kept])
    finally:
        await client.close()


def _kept(lake: Lake) -> Iterator[str]:
    """The ids of all posts in tables of the source."""
    source = lake.sources[SOURCE]
    found = set()
    for table in filter(None, (source.table, source.observations)):
        rows = lake.tables.scan(table)
        if rows is not None:
            found |= {*rows.select(pl.col(ID).unique().cast(pl.String)).collect()[ID]}
    yield from found
