"""A pass of compliance: posts that X says are not to be kept are handed to whoever takes them out. How that is done is not known here."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.venues.pages import Access
from cryptodudez_assets.venues.x.compliance import ComplianceClient
from cryptodudez_assets.venues.x.protocol import Compliance

SOURCE, ID = "x_posts", "id"

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

    Whoever is killed does not have to remember anything: the next pass asks again about what is still there. Raises Missing without a
    token, and Failed where X does not answer.
    """
    asked = client(access)
    kept = sorted(_kept(lake))
    say(f"asking X about {len(kept):,} posts")
    gone = asyncio.run(_gone(asked, kept))
    if not gone:
        return Honoured(len(kept), [], [])
    say(f"{len(gone):,} posts are to go")
    return Honoured(len(kept), gone, remove([one.id for one in gone]))


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
