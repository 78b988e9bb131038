"""The recorder at work: it ticks, and has each second written and landed, while it follows the socket and asks over REST.

What is made of messages is `market_state.py`, what is kept `keeper.py`; the socket is `following.py`, requests are `asking.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptodudez_assets.recorder.asking import Asker
from cryptodudez_assets.recorder.following import Follower
from cryptodudez_assets.recorder.gaps import Cause, Gap, Repair
from cryptodudez_assets.recorder.happenings import Happenings
from cryptodudez_assets.recorder.keeper import Keeper
from cryptodudez_assets.recorder.market_state import MarketState
from cryptodudez_assets.recorder.metrics import Metrics
from cryptodudez_assets.recorder.pacing import Due, Pacer
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets.recorder.window import window_start
from cryptodudez_assets.recorder.write_ahead import Second
from cryptodudez_assets.venues.bitso.rest import BitsoRest

LOOK_SECONDS, LANDING_PAUSE_SECONDS = 0.1, 5.0


@dataclass
class Recorder:
    """One process that records. `on_recorded` hears of each second once it is on the disk.

    Behind a kill it hears once more of the last window's: who heard them need not have come to act on them.
    """

    books: Sequence[str]
    instance: str
    socket_url: str
    rest: BitsoRest
    keeper: Keeper
    pacer: Pacer
    metrics: Metrics
    say: Callable[[str], None]
    capture_to: Path | None = None
    on_recorded: list[Callable[[Sequence[Record]], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stopping = asyncio.Event()
        self.state = MarketState(self.books, self.instance, self.pacer.now_us())
        self.on = Happenings(self.state, self.pacer, self.say, self.capture_to)
        self.follower = Follower(self.on, self.books, self.socket_url, self.metrics, self.on_frame)
        self.asker = Asker(self.on, self.books, self.rest, self.metrics)
        self.to_write: asyncio.Queue[list[Second]] = asyncio.Queue()
        self._was_down = False
        self._told_step = 0.0

    async def run(self) -> None:
        """Record until `stopping` is set; then land what there is."""
        self._recover()
        self.on.happened("started", book=",".join(self.books))
        asks = (self.asker.seed, self.asker.fill_in, self.asker.compare)
        async with self._side_by_side(self.follower.follow, *asks, self._land) as group:
            writing = group.create_task(self._write())  # if it fails, nothing counts any more: the recorder must end
            await self._tick()
            self.to_write.put_nowait([])
            await writing
        self.keeper.finish()
        await self._land_once()
        await self.rest.close()
        self.on.close()

    @asynccontextmanager
    async def _side_by_side(self, *work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[asyncio.TaskGroup]:
        """Run these while the context lasts. If one fails, so does the recorder: it is started again by whoever runs it."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one()) for one in work]
            yield group
            for task in tasks:
                task.cancel()

    def _recover(self) -> None:
        found = self.keeper.recover(self.pacer.time())
        if found is None:
            return
        self.pacer.last = found.last
        self._was_down = True
        for records in found.seconds:
            for record in records:
                if record.book in self.state.books:
                    self.state.books[record.book].last = record
            self._tell(records)
        until = datetime.fromtimestamp(found.last, UTC)
        self.say(
            f"an earlier process recorded until {until:%Y-%m-%d %H:%M:%S} UTC; what was missed since is told as a gap"
        )

    async def _tick(self) -> None:
        while not self.stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self.pacer.seconds_to_wait()):
                    await self.stopping.wait()
                return
            self._record_what_is_due()

    def _record_what_is_due(self) -> None:
        if self.stopping.is_set():
            return
        due = self.pacer.due()
        seconds = [*self._missed(due), *self._now(due)]
        if seconds:
            self.to_write.put_nowait(seconds)

    def on_frame(self, text: str | bytes) -> None:
        """What the socket said."""
        if self.pacer.seconds_to_wait() == 0 and self.state.is_later(text, int(self.pacer.time()), self.on.now_us()):
            self._record_what_is_due()  # the tick is late: what was sent since its second is not of it
        self.on.happened("frame", text=text if isinstance(text, str) else text.decode("utf-8", "replace"))
        while self.state.refused:
            self.say(f"the venue refuses: {self.state.refused.pop()}")
        self.asker.settle()

    def _now(self, due: Due) -> list[Second]:
        if due.now is None:
            return []
        now_us = self.on.now_us()
        self.on.happened("second", second=due.now)
        self.metrics.on_tick(due.late, self.state, len(self.keeper.waiting) + self.to_write.qsize())
        records = self.state.records(due.now, now_us)
        return [Second(due.now, records, [*self.state.take_gaps(), *self.state.open_gaps(now_us)])]

    def _missed(self, due: Due) -> list[Second]:
        """Seconds at which nobody looked, and why."""
        cause = Cause.NOT_RUNNING if self._was_down else Cause.CLOCK_STEP if due.step else Cause.HELD_UP
        is_new_step = bool(due.step) and due.step != self._told_step
        missed = due.missed
        if due.is_long:
            window_end = window_start(due.missed.start, self.keeper.seconds) + self.keeper.seconds
            missed = range(due.missed.start, window_end)
        if not (due.missed or is_new_step):
            return []
        self._told_step, was_down, self._was_down = due.step, self._was_down, False
        begin = due.missed.start if due.missed else self.pacer.last
        end = due.missed.stop if due.missed else begin
        repair = Repair.RESTART if was_down else Repair.NONE
        gaps = [
            Gap(book, self.instance, 1_000_000 * begin, 1_000_000 * end, cause, repair, state.last.sequence)
            for book, state in self.state.books.items()
        ]
        self.say(
            f"{cause}: {end - begin} seconds without a look at the books" + (f", {due.step:+.1f} s" if due.step else "")
        )
        told = [Second(one, self.state.missed(one)) for one in missed]
        return [Second(told[0].second, told[0].records, gaps), *told[1:]] if told else self._gaps_alone(gaps)

    def _gaps_alone(self, gaps: list[Gap]) -> list[Second]:
        """A step back has no second of its own: it is told with the next one."""
        for gap in gaps:
            self.state.books[gap.book].closed_gaps.append(gap)
        return []

    async def _write(self) -> None:
        """Put seconds on the disk, then tell whoever listens: what is not on the disk does not count."""
        is_over = False
        while not is_over:
            batch = await self.to_write.get()
            is_over = not batch
            while not self.to_write.empty():
                more = self.to_write.get_nowait()
                is_over = is_over or not more
                batch = batch + more
            for second in await asyncio.to_thread(self.keeper.write, batch):
                self.metrics.on_written(second)
                self._tell(second.records)

    def _tell(self, records: Sequence[Record]) -> None:
        for hear in self.on_recorded:
            hear(records)

    async def _land(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS if await self._land_once() else LANDING_PAUSE_SECONDS)

    async def _land_once(self) -> bool:
        """Whether it went well."""
        try:
            if landed := await asyncio.to_thread(self.keeper.land):
                self.say(f"landed {landed} files")
        except Exception as error:  # whatever a store says: the window waits in its write-ahead file
            told = f"the lake takes no files, which wait on this disk: {type(error).__name__}: {error}"
            self.on.trouble("lake", told)
            return False
        return True
