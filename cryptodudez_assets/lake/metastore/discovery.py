"""Find raw objects that the catalogue does not know: one bounded look at the raw zone, made again and again.

A look has three parts. *Behind the newest key*: where names sort by time and the store can list after a key, this alone finds
what is new, at a cost that does not grow with what is there. *Partitions* (`book=btc_mxn/…`): where folders like these come
first, names sort by time in each of them only, so a few of them are looked at behind their own newest keys, in turn. *The round*:
a page further each time, beginning anew at the end, which finds late arrivals between old names and files that changed. The
catalogue decides what is known; the cursor is only a hint, and losing it costs one round.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import islice
from json import dumps, loads

from cryptodudez_assets.lake.formats.archives import UNFINISHED
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore.file_entries import known_versions
from cryptodudez_assets.lake.store.stored import StoredObject

PAGE = 1000
PAGE_OF_ALL = 20_000
"""Where all is looked at, few pages ask the catalogue less often than many; so many objects are in memory at a time."""
PARTITIONS_A_LOOK = 8
"""Each costs a request: of 54 partitions every one is looked at within seven looks."""


@dataclass(frozen=True)
class Cursor:
    """Where the next look begins: behind the greatest key seen, of all and of each partition, and where the round stands.

    `partitions` are in the order in which they are looked at: the first ones are next.
    """

    newest: str = ""
    round: str = ""
    partitions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """Read a stored cursor; one of an older version begins a new round."""
        try:
            told = loads(text or "{}")
            if told.get("v") != 2:
                return cls()
            return cls(told["newest"], told["round"], {str(one): str(key) for one, key in told["partitions"].items()})
        except (ValueError, KeyError, AttributeError):
            return cls()

    def __str__(self) -> str:
        return dumps({"v": 2, **asdict(self)})


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


@dataclass(frozen=True)
class Listing:
    """What is listed for one look: the page of the round, the one behind the newest key, and those of partitions by name."""

    behind: list[StoredObject]
    ahead: list[StoredObject]
    partitions: Mapping[str, list[StoredObject]]

    @property
    def pages(self) -> list[list[StoredObject]]:
        """All of them."""
        return [self.ahead, self.behind, *self.partitions.values()]


def listing(lake: Lake, source: str, cursor: Cursor, page: int = PAGE) -> Listing:
    """List the raw zone of a source for one look: two pages at most, and one for each partition whose turn it is."""
    prefix = lake.raw_folder(source)
    behind = list(islice(lake.store.list(prefix, cursor.round), page))
    ahead = behind if cursor.newest == cursor.round else list(islice(lake.store.list(prefix, cursor.newest), page))
    turn = islice(cursor.partitions.items(), PARTITIONS_A_LOOK)
    return Listing(
        behind, ahead, {one: list(islice(lake.store.list(f"{prefix}/{one}", key), page)) for one, key in turn}
    )


def discover(lake: Lake, source: str, cursor: Cursor, page: int = PAGE, seen: Listing | None = None) -> Discovery:
    """Look at the raw zone of a source once, as it is listed now if not told. At most `page` new objects are returned."""
    seen, prefix = seen or listing(lake, source, cursor, page), lake.raw_folder(source)
    listed = {found.key: found for one in seen.pages for found in one}
    unsettled = {key for key, found in listed.items() if not is_stable(lake, found)}
    candidates = {key: found for key, found in listed.items() if key not in unsettled and not key.endswith(UNFINISHED)}
    new = _unknown(lake, source, seen.pages, candidates)
    # Never past an object that is not catalogued yet: the next look must find it again should this one's run fail.
    missing = {*new, *unsettled}
    complete = len(seen.behind) < page
    again = Cursor(
        _furthest(cursor.newest, listed, missing),
        "" if complete else seen.behind[-1].key,
        _partitions(cursor.partitions, seen.partitions, prefix, listed, missing),
    )
    unfinished = len(listed) - len(unsettled) - len(candidates)
    found = [new[key] for key in sorted(new)]
    return Discovery(
        found[:page], len(listed), again, len(unsettled), unfinished, len(found[page:]), round_complete=complete
    )


def _furthest(newest: str, listed: Iterable[str], missing: Iterable[str]) -> str:
    """The greatest key, up to the first that is missing behind the one that was the greatest."""
    left = min((key for key in missing if key > newest), default=None)
    return max([newest, *(key for key in listed if left is None or key < left)])


def _partitions(
    known: Mapping[str, str], looked_at: Collection[str], prefix: str, listed: Iterable[str], missing: Set[str]
) -> dict[str, str]:
    """The partitions with their newest keys, those that were looked at behind the others."""
    keys: dict[str, list[str]] = {}
    for key in listed:
        partition, slash, _ = key.removeprefix(f"{prefix}/").partition("/")
        if slash and "=" in partition:
            keys.setdefault(partition, []).append(key)
    order = [*(one for one in known if one not in looked_at), *(one for one in keys if one not in known), *looked_at]
    return {one: _furthest(known.get(one, ""), keys.get(one, ()), missing & set(keys.get(one, ()))) for one in order}


def discover_all(lake: Lake, source: str) -> list[StoredObject]:
    """Every object that the catalogue does not know: a whole round. What is still being written is left (see `unknown`)."""
    found: dict[str, StoredObject] = {}
    objects = lake.store.list(lake.raw_folder(source))
    while listed := list(islice(objects, PAGE_OF_ALL)):
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
    return not lake.settings.raw_is_local or abs(age) >= timedelta(seconds=lake.settings.settle_seconds)
