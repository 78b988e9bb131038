"""The recorder at work: it follows the socket, asks over REST for what the socket cannot tell, and ticks.

What is made of messages is `market_state.py`, what is kept `keeper.py`; here is only what waits, and what happens side by side.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from cryptodudez_assets.recorder.capture import Capture, Kind, Line, tell
from cryptodudez_assets.recorder.checking import Check, Matches
from cryptodudez_assets.recorder.gaps import Cause, Gap, Repair
from cryptodudez_assets.recorder.keeper import Keeper
from cryptodudez_assets.recorder.market_state import MarketState
from cryptodudez_assets.recorder.metrics import Metrics
from cryptodudez_assets.recorder.order_book import Impossible
from cryptodudez_assets.recorder.pacing import Due, Pacer
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets.recorder.window import window_start
from cryptodudez_assets.recorder.write_ahead import Second
from cryptodudez_assets.venues.bitso.protocol import LONGEST_FRAME, NotUnderstood, subscription
from cryptodudez_assets.venues.bitso.rest import BitsoRest, Refused, Told

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
STEADY_SECONDS = 60.0
"""A connection that lasted so long was good: the next one is tried at once."""
OPEN_SECONDS = 10.0
LOOK_SECONDS = 0.1
CHECK_SECONDS, CHECK_PATIENCE_SECONDS = 60.0, 5.0
LANDING_PAUSE_SECONDS = 5.0
REPEAT_SECONDS = 60.0
FRAMES_AT_ONCE = 64
MOST_FRAMES = 512
"""Frames that wait to be read; of more, the venue is made to wait."""


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
        self.state = MarketState(self.books, self.instance, self.now_us())
        self.capture = Capture(self.capture_to) if self.capture_to else None
        self.to_write: asyncio.Queue[list[Second]] = asyncio.Queue()
        self.check: Check | None = None
        self.matches = Matches()
        self._was_down = self._gave_up = False
        self._told_step = 0.0
        self._troubles: dict[str, tuple[str, int]] = {}

    def now_us(self) -> int:
        """The grid's clock, in microseconds of Unix time."""
        return int(1e6 * self.pacer.time())

    async def run(self) -> None:
        """Record until `stopping` is set; then land what there is."""
        self._recover()
        self._happened("started", book=",".join(self.books))
        async with self._side_by_side(self._follow, self._seed, self._fill_in, self._check, self._land) as group:
            writing = group.create_task(self._write())  # if it fails, nothing counts any more: the recorder must end
            await self._tick()
            self.to_write.put_nowait([])
            await writing
        self.keeper.finish()
        await self._land_once()
        await self.rest.close()
        if self.capture:
            self.capture.close()

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

    # Seconds

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

    def _now(self, due: Due) -> list[Second]:
        if due.now is None:
            return []
        now_us = self.now_us()
        self._happened("second", second=due.now)
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
            self._trouble("lake", told)
            return False
        return True

    # The socket

    async def _follow(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            began_us = self.now_us()
            cause = await self._follow_once()
            if self.state.is_connected:
                self._happened("disconnected", book=str(cause))
                self.metrics.reconnects.inc()
            pause = FIRST_PAUSE_SECONDS if self.now_us() - began_us > 1e6 * STEADY_SECONDS else pause
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _follow_once(self) -> Cause:
        try:
            async with connect(
                self.socket_url,
                open_timeout=OPEN_SECONDS,
                close_timeout=1.0,
                ping_interval=None,  # the venue does not answer pings; its keep-alives tell that it is there
                max_size=LONGEST_FRAME,
                max_queue=MOST_FRAMES,
                compression=None,
            ) as socket:
                self._happened("connected")
                self.say(f"connected to {self.socket_url}")
                for book in self.books:
                    await socket.send(subscription(book))
                await self._read(socket)
        except (OSError, WebSocketException, TimeoutError) as error:
            self._trouble("socket", f"no connection to {self.socket_url}: {type(error).__name__}: {error}")
        return Cause.STALLED if self._gave_up else Cause.DISCONNECTED

    async def _read(self, socket: ClientConnection) -> None:
        """Until the connection ends. Frames that are there already are read without a pause: ticks must come between them."""
        self._gave_up = False
        watching = asyncio.create_task(self._give_up_if_dead(socket))
        try:
            n_frames = 0
            async for text in socket:
                self._on_frame(text)
                n_frames += 1
                if n_frames % FRAMES_AT_ONCE == 0:
                    await asyncio.sleep(0)
        finally:
            watching.cancel()

    async def _give_up_if_dead(self, socket: ClientConnection) -> None:
        while not self.state.is_dead(self.now_us()):
            await asyncio.sleep(1.0)
        self.say("the socket says nothing, not even that it is alive: it is given up")
        self._gave_up = True
        socket.transport.abort()

    def _on_frame(self, text: str | bytes) -> None:
        if self.pacer.seconds_to_wait() == 0 and self.state.is_later(text, int(self.pacer.time()), self.now_us()):
            self._record_what_is_due()  # the tick is late: what was sent since its second is not of it
        self._happened("frame", text=text if isinstance(text, str) else text.decode("utf-8", "replace"))
        while self.state.refused:
            self.say(f"the venue refuses: {self.state.refused.pop()}")
        if self.check:
            self._settle(self.check)

    # REST

    async def _seed(self) -> None:
        """Ask for the books that are out of sequence, one after the other."""
        told = 0
        while True:
            waiting = self.state.to_seed(self.now_us())
            if not waiting:
                told = 0
                await asyncio.sleep(LOOK_SECONDS)
                continue
            if told == 0 and len(waiting) > 1:
                self.say(f"{len(waiting)} books are to be seeded, which takes about {len(waiting)} s")
            told += 1
            if told % 10 == 0:
                self.say(f"{len(waiting)} books are still to be seeded")
            book = waiting[0].name
            if answer := await self._asked(self.rest.order_book(book)):
                self._answered("order_book", answer, book)
            else:
                await asyncio.sleep(1.0)

    async def _fill_in(self) -> None:
        """Ask for the ticker while the socket does not tell of all books: one answer tells of each."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.state.wants_ticker(self.now_us()):
                if answer := await self._asked(self.rest.tickers()):
                    self._answered("tickers", answer)
                await asyncio.sleep(1.0 - LOOK_SECONDS)

    async def _check(self) -> None:
        """Compare a book with what the venue says of it, one after the other."""
        number = 0
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            state = self.state.books[self.books[number % len(self.books)]]
            number += 1
            if state.in_sequence:
                self.check = check = Check(state)
                if answer := await self._asked(self.rest.order_book(state.name)):
                    check.answer(answer.body)
                    await self._wait_for(check)
                self.check = None

    async def _wait_for(self, check: Check) -> None:
        """Until the socket has told what the answer knows: a socket that does not has lost something."""
        for _ in range(int(CHECK_PATIENCE_SECONDS / LOOK_SECONDS)):
            if self.check is not check:
                return  # it was told, or the book was lost meanwhile
            self._settle(check)
            await asyncio.sleep(LOOK_SECONDS)
        self.say(f"{check.book.name}: the venue knows more than its socket tells; the book is seeded anew")
        check.book.lose(
            Cause.SEQUENCE, check.book.newest.received_us if check.book.newest else self.now_us(), goes_on=False
        )

    def _settle(self, check: Check) -> None:
        if (same := check.outcome()) is not None:
            self.matches.add(same)
            self.metrics.on_match(same)
            if not same:
                self.say(f"{check.book.name}: the venue's book differs from the recorder's; it is seeded anew")
                check.book.lose(Cause.SEQUENCE, self.now_us(), goes_on=False)
            self.check = None

    async def _asked(self, asking: Coroutine[Any, Any, Told]) -> Told | None:
        try:
            return await asking
        except Refused as error:
            self.metrics.refused.inc()
            self._trouble("rest", str(error))
            return None

    def _answered(self, kind: Kind, answer: Told, book: str = "") -> None:
        try:
            self._happened(kind, answer.body.decode("utf-8", "replace"), book, answer.requested_us)
        except (NotUnderstood, Impossible, ValueError) as error:
            self.metrics.not_understood.inc()
            self.say(f"{kind} of {book or 'all books'}: not understood: {error}")

    def _trouble(self, topic: str, text: str) -> None:
        """Say what is wrong, once a minute as long as it stays the same."""
        before, at_us = self._troubles.get(topic, ("", 0))
        if text != before or self.now_us() - at_us > 1e6 * REPEAT_SECONDS:
            self._troubles[topic] = (text, self.now_us())
            self.say(text)

    def _happened(self, kind: Kind, text: str = "", book: str = "", requested_us: int = 0, second: int = 0) -> None:
        """Tell the state, and the capture if there is one."""
        line = Line(kind, self.now_us(), text, book, requested_us, second)
        if self.capture:
            self._capture(self.capture, line)
        tell(self.state, line)

    def _capture(self, capture: Capture, line: Line) -> None:
        try:
            capture.add(line)
        except OSError as error:
            self.capture = None
            self.say(f"the capture ends here, the disk takes no more of it: {error.strerror or error}")
