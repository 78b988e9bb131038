"""Archives of Binance's candles: a zip for each month that is over, for each day of the month that is not, verified by its checksum."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

from cryptodudez_assets.venues.binance.protocol import (
    ARCHIVES_URL,
    Interval,
    NotUnderstood,
    archive_path,
    checksum_of,
    interval_of,
)
from cryptodudez_assets.venues.fetching import Http, Trouble, by_status
from cryptodudez_assets.venues.governor import Governor
from cryptodudez_assets.venues.http import Failed
from cryptodudez_assets.venues.pages import Access, Answer, Page, Request, Series, Span

REQUESTS_A_MINUTE = 1200
"""What is asked for; no limit is told."""
CHECKSUM = ".CHECKSUM"
ATTEMPTS = 3
"""For an archive that comes with other bytes than its checksum tells."""
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NOT_THERE = 404


class Archives:
    """A client of the archives. They come a day or two after what they tell of: one that is not there yet is asked for the next time."""

    def __init__(self, access: Access) -> None:
        self._http = Http(
            "Binance's archives",
            access.url or ARCHIVES_URL,
            judge=_trouble,
            patience=access.patience,
            tell=access.tell,
        )
        self._governor = Governor(access.folder / "binance_archives.json", [(REQUESTS_A_MINUTE, 60.0)])

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def pages(self, series: Series, span: Span) -> AsyncIterator[Page]:
        """The archives of the months, and days, that lie within this time as a whole. Those that are not there are left out."""
        interval = interval_of(series.parameters["interval"])
        for period, covered in periods(interval, span):
            path = archive_path(series.parameters["symbol"], interval, period)
            if (answer := await self._verified(path)) is not None:
                yield Page(answer, covered, covered.until)

    async def _verified(self, path: str) -> Answer | None:
        """The archive, with the bytes that its checksum tells; None where there is none. Raises Failed."""
        for _ in range(ATTEMPTS):
            told = await self._http.ask(Request(path + CHECKSUM), self._governor)
            if told.status == NOT_THERE:
                return None
            try:
                expected = checksum_of(told.body, path.rsplit("/", 1)[1])
            except NotUnderstood as error:
                raise Failed(f"Binance's archives, {path}{CHECKSUM}: {error}") from None
            answer = await self._http.ask(Request(path), self._governor)
            if hashlib.sha256(answer.body).hexdigest() == expected:
                return answer
        raise Failed(f"Binance's archives, {path}: {ATTEMPTS} times it came with other bytes than its checksum tells")


def periods(interval: Interval, span: Span) -> Iterator[tuple[str, Span]]:
    """The archives that tell of this time: months that are over at its end, then days; and what each covers of it.

    Those of seconds come by the day, for a month of them is too large to be held in memory. Candles of more than a day have no archives
    of days.
    """
    is_fine = interval.step is not None and interval.step < MINUTE
    begin = _midnight(span.first).replace(day=1)
    while begin < span.until:
        end = (begin + 31 * DAY).replace(day=1)
        if end <= span.until and not is_fine:
            yield f"{begin:%Y-%m}", Span(max(begin, span.first), end)
        elif interval.step is not None and interval.step <= DAY:
            days = [begin + n * DAY for n in range((end - begin) // DAY)]
            whole = [day for day in days if day + DAY > span.first and day + DAY <= span.until]
            yield from ((f"{day:%Y-%m-%d}", Span(max(day, span.first), day + DAY)) for day in whole)
        begin = end


def _trouble(answer: Answer) -> Trouble | None:
    is_missing = answer.status == NOT_THERE and answer.request.path.endswith(CHECKSUM)
    return None if is_missing else by_status(answer)


def _midnight(at: datetime) -> datetime:
    return datetime(at.year, at.month, at.day, tzinfo=UTC)
