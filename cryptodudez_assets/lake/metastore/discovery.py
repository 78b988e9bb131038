"""Find raw objects that the catalogue does not know: one bounded look at the raw zone, made again and again.

A look has two parts. *Behind the newest key*: where names sort by time and the store can list after a key, this alone finds
what is new, at a cost that does not grow with what is there. *The round*: a page further each time, beginning anew at
the end, which finds late arrivals between old names and files that changed. The catalogue decides what is known; the
cursor is only a hint, and losing it costs one round.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import islice
from json import dumps, loads

from cryptodudez_assets.lake.formats.archives import UNFINISHED
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore.file_entries import known_versions
from cryptodudez_assets.lake.store.objects import StoredObject

PAGE = 1000


@dataclass(frozen=True)
class Cursor:
    """Where the next look begins: behind the greatest key seen, and where the round stands."""

    newest: str = ""
    round: str = ""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """Read a stored cursor; one of an older version begins a new round."""
        try:
            told = loads(text or "{}")
            return cls(told["newest"], told["round"]) if told.get("v") == 1 else cls()
        except (ValueError, KeyError, AttributeError):
            return cls()

    def __str__(self) -> str:
        return dumps({"v": 1, **asdict(self)})


@dataclass(frozen=True)
class Discovery:
    """What one look found, and how much of what it saw is left for a later one."""

    new: list[StoredObject]
    listed: int
    cursor: Cursor
    unsettled: int = 0
    unfinished: int = 0
    held: int = 0
    """New objects beyond those of one page."""
    round_complete: bool = field(default=False)

    @property
    def left(self) -> str:
        """What is left for a later look, in words; empty if nothing is."""
        told = {
            "still being written": self.unsettled,
            "unfinished downloads": self.unfinished,
            "more at the next look": self.held,
        }
        return ", ".join(f"{number} {what}" for what, number in told.items() if number)


def discover(lake: Lake, source: str, cursor: Cursor, page: int = PAGE) -> Discovery:
    """Look at the raw zone of a source once: at most two pages are listed, and at most `page` new objects returned."""
    prefix = lake.raw_folder(source)
    behind = list(islice(lake.store.list(prefix, cursor.round), page))
    ahead = behind if cursor.newest == cursor.round else list(islice(lake.store.list(prefix, cursor.newest), page))
    listed = {found.key: found for found in [*ahead, *behind]}
    unsettled = {key for key, found in listed.items() if not is_stable(lake, found)}
    candidates = {key: found for key, found in listed.items() if key not in unsettled and not key.endswith(UNFINISHED)}
    new = _unknown(lake, source, [ahead, behind], candidates)
    # Never past an object that is not catalogued yet: the next look must find it again should this one's run fail.
    left = min((key for key in {*new, *unsettled} if key > cursor.newest), default=None)
    newest = max([cursor.newest, *(key for key in listed if left is None or key < left)])
    complete = len(behind) < page
    again = Cursor(newest, "" if complete else behind[-1].key)
    unfinished = len(listed) - len(unsettled) - len(candidates)
    found = [new[key] for key in sorted(new)]
    return Discovery(
        found[:page], len(listed), again, len(unsettled), unfinished, len(found[page:]), round_complete=complete
    )


def discover_all(lake: Lake, source: str) -> list[StoredObject]:
    """Every object that the catalogue does not know: a whole round. What is still being written is left (see `unknown`)."""
    found: dict[str, StoredObject] = {}
    objects = lake.store.list(lake.raw_folder(source))
    while listed := list(islice(objects, PAGE)):
        candidates = {one.key: one for one in listed if is_stable(lake, one) and not one.key.endswith(UNFINISHED)}
        found |= _unknown(lake, source, [listed], candidates)
    return [found[key] for key in sorted(found)]


def _unknown(
    lake: Lake, source: str, pages: Iterable[list[StoredObject]], candidates: Mapping[str, StoredObject]
) -> dict[str, StoredObject]:
    """The candidates that the catalogue does not know. It is asked page by page: a page's names lie close together in it."""
    known: set[tuple[str, str]] = set()
    for listed in pages:
        known |= known_versions(
            lake.tables, source, [lake.store.uri(one.key) for one in listed if one.key in candidates]
        )
    return {key: one for key, one in candidates.items() if not is_known(lake, one, known)}


def is_known(lake: Lake, found: StoredObject, known: Set[tuple[str, str]]) -> bool:
    """Whether this version is among the (uri, generation) that the catalogue knows."""
    uri = lake.store.uri(found.key)
    return any((uri, generation) in known for generation in found.generations)


def is_stable(lake: Lake, found: StoredObject) -> bool:
    """Whether a file is done being written. Stores show whole objects only; a time to come was set, not written just now."""
    age = now() - found.modified
    return not lake.settings.lake_is_local or abs(age) >= timedelta(seconds=lake.settings.settle_seconds)
