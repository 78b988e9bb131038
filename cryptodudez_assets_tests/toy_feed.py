"""A feed in one file, as somebody would add it to `feeds/`: tides of a harbour, an hour a row, a hundred rows an answer."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from cryptodudez_assets.feeds.declaration import Feed, every
from cryptodudez_assets.venues.fetching import Http, Trouble, beginning_of, by_status
from cryptodudez_assets.venues.governor import Governor
from cryptodudez_assets.venues.pages import Access, Answer, Page, Request, Series, Span

HOUR = timedelta(hours=1)
LIMITS = ((600, 60.0),)


class Tides:
    """The client: pages of `GET /tides?harbour=…&first=…&until=…`."""

    def __init__(self, access: Access) -> None:
        url = access.url or "https://tides.example"
        self._http = Http("the tide office", url, judge=judged, patience=access.patience, tell=access.tell)
        self._governor = Governor(access.folder / "tides_requests.json", LIMITS)

    async def pages(self, series: Series, span: Span) -> AsyncIterator[Page]:
        """Oldest first. An hour is final once it is over by the office's clock."""
        first = span.first
        while first < span.until:
            asked = {"first": str(int(first.timestamp())), "until": str(int(span.until.timestamp()))}
            answer = await self._http.ask(Request("tides", {**series.parameters, **asked}), self._governor)
            told = json.loads(answer.body)
            until = min(span.until, after(told[-1]) if len(told) == 100 else span.until)
            over = max(first, min(until, answer.told_at.replace(minute=0, second=0)))
            yield Page(answer, Span(first, until), over, is_empty=not told)
            first = until

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()


def judged(answer: Answer) -> Trouble | None:
    """A body that is cut off is asked for again."""
    if trouble := by_status(answer):
        return trouble
    try:
        json.loads(answer.body)
    except ValueError:
        return Trouble(f"no JSON: {beginning_of(answer.body)}", again=True)
    return None


def after(row: dict[str, str]) -> datetime:
    """The end of a row's hour."""
    return datetime.strptime(row["time"], "%Y-%m-%dT%H:%M").replace(tzinfo=UTC) + HOUR


FEED = Feed(
    name="tides",
    venue="the tide office",
    description="How high the water stands, hour by hour.",
    owner="team:tests",
    source="readings",
    series=every(harbour=("hamburg", "bremen")),
    client=Tides,
    cron="5 * * * *",
    covers=timedelta(days=10),
    choices={"harbour": "Name of a harbour."},
)
