"""Keeps what is recorded: first in the write-ahead file, then in the window, and the window, once it is over, in the lake.

Everything here waits for disks and stores: it is called from threads, by one at a time for `write` and one for `land`.
"""

import io
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from threading import Lock

from msgspec.structs import replace

from cryptodudez_assets.lake.store.stored import ObjectStore
from cryptodudez_assets.recorder.gaps import Cause, Gap, Repair
from cryptodudez_assets.recorder.record import Origin, Record
from cryptodudez_assets.recorder.window import Window, stamp, window_start
from cryptodudez_assets.recorder.write_ahead import Opened, Second, WriteAheadFile, read_back

MOST_WAITING = 7200
"""Seconds that are kept in memory while the disk takes none; of more, the oldest are given up."""
LANDED = "*.landed"
"""The newest window that is in the lake is kept until the next one is, or the recorder ends: it tells when a killed one recorded last."""
WINDOW_START = re.compile(r"[0-9]{1,12}")
AHEAD_SECONDS = 60
"""A window that was recorded so far in the future was recorded by a clock that was wrong."""


@dataclass(frozen=True)
class Recovered:
    """What an earlier process left: the last second that it recorded, and the records of its last window, second by second."""

    last: int
    seconds: Sequence[Sequence[Record]]


class Keeper:
    """The windows of one recorder. `folder` holds its write-ahead files; `say` tells people what happens."""

    def __init__(
        self,
        folder: Path,
        instance: str,
        seconds: int,
        store: ObjectStore,
        say: Callable[[str], None],
        csv_folder: Path | None = None,
    ) -> None:
        self.folder, self.instance, self.seconds = folder, instance, seconds
        self.store, self.say, self.csv_folder = store, say, csv_folder
        self.window: Window | None = None
        self.file: WriteAheadFile | None = None
        self.over: deque[tuple[Window, WriteAheadFile]] = deque()
        self.waiting: deque[Second] = deque()
        self.given_up = 0
        self.problem = ""
        self.is_finished = False
        self._landing = Lock()

    def recover(self, now: float) -> Recovered | None:
        """Take up what write-ahead files hold: the newest window goes on, the others only wait to be landed.

        Nothing is taken up where the earlier process ended as it was told to, and where its clock was far ahead.
        """
        newest: Window | None = None
        for path in self._left_behind():
            self._turn()
            window, end = self._read_back(path)
            if window.last is None:
                path.unlink()  # nothing was recorded
                continue
            newest = window
            if path.suffix == ".wal":
                self.window, self.file = window, WriteAheadFile(path, end)
        if newest is None or newest.last is None:
            return None
        is_ahead = newest.last > now + AHEAD_SECONDS
        if is_ahead or newest.is_over or newest.seconds != self.seconds:
            self._turn()
        return None if is_ahead else Recovered(newest.last, newest.by_second())

    def _left_behind(self) -> list[Path]:
        """Write-ahead files, the oldest first. What only looks like one is left alone, and told."""
        found = [*self.folder.glob("*.wal"), *self.folder.glob(LANDED)]
        windows = [path for path in found if WINDOW_START.fullmatch(path.stem) and path.is_file()]
        for path in set(found) - set(windows):
            self.say(f"{path.name}: no write-ahead file, which is named by a window's start; it is left alone")
        return sorted(windows, key=lambda path: int(path.stem))

    def _read_back(self, path: Path) -> tuple[Window, int]:
        back = read_back(path)
        if back.damaged_bytes or back.torn_bytes:
            kept = path.with_suffix(".damaged")
            shutil.copyfile(path, kept)
            self.say(
                f"{path.name}: {back.damaged_bytes} damaged bytes, and {back.torn_bytes} of an entry that was not finished; "
                f"{len(back.entries)} entries are whole, the file as it was is kept as {kept.name}"
            )
        opened = next((one for one in back.entries if isinstance(one, Opened)), None)
        window = Window(self.instance, int(path.stem), opened.seconds if opened else self.seconds)
        for entry in back.entries:
            if isinstance(entry, Second):
                self._fill(window, entry, opened)
                window.add(entry)
        return window, back.end

    def _fill(self, window: Window, entry: Second, opened: Opened | None) -> None:
        """Where entries before this one are damaged: a record each that says so."""
        first = opened.first if opened else None
        expected = first if window.last is None else window.last + 1
        if expected is None or entry.second <= expected:
            return
        missing = range(expected, entry.second)
        last = {one.book: Record(0, one.book) for one in entry.records}
        last |= {book: records[-1] for book, records in window.records.items()}
        for book, known in last.items():
            records = window.records.setdefault(book, [])
            begin, end = 1_000_000 * missing.start, 1_000_000 * missing.stop
            window.add_gaps([Gap(book, self.instance, begin, end, Cause.DAMAGED, Repair.NONE, known.sequence)])
            records += [replace(known, second=one, source=Origin.CARRIED, is_gap=True) for one in missing]

    def write(self, seconds: Iterable[Second]) -> list[Second]:
        """Put seconds on the disk. Returns those that are there now: of a full disk, none; they wait for the next time."""
        self.waiting.extend(seconds)
        while len(self.waiting) > MOST_WAITING:
            self.waiting.popleft()
            self.given_up += 1
        written: list[Second] = []
        while self.waiting:
            start = window_start(self.waiting[0].second, self.seconds)
            batch = list(takewhile(lambda one: window_start(one.second, self.seconds) == start, self.waiting))  # noqa: B023
            try:
                self._file_of(start, batch[0].second).append(batch)
            except OSError as error:
                self._trouble(f"the disk takes no records, which wait in memory: {error.strerror or error}")
                return written
            for one in batch:
                self.waiting.popleft()
                self._take(one)
            written += batch
        self._trouble("")
        return written

    def _file_of(self, start: int, first: int) -> WriteAheadFile:
        if self.window and self.window.start != start:
            self._turn()
        if self.window is None or self.file is None:
            file = WriteAheadFile(self.folder / f"{start}.wal")
            try:
                file.append([Opened(self.instance, start, self.seconds, first)])
            except OSError:
                file.close()  # the next try opens it again
                raise
            self.window, self.file = Window(self.instance, start, self.seconds), file
        return self.file

    def _take(self, one: Second) -> None:
        assert self.window, "opened before something is appended"  # noqa: S101
        self.window.add(one)
        if self.window.is_over:
            self._turn()

    def _turn(self) -> None:
        """The window goes to the lake; the next second opens another one."""
        if self.window and self.file:
            self.over.append((self.window, self.file))
        self.window = self.file = None

    def finish(self) -> None:
        """Nothing more comes: the window that is not over is landed as it is."""
        self.is_finished = True
        self._turn()

    @property
    def farewell(self) -> str:
        """What people are told when the recorder has ended: where what it recorded is, and what is lost with its memory."""
        where = "the next start lands what waits" if self.over else "what was recorded is in the lake"
        if not self.waiting:
            return f"stopped; {where}"
        first, last = (datetime.fromtimestamp(self.waiting[at].second, UTC) for at in (0, -1))
        return f"stopped; what the disk did not take, from {first:%H:%M:%S} to {last:%H:%M:%S} UTC, is lost; {where}"

    def land(self) -> int:
        """Bring the windows that are over into the lake, the oldest first, and return how many files that were.

        Raises what the store raises; the rest then waits for the next time.
        """
        with self._landing:  # a recorder that ends lands while an earlier call may still be at it
            return self._land()

    def _land(self) -> int:
        landed = 0
        while self.over:
            window, file = self.over[0]
            for key, content in window.files():
                landed += self._land_file(key, content)
            self._write_csv(window)
            self.over.popleft()
            self._forget_landed()
            file.close()
            file.path.rename(file.path.with_suffix(".landed"))
        if self.is_finished:
            self._forget_landed()
        return landed

    def _forget_landed(self) -> None:
        for path in self.folder.glob(LANDED):
            path.unlink()

    def _land_file(self, key: str, content: bytes) -> bool:
        if (there := self.store.stat(key)) is not None:
            with self.store.open(there.key) as known:
                if known.read() == content:
                    return False
            stem, _, suffix = key.rpartition(".")
            other = f"{stem}-{sha256(content).hexdigest()[:8]}.{suffix}"
            self.say(f"{key} is there with other bytes, of another recorder of this instance name? Landed as {other}")
            key = other
        self.store.write(key, io.BytesIO(content))
        return True

    def _write_csv(self, window: Window) -> None:
        """For people, once the window is in the lake: what cannot be written is told, and holds up no other window."""
        if not self.csv_folder:
            return
        try:
            self.csv_folder.mkdir(parents=True, exist_ok=True)
            for book in window.records:
                name = f"{book}-{stamp(window.start)}-{self.instance}.csv"
                (self.csv_folder / name).write_bytes(window.csv(book))
        except OSError as error:
            why = error.strerror or error
            self.say(
                f"no CSV of the window {stamp(window.start)} in {self.csv_folder}: {why}; the lake has its records"
            )

    def _trouble(self, problem: str) -> None:
        if problem != self.problem:
            self.say(problem or f"the disk takes records again{self._loss}")
            self.problem = problem
        if not problem:
            self.given_up = 0

    @property
    def _loss(self) -> str:
        """What of a long trouble found no room, in words."""
        return f"; {self.given_up:,} seconds found no room in memory and are lost" if self.given_up else ""
