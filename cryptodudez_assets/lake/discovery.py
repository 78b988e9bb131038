"""Find raw objects that the catalogue does not know: one bounded look at the raw zone, made again and again.

A look has two parts. *Behind the newest key*: where names sort by time and the store can list after a key, this alone finds
what is new, at a cost that does not grow with what is there. *The round*: a page further each time, beginning anew at
the end, which finds late arrivals between old names and files that changed. The catalogue decides what is known; the
cursor is only a hint, and losing it costs one round.
"""

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import islice
from json import dumps, loads

from cryptodudez_assets.lake.archives import UNFINISHED
from cryptodudez_assets.lake.catalogue import known_versions
from cryptodudez_assets.lake.lake import Lake, now, raw_prefix
from cryptodudez_assets.lake.objects import StoredObject

PAGE = 1000


@dataclass(frozen=True)
class Cursor:
    """Where the next look begins: behind the greatest key seen, and where the round stands."""

    newest: str = ""
    round: str = ""

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """Read a stored cursor; one of an older version begins a new round."""
        told = loads(text) if text else {}
        return cls(told["newest"], told["round"]) if told.get("v") == 1 else cls()

    def __str__(self) -> str:
        return dumps({"v": 1, **asdict(self)})


@dataclass(frozen=True)
class Discovery:
    """What one look found."""

    new: list[StoredObject]
    listed: int
    cursor: Cursor
    unsettled: int = 0
    round_complete: bool = field(default=False)


def discover(lake: Lake, source: str, cursor: Cursor, page: int = PAGE) -> Discovery:
    """Look at the raw zone of a source once: at most two pages are listed, and at most `page` new objects returned."""
    prefix = raw_prefix(source)
    ahead = list(islice(lake.store.list(prefix, cursor.newest), page)) if cursor.newest else []
    behind = list(islice(lake.store.list(prefix, cursor.round), page))
    listed = {found.key: found for found in [*ahead, *behind]}
    settled_before = now() - timedelta(seconds=lake.settings.settle_seconds)
    settled = {key: found for key, found in listed.items() if found.modified <= settled_before or not lake.settings.lake_is_local}
    known = known_versions(lake.tables, source, [lake.store.uri(key) for key in settled])
    new = [found for key, found in sorted(settled.items()) if (lake.store.uri(key), found.generation) not in known]
    new = [found for found in new if not found.key.endswith(UNFINISHED)][:page]
    complete = len(behind) < page
    # Never past an object that is not catalogued yet: it must be found again should this run fail.
    first_left = min((key for key in listed if key not in settled), default=None)
    seen = max([cursor.newest, *listed])
    newest = seen if first_left is None else cursor.newest
    return Discovery(new, len(listed), Cursor(newest, "" if complete else behind[-1].key), len(listed) - len(settled), complete)


def discover_all(lake: Lake, source: str) -> list[StoredObject]:
    """Every object that the catalogue does not know: a whole round."""
    found: dict[str, StoredObject] = {}
    cursor, complete = Cursor(), False
    while not complete:
        look = discover(lake, source, Cursor(round=cursor.round))
        found |= {new.key: new for new in look.new}
        cursor, complete = look.cursor, look.round_complete
    return [found[key] for key in sorted(found)]
