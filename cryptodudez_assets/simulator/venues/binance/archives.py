"""Archives of the simulated exchange: a zip for each month that is over, and for each day, with its SHA-256 beside it."""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptodudez_assets.simulator.venues.binance.rest import Rest
from cryptodudez_assets.simulator.venues.http import Answer
from cryptodudez_assets.venues.binance import answers
from cryptodudez_assets.venues.binance.protocol import INTERVALS, Interval, at_ms, to_ms

PATH = re.compile(
    r"/data/spot/(?:monthly|daily)/klines/(?P<symbol>[^/]+)/(?P<interval>[^/]+)/"
    r"(?P=symbol)-(?P=interval)-(?P<period>\d{4}-\d{2}(?:-\d{2})?)\.zip(?P<checksum>\.CHECKSUM)?"
)
BY_PATH_NAME = {interval.path_name: interval for interval in INTERVALS.values()}
ALL = 10**6
NOT_THERE = Answer(404, answers.NO_SUCH_ARCHIVE, content_type="application/xml")


class Archives:
    """`has_header`: whether the first line of a file names its columns."""

    def __init__(self, rest: Rest, now_ms: Callable[[], int], *, has_header: bool = False) -> None:
        self._rest, self._now_ms, self._has_header = rest, now_ms, has_header

    def answer(self, path: str, *, is_damaged: bool) -> Answer:
        """The answer to a GET of an archive, or of its checksum."""
        asked = PATH.fullmatch(path)
        interval = BY_PATH_NAME.get(asked["interval"]) if asked else None
        if asked is None or interval is None:
            return NOT_THERE
        content = self._zip(asked["symbol"], interval, asked["period"])
        if content is None:
            return NOT_THERE
        name = path.rsplit("/", 1)[1].removesuffix(".CHECKSUM")
        if asked["checksum"]:
            return Answer(200, f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode(), content_type="text/plain")
        if is_damaged:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
        return Answer(200, content, content_type="application/zip")

    def _zip(self, symbol: str, interval: Interval, period: str) -> bytes | None:
        try:
            first = datetime.strptime(period, "%Y-%m-%d" if period.count("-") == 2 else "%Y-%m").replace(tzinfo=UTC)
            end = first + timedelta(days=1) if period.count("-") == 2 else (first + timedelta(days=31)).replace(day=1)
            candles = self._rest.candles(symbol, interval, first, end - timedelta(milliseconds=1), ALL)
        except (KeyError, ValueError):
            return None
        if to_ms(end) > self._now_ms() or not candles:
            return None
        told = [self._rest.differing(symbol, interval, one) for one in candles if at_ms(one.open_ms) < end]
        lines = [answers.ARCHIVE_HEADER] * self._has_header + [answers.archive_line(one) for one in told]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            file = zipfile.ZipInfo(f"{symbol}-{interval.path_name}-{period}.csv")  # its time is always the same
            archive.writestr(file, "\n".join(lines) + "\n", zipfile.ZIP_DEFLATED)
        return packed.getvalue()
