"""Fetch what the lake does not have: which stretches are missing, asked of the feed's client, landed page by page.

Whatever ends it, the next time goes on behind the last page that landed.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.fetching.landing import land, landed
from cryptodudez_assets.fetching.origin import insist_on_origin, insist_on_simulated
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.venues.http import Failed, Missing
from cryptodudez_assets.venues.pages import Access, Client, Page, Series, Span

FEEDS = "feed."
"""The lock of who fetches for a feed is called so, and by its name."""
AT_ONCE = 4
"""Series that are asked for side by side; the venue's governor decides how fast."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of a series that the lake does not have for good."""

    series: Series
    span: Span


OnPage = Callable[[Stretch, Page], None]


@dataclass
class Fetched:
    """What became of a fetch. `failed`: why the rest of a series did not come."""

    stretches: Sequence[Stretch]
    keys: list[str] = field(default_factory=list)
    n_bytes: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def span_of(feed: Feed, first: date | None = None, last: date | None = None) -> Span:
    """Days, both included; by default those that the feed covers, up to now. What is still to come is not asked for."""
    at = now().replace(microsecond=0)
    until = at if last is None or last >= at.date() else _midnight(last + timedelta(days=1))
    begin = max(first, feed.first_day) if first else max((at - feed.covers).date() + timedelta(days=1), feed.first_day)
    return Span(min(_midnight(begin), until), until)


def missing(lake: Lake, feed: Feed, series: Sequence[Series], span: Span, days_again: int) -> list[Stretch]:
    """What the lake does not have for good. Of feeds that are revised, the last `days_again` whole days are asked for again."""
    settled = span.until
    if feed.is_revised:
        settled = min(settled, _midnight(now().date() - timedelta(days=days_again)))
    found = []
    for one in series:
        final = [there.final for there in landed(lake, feed, one) if there.final.first < settled]
        there = [Span(part.first, min(part.until, settled)) for part in final]
        found += [Stretch(one, part) for part in span.without(there)]
    return found


def fetch(
    lake: Lake,
    feed: Feed,
    stretches: Callable[[], Sequence[Stretch]],
    access: Access,
    on_page: OnPage = lambda stretch, page: None,
) -> Fetched:
    """Ask for the stretches that `stretches` gives once nobody else fetches for this feed, and land what comes.

    Raises Missing where nothing can be asked for. Other failures are told in the result: what else could be had is landed.
    """
    insist_on_simulated(lake.settings, feed.venue, access.url)
    client = feed.client(access)
    with exclusive(lake.settings, f"{FEEDS}{feed.name}"):
        return asyncio.run(_fetch(lake, feed, stretches(), client, on_page))


async def _fetch(lake: Lake, feed: Feed, stretches: Sequence[Stretch], client: Client, on_page: OnPage) -> Fetched:
    done, places = Fetched(stretches), asyncio.Semaphore(AT_ONCE)
    ended: list[Failed] = []
    first = _FirstAlone()

    def came(stretch: Stretch, page: Page) -> None:
        first.answered()
        on_page(stretch, page)

    async def one(stretch: Stretch) -> None:
        async with places:
            await first.turn()
            try:
                if not ended:
                    await _pages(lake, feed, stretch, client, done, came)
            except Failed as error:
                done.failed.setdefault(stretch.series.name, str(error))
                if error.for_all:
                    ended.append(error)
            finally:
                first.over()

    try:
        async with asyncio.TaskGroup() as group:
            for stretch in stretches:
                group.create_task(one(stretch))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None  # a full disk, say: those who know what to say of it know no groups
    finally:
        await client.close()
    if ended and isinstance(ended[0], Missing) and not done.keys:
        raise ended[0]
    for stretch in stretches if ended else ():
        done.failed.setdefault(stretch.series.name, str(ended[0]))
    return done


class _FirstAlone:
    """Until an answer came, one asks at a time: a refusal that is for all, or a venue that is down, is met once."""

    def __init__(self) -> None:
        self._alone, self._came = asyncio.Lock(), False

    async def turn(self) -> None:
        """Wait until whoever asks alone has an answer, or gave up."""
        if not self._came:
            await self._alone.acquire()
            if self._came:
                self._alone.release()

    def answered(self) -> None:
        """Let all others ask."""
        self.over()
        self._came = True

    def over(self) -> None:
        """Let the next one ask, where this one had no answer."""
        if not self._came:
            self._alone.release()


async def _pages(lake: Lake, feed: Feed, stretch: Stretch, client: Client, done: Fetched, on_page: OnPage) -> None:
    async with aclosing(client.pages(stretch.series, stretch.span)) as pages:  # type: ignore[type-var]
        async for page in pages:
            insist_on_origin(lake.settings, feed.venue, page.answer)
            done.keys.append(await asyncio.to_thread(land, lake, feed, stretch.series, page))
            done.n_bytes += len(page.answer.body)
            on_page(stretch, page)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
