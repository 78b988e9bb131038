"""What keeps the panel current: follows this home's recorders, looks at the table, keeps the last hour, tells who listens.

One task of the app. It reads what others write, and writes nothing.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from cryptodudez_assets.lake.samples import last_day_of
from cryptodudez_assets.recorder.telling import About, Told
from cryptodudez_assets.settings import Settings
from serving.live.hour import SECONDS, Hour, as_frame, rounded, state_of
from serving.live.listeners import Listeners
from serving.live.recorders import NoRecorder, addresses, follow
from serving.live.status import Status, status_of
from serving.live.table import Found, SpreadsTable

SCAN_SECONDS = 1.0
AGAIN_SECONDS = 5.0
"""Until an address at which no recorder answered is tried again."""
TABLE_SECONDS, TABLE_SECONDS_LIVE = 30.0, 300.0
"""Between looks at the table, while somebody looks at the panel: without a recorder, and with one."""
LOOKED_AT_SECONDS = 60.0
FIRST_LOOK_SECONDS = 5.0
GATHER_SECONDS = 0.1
"""What several recorders tell of a second is one event."""
QUIET_SECONDS = 5.0
"""Without news the status is told so often: who listens can tell a quiet market from a dead connection."""
MOST_CHANGES = 90
"""Of a book in one event. Where there are more, who listens asks for the hour."""
AHEAD_SECONDS = 5
REPEAT_SECONDS = 600.0

log = logging.getLogger(__name__)


class Hub:
    """The panel's data. `look` reads the table, in a worker thread."""

    def __init__(self, settings: Settings, look: Callable[[datetime], Found | None] | None = None) -> None:
        self._settings = settings
        self._folder = settings.home / "recorder"
        self._look = look or SpreadsTable(settings).look
        self.hour = Hour()
        self.listeners = Listeners()
        self._up: dict[str, About] = {}
        self._following: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}
        self._complained: dict[str, float] = {}
        self._table_until: int | None = None
        self._table_at = -TABLE_SECONDS_LIVE
        self._looked_at = -LOOKED_AT_SECONDS
        self._first_look = asyncio.Event()
        self._samples = False
        self._changes: dict[str, dict[int, Told]] = {}
        self._reload = False
        self._news = asyncio.Event()
        self._revision = 0
        self._kept: tuple[tuple[int, int], msgspec.Raw] | None = None

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for one in (self._find_recorders, self._look_at_table, self._tell):
                    group.create_task(one())
        finally:
            for task in self._following.values():
                task.cancel()
            self.close()

    def close(self) -> None:
        """End what streams, so that a server which stops need not wait."""
        self.listeners.close()

    def greeting(self) -> bytes:
        """The first event of one who begins to listen: the status; what he shows he asks for."""
        return self._event({}, reload=True)

    def looked_at(self) -> None:
        """Note that somebody looks: otherwise nobody needs the table."""
        self._looked_at = time.monotonic()

    async def whole(self) -> bytes:
        """The hour as JSON: of each book spreads and letters of its seconds, and the newest observation; the status."""
        await self._looked()
        end = self._end()
        if self._kept is None or self._kept[0] != (self._revision, end):
            self._kept = (self._revision, end), msgspec.Raw(msgspec.json.encode(self.hour.until(end)))
        return msgspec.json.encode({"status": self.status(), "end": end, "books": self._kept[1]})

    async def csv(self) -> str:
        """The hour as a file, a row for each book and second."""
        await self._looked()
        frame = await asyncio.to_thread(as_frame, self.hour.until(self._end()))
        return await asyncio.to_thread(frame.write_csv, datetime_format="%Y-%m-%dT%H:%M:%SZ")

    def status(self) -> Status:
        """As it is now."""
        return status_of(list(self._up.values()), self._table_until, self.hour.newest, self._samples, time.time())

    async def _looked(self) -> None:
        """Wait for the first look at the table, which somebody who looks asks for; not for long."""
        self.looked_at()
        try:
            await asyncio.wait_for(self._first_look.wait(), FIRST_LOOK_SECONDS)
        except TimeoutError:
            log.warning("live panel: the table takes long to be read; it is shown as soon as it is")

    def _end(self) -> int:
        """The last second that is shown: now, or the newest that is known where that is more than an hour ago."""
        now, newest = int(time.time()), self.hour.newest
        return newest if newest is not None and (self._up or newest <= now - SECONDS) else now

    # Recorders

    async def _find_recorders(self) -> None:
        while True:
            try:
                found = await asyncio.to_thread(addresses, self._folder)
            except OSError as error:
                self._complain("folder", f"recorders cannot be looked for: {error}")
                found = {}
            for name, address in found.items():
                if name not in self._following and self._not_before.get(address, 0) <= time.monotonic():
                    self._following[name] = asyncio.create_task(self._follow(name, address))
            self._not_before = {one: at for one, at in self._not_before.items() if one in found.values()}
            await asyncio.sleep(SCAN_SECONDS)

    async def _follow(self, name: str, address: str) -> None:
        def on_about(about: About) -> None:
            if about.instance != name:
                raise NoRecorder(f"it says that it is {about.instance[:63]!r}")
            self._up[name] = about
            self._news.set()

        why = "it ended"
        try:
            await follow(address, on_about, self._on_second)
        except (NoRecorder, httpx.HTTPError) as error:
            why = f"{type(error).__name__}: {error}"
        finally:
            del self._following[name]
            self._not_before[address] = time.monotonic() + AGAIN_SECONDS
            self._up.pop(name, None)
            self._table_at = -TABLE_SECONDS_LIVE
            self._news.set()
        self._complain(name, f"the recorder {name} at {address} is not heard: {why}")

    async def _on_second(self, second: list[Told]) -> None:
        now = time.time()
        for told in second:
            book = self.hour.book(told.book)
            if book is None:
                self._complain("books", f"more books than the panel shows: {told.book} is left out")
            elif now - SECONDS < told.second < now + AHEAD_SECONDS and book.add(told):
                self._changes.setdefault(told.book, {})[told.second] = told
                self._revision += 1
        if self._changes:
            self._news.set()
        await asyncio.sleep(0)  # what was told lately comes all at once

    def _complain(self, topic: str, words: str) -> None:
        if time.monotonic() - self._complained.get(topic, -REPEAT_SECONDS) >= REPEAT_SECONDS:
            self._complained[topic] = time.monotonic()
            log.warning("live panel: %s", words)

    # The table

    async def _look_at_table(self) -> None:
        while True:
            now = time.monotonic()
            is_looked_at = self.listeners or now - self._looked_at < LOOKED_AT_SECONDS
            if is_looked_at and now - self._table_at >= (TABLE_SECONDS_LIVE if self._up else TABLE_SECONDS):
                self._table_at = now
                await self._look_once()
                self._first_look.set()
            await asyncio.sleep(GATHER_SECONDS)

    async def _look_once(self) -> None:
        try:
            self._samples = await asyncio.to_thread(last_day_of, self._settings) is not None
            found = await asyncio.to_thread(self._look, datetime.now(UTC))
        except Exception as error:  # whatever a catalog or a store says: the panel goes on without the table
            self._complain("table", f"the table cannot be read: {type(error).__name__}: {error}")
            return
        self._table_until = found.newest if found else None
        for name, batch in (found.books if found else {}).items():
            book = self.hour.book(name)
            if book is not None and book.add_all(batch):
                self._reload = True
        self._revision += 1
        self._news.set()

    # Listeners

    async def _tell(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._news.wait(), QUIET_SECONDS)
            except TimeoutError:
                log.debug("nothing new")
            await asyncio.sleep(GATHER_SECONDS)
            self._news.clear()
            changes, self._changes = self._changes, {}
            reload = self._reload or any(len(one) > MOST_CHANGES for one in changes.values())
            self._reload = False
            if self.listeners:
                self.listeners.tell(self._event(changes, reload))

    def _event(self, changes: dict[str, dict[int, Told]], reload: bool) -> bytes:
        told: dict[str, Any] = {"status": self.status(), "end": self._end()}
        if reload:
            told["reload"] = True
        else:
            told["books"] = {
                name: {
                    "changes": [(at, rounded(one.spread), state_of(one)) for at, one in sorted(seconds.items())],
                    "now": self.hour.books[name].newest,
                }
                for name, seconds in changes.items()
            }
        return b"data: " + msgspec.json.encode(told) + b"\n\n"
