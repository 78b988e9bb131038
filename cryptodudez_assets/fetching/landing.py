"""Where answers lie in the raw zone, and what their paths say: the raw layer is the cache, and its names are all that it is asked by.

`raw/<source>/series=<name>/<told>_<first>_<until>_<final>.json`: when the venue answered, from when until when the answer tells all
that there is, and until when that is final. Beside it `….request.json` says how it was asked for. An answer that tells of nothing is
`….empty.json`, and not read.
"""

import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from itertools import chain, count
from typing import Any

import msgspec

from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.lake.formats.archives import EMPTY, REQUEST
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.venues.pages import STAMP, STAMP_PATTERN, Answer, Page, Series, Span

log = logging.getLogger("cryptodudez")
NAME = re.compile(
    rf"(?P<told>{STAMP_PATTERN})_(?P<first>{STAMP_PATTERN})_(?P<until>{STAMP_PATTERN})_(?P<final>{STAMP_PATTERN})(-\d+)?({re.escape(EMPTY)})?\.\w+"
)


@dataclass(frozen=True)
class Landed:
    """An answer in the raw zone: what its path says."""

    key: str
    told_at: datetime
    covered: Span
    final: Span


def folder_of(lake: Lake, feed: Feed, series: Series) -> str:
    """Where answers about the series lie."""
    return f"{lake.raw_folder(feed.source)}/series={series.name}"


def landed(lake: Lake, feed: Feed, series: Series) -> Iterator[Landed]:
    """The answers about the series, in the order in which they were given. What others put there is passed over."""
    for one in lake.store.list(folder_of(lake, feed, series)):
        if found := NAME.fullmatch(one.key.rpartition("/")[2]):
            try:
                told, first, until, final = (_read(found[name]) for name in ("told", "first", "until", "final"))
                answer = Landed(one.key, told, Span(first, until), Span(first, final))
            except ValueError as error:
                log.warning("%s is passed over, its name is none of an answer: %s", one.key, error)
                continue
            yield answer


def land(lake: Lake, feed: Feed, series: Series, page: Page) -> str:
    """Put the answer into the raw zone, under a key of its own, which is returned.

    How it was asked for comes first: whatever ends this in between, no answer is without it, and one without an answer counts as none.
    """
    stamps = (page.answer.told_at, page.covered.first, page.covered.until, page.final_until)
    stem = f"{folder_of(lake, feed, series)}/{'_'.join(f'{at:{STAMP}}' for at in stamps)}"
    stems = chain([stem], (f"{stem}-{number}" for number in count(2)))
    suffix = EMPTY * page.is_empty + feed.suffix
    free = next(one for one in stems if lake.store.stat(one + suffix) is None)
    note = msgspec.json.format(msgspec.json.encode(_note(feed, series, page)))
    lake.store.write(free + REQUEST, BytesIO(note))
    lake.store.write(free + suffix, BytesIO(page.answer.body))
    return free + suffix


def _note(feed: Feed, series: Series, page: Page) -> dict[str, Any]:
    answer: Answer = page.answer
    return {
        "feed": feed.name,
        "series": series.name,
        "asked_for": dict(series.parameters),
        "url": answer.url,
        "status": answer.status,
        "headers": dict(answer.headers),
        "asked_at": answer.asked_at,
        "received_at": answer.received_at,
        "server_time": answer.server_time,
        "simulated": answer.is_simulated,
        "covered": [page.covered.first, page.covered.until],
        "final_until": page.final_until,
        "bytes": len(answer.body),
        "sha256": hashlib.sha256(answer.body).hexdigest(),
    }


def _read(stamp: str) -> datetime:
    return datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
