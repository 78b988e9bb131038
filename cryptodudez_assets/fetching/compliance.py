"""A pass of compliance: posts that X says are not to be kept are handed to whoever takes them out. How that is done is not known here."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl

from cryptodudez_assets.contracts.x_posts import posts_in
from cryptodudez_assets.fetching.origin import insist_on_simulated
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.store.private import make_private, private_file
from cryptodudez_assets.sources.declaration import Source
from cryptodudez_assets.venues.pages import Access
from cryptodudez_assets.venues.x.compliance import ComplianceClient
from cryptodudez_assets.venues.x.protocol import Compliance

VENUE = "X"
TO_GO = "x_posts_to_go."
"""So begin the names of notes with the ids of posts that are being removed. They lie beside the journals of erasures."""

ID_NAMED = ("$.id", "$.id_str")
"""Where a post that is written as JSON says its number."""
LONG = r"\b\d{15,19}\b"
"""Numbers of posts have had so many digits since November 2010."""

Remove = Callable[[Sequence[str]], Sequence[str]]
"""Takes posts out of everything that is kept; tells in words what is left of them, and why."""


@dataclass(frozen=True)
class Honoured:
    """What a pass did: how many posts were asked about, which are gone now and why, and what is left of those that are not.

    `again`: how many more an earlier pass had found, which was interrupted or left something of them.
    """

    asked: int
    gone: Sequence[Compliance]
    left: Sequence[str]
    again: int = 0

    @property
    def told(self) -> str:
        """In one line."""
        if not (self.gone or self.again or self.left):
            return f"asked about {self.asked:,} posts: all may be kept"
        before = f", and {self.again:,} that an earlier pass had begun with" if self.again else ""
        removed = "not all of which is removed" if self.left else "and were removed"
        return f"asked about {self.asked:,} posts: {len(self.gone):,} are not to be kept{before}, {removed}"


def honour(
    lake: Lake,
    access: Access,
    remove: Remove,
    client: Callable[[Access], ComplianceClient] = ComplianceClient,
    say: Callable[[str], None] = lambda _: None,
) -> Honoured:
    """Ask about every post that is kept, whatever source it came from, and have those removed that are not to be.

    What is to go is noted until it is gone: once it is in no table, nobody would ask about what is left of it elsewhere. A pass that
    finds such notes begins with them. Raises Missing without a token, and Failed where X does not answer, or where it would be asked
    about simulated posts.
    """
    insist_on_simulated(lake.settings, VENUE, access.url)
    notes = make_private(make_private(lake.settings.home) / "erasures")
    asked = client(access)
    left: list[str] = []
    again = 0
    for note in sorted(notes.glob(f"{TO_GO}*.txt")):
        say("ending what an earlier pass began")
        again += len(_posts_in(note))
        left += _removed(note, remove)
    kept = sorted(_kept(lake))
    say(f"asking X about {len(kept):,} posts")
    gone = asyncio.run(_gone(asked, kept))
    if gone:
        say(f"{len(gone):,} posts are to go")
        left += _removed(_noted(notes, [one.id for one in gone]), remove)
    return Honoured(len(kept), gone, list(dict.fromkeys(left)), again)


def _noted(notes: Path, posts: Sequence[str]) -> Path:
    """Those who go together have a note of their own, as they have one journal: both are gone on with as they were begun."""
    told = "\n".join(sorted(posts))
    note = notes / f"{TO_GO}{sha256(told.encode()).hexdigest()[:32]}.txt"
    unfinished = private_file(note.with_suffix(".part"))
    unfinished.write_text(told, "utf-8")
    unfinished.replace(note)
    return note


def _removed(note: Path, remove: Remove) -> Sequence[str]:
    left = remove(_posts_in(note))
    if not left:
        note.unlink()
    return left


def _posts_in(note: Path) -> list[str]:
    return note.read_text("utf-8").split()


async def _gone(client: ComplianceClient, kept: Collection[str]) -> list[Compliance]:
    try:
        return await client.gone([*kept])
    finally:
        await client.close()


def _kept(lake: Lake) -> set[str]:
    """The ids of all posts in tables of sources, and in what is set aside of them."""
    found = set()
    for source in lake.sources.values():
        columns = posts_in(source.contract)
        if not columns:
            continue
        for table in filter(None, (source.table, source.observations)):
            if (rows := lake.tables.scan(table)) is not None:
                for name in columns:
                    found |= {*rows.select(pl.col(name).unique().cast(pl.String)).collect()[name].drop_nulls()}
        found |= _set_aside(lake, source)
    return found


def _set_aside(lake: Lake, source: Source) -> set[str]:
    """Ids in records that are in quarantine: what stands under an id's name there, and any number that is as long as one."""
    rows = lake.tables.scan(quarantine.ROWS.name)
    if rows is None:
        return set()
    raw = pl.col("raw")
    ids = pl.concat_list(*(raw.str.json_path_match(path) for path in ID_NAMED), raw.str.extract_all(LONG))
    told = (
        rows.filter(source=source.name)
        .select(ids.list.unique().alias("ids"))
        .explode("ids")
        .collect(engine="streaming")
    )
    return {one for one in told["ids"].drop_nulls() if one.isdecimal()}
