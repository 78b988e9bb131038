"""What an erasure did, a line for each place as it is done: it outlives a death, and becomes the receipt. Names pseudonyms alone."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptodudez_assets.lake.erasing.identity import Names
from cryptodudez_assets.lake.store.private import make_private, private_file

RAW, TABLE, DERIVED, HISTORY, COPY = "raw file", "table", "derived table", "history", "quarantined copy"
EXPORT, ONLINE, BACKUPS = "export, written anew", "online view, dropped", "backups of the catalog"
VERSION = "old version in a bucket"
WHOLE = "nothing is left"


@dataclass(frozen=True)
class Done:
    """What was done in one place: to what, how many places (rows, words) it concerned, and of a raw file the hashes before and after."""

    what: str
    place: str
    count: int | None = None
    before: str | None = None
    after: str | None = None


class Journal:
    """The file of one erasure in the home."""

    def __init__(self, home: Path, pseudonym: str, names: Names) -> None:
        self.path = make_private(make_private(home) / "erasures") / f"{pseudonym}.jsonl"
        self._names = names

    def note(self, done: Done) -> Done:
        """Write it down, for good."""
        told = {**asdict(done), "place": self._names.telling.out_of_text(done.place)}
        with private_file(self.path).open("a", encoding="utf-8") as out:
            out.write(json.dumps(told) + "\n")
            out.flush()
            os.fsync(out.fileno())
        return Done(**told)

    def lines(self) -> Iterator[Done]:
        """All that was noted; a line that somebody died over is none."""
        if not self.path.is_file():
            return
        for line in self.path.read_text("utf-8").splitlines():
            try:
                yield Done(**json.loads(line))
            except (ValueError, TypeError):
                continue

    def since_whole(self) -> Iterator[Done]:
        """The same, since an erasure of this identity was done last."""
        lines = list(self.lines())
        ended = [number for number, one in enumerate(lines, 1) if one.what == WHOLE]
        yield from lines[ended[-1] if ended else 0 :]

    def places(self) -> list[Done]:
        """What was done, one for each place: of what was done in several tries the sum, and the first and the last hash."""
        found: dict[tuple[str, str], Done] = {}
        for one in (one for one in self.lines() if one.what != WHOLE):
            before = found.get((one.what, one.place))
            if before is not None and one == before:
                continue
            count = one.count if before is None or before.count is None else before.count + (one.count or 0)
            first = one.before if before is None else before.before or one.before
            found[one.what, one.place] = Done(one.what, one.place, count, first, one.after)
        return [one for one in found.values() if one.count != 0]
