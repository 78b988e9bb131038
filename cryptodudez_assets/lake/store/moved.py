"""What a lake says of its own move: one small object at its root, by which nobody writes to a lake that went elsewhere, nor opens one
that is not whole yet. Who moves lakes is in `lake/moving/`.

Writers look before and after each object they write, and table by table before each commit: whoever has looked before the note was
there has written before the last difference is copied. In a bucket a look counts for `LOOK_SECONDS`, which whoever moves waits for.
"""

import functools
import json
import shlex
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Concatenate, Literal, ParamSpec, Protocol, TypeVar

KEY = "moved.json"
LOOK_SECONDS = 20.0
"""So long a look at a bucket counts: it costs a request."""

State = Literal["arriving", "whole", "leaving", "left"]


class HomeMoved(Exception):
    """The lake is not written to any more, or not whole yet: the message says where it is, and what to set."""


@dataclass(frozen=True)
class Move:
    """A lake on its way: `arriving` or `whole` says the one that comes, `leaving` or `left` the one that was.

    `place` and `raw` are the other lake's, `catalog` where the other one's database is, without who asks.
    """

    id: str
    state: State
    place: str
    raw: str
    catalog: str

    @property
    def as_json(self) -> bytes:
        """The note's text."""
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def parse(cls, text: bytes) -> "Move":
        """From its text."""
        return cls(**json.loads(text))

    def to_set(self) -> str:
        """What is to be in the environment where the other lake is used."""
        raw = f" CRYPTODUDEZ_RAW={shlex.quote(self.raw)}" if self.raw else ""
        return f"CRYPTODUDEZ_LAKE={shlex.quote(self.place)}{raw} CRYPTODUDEZ_CATALOG={shlex.quote(self.catalog)}"

    def insist_on_whole(self, lake: str) -> None:
        """Raise `HomeMoved` where the lake must not even be read: it is not there yet."""
        if self.state == "arriving":
            raise HomeMoved(
                f"the lake {lake} is being filled from {self.place}, and not whole yet: let `cryptodudez migrate` end, or run it again"
            )

    def insist_on_staying(self, lake: str) -> None:
        """Raise `HomeMoved` where the lake must not be written to."""
        self.insist_on_whole(lake)
        if self.state == "leaving":
            raise HomeMoved(
                f"the lake {lake} is being moved to {self.place}, and only read meanwhile: let `cryptodudez migrate` end, or run it "
                f"again. Then set {self.to_set()}"
            )
        if self.state == "left":
            raise HomeMoved(f"the lake {lake} was moved to {self.place}, and is only read since: set {self.to_set()}")


class Looks:
    """Looks at the note of one lake. `counts_for`: so many seconds what was seen is not asked for again."""

    def __init__(self, lake: str, read: Callable[[str], bytes], counts_for: float = 0.0) -> None:
        self._lake, self._read, self._counts_for = lake, read, counts_for

    def note(self) -> Move | None:
        """What the lake says; None where it says nothing."""
        looked_at, seen = _SEEN.get(self._lake, (None, None))
        now = time.monotonic()
        if self._counts_for and looked_at is not None and now - looked_at < self._counts_for:
            return seen
        try:
            found = Move.parse(self._read(KEY))
        except (FileNotFoundError, NotADirectoryError):
            found = None
        if self._counts_for:
            _SEEN[self._lake] = now, found
        return found

    @property
    def has_moved(self) -> bool:
        """Whether it must not be written to."""
        return (note := self.note()) is not None and note.state != "whole"

    def insist_on_staying(self) -> None:
        """Raise `HomeMoved` where it must not be written to."""
        if (note := self.note()) is not None:
            note.insist_on_staying(self._lake)

    def insist_on_whole(self) -> None:
        """Raise `HomeMoved` where it must not even be read."""
        if (note := self.note()) is not None:
            note.insist_on_whole(self._lake)


_SEEN: dict[str, tuple[float | None, Move | None]] = {}


class Movable(Protocol):
    """A store of a lake that may have gone elsewhere."""

    looks: Looks | None


Store = TypeVar("Store", bound=Movable)
Arguments = ParamSpec("Arguments")


def unless_moved(
    method: Callable[Concatenate[Store, Arguments], None],
) -> Callable[Concatenate[Store, Arguments], None]:
    """A method of a store that writes: not where the lake went elsewhere, and refused where it did so meanwhile."""

    @functools.wraps(method)
    def guarded(self: Store, /, *args: Arguments.args, **named: Arguments.kwargs) -> None:
        if self.looks:
            self.looks.insist_on_staying()
        method(self, *args, **named)
        if self.looks:
            self.looks.insist_on_staying()

    return guarded
