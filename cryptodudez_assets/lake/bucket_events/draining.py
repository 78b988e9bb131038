"""Take what a queue has, and sort it: keys of the raw zone by source, what is passed over, what cannot be read."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from io import BytesIO

from cryptodudez_assets.lake.bucket_events.decoding import BucketEvent, Undecodable
from cryptodudez_assets.lake.bucket_events.queue import Message, Queue
from cryptodudez_assets.lake.formats.archives import UNFINISHED
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import is_known
from cryptodudez_assets.lake.metastore.file_entries import known_versions
from cryptodudez_assets.lake.store.at_once import at_once
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.sources.declaration import Source

WAIT_SECONDS = 8.0
"""For the first message. Dagster's daemon comes round every five seconds: so the queue is listened to most of the time."""
PULL_SECONDS = 10.0
"""Of a minute that Dagster gives a tick; the last pull may take a second more."""
LOOK_SECONDS = 5.0
"""So long objects are looked at behind that. What is left of them waits for the next run: where all is slow, so is a thousand looks."""
MOST_MESSAGES = 1000
DEAD_LETTERS = "events/dead"
"""Where messages are kept that cannot be read, below the lake's root."""
# The names that the library of object stores takes for none.
REFUSED = re.compile(r"(^|/)[.]{0,2}(/|$)|[\x00-\x1f\x7f]")
UNOPENED = "cannot be opened"
NAMELESS = "an object whose name has an empty part, . or .. between slashes, or control characters, cannot be opened"
NAMEABLE = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass
class Drained:
    """What was taken. `keys`: of the raw zone, by source, without repetitions. `passed_over`: why, and how many."""

    receipts: list[str] = field(default_factory=list)
    keys: dict[str, list[str]] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    dead: list[str] = field(default_factory=list)
    """Dead letters: where each is, and what is wrong with it."""


def drain(
    lake: Lake, sources: Iterable[Source], queue: Queue, most: int = MOST_MESSAGES, *, is_patient: bool = True
) -> Drained:
    """Take what the queue has for these sources, up to so many messages, for PULL_SECONDS at most. `is_patient`: wait for the first one.

    What cannot be read becomes a dead letter. Nothing is acknowledged: who has kept what was taken does that. Raises EventsUnusable.
    """
    drained, folders = Drained(), _folders(lake, sources)
    seen: set[tuple[str, str]] = set()
    for message in _messages(queue, most, WAIT_SECONDS if is_patient else 0.0):
        drained.receipts.append(message.receipt)
        try:
            events = queue.events(message)
        except Undecodable as error:
            drained.dead.append(f"{_bury(lake, message, str(error))}: {error}")
            continue
        if not events:
            drained.passed_over["tests of the notification"] += 1
        before = drained.passed_over[UNOPENED]
        for event in events:
            why, key, readers = _sorted(lake, folders, event)
            if (event.key, event.generation) in seen:
                why = why or "told more than once"
            if why:
                drained.passed_over[why] += 1
                continue
            seen.add((event.key, event.generation))
            for source in readers:
                drained.keys.setdefault(source, []).append(key)
        if drained.passed_over[UNOPENED] > before:
            drained.dead.append(f"{_bury(lake, message, NAMELESS)}: {NAMELESS}")
    drained.keys = {source: sorted(set(keys)) for source, keys in drained.keys.items()}
    return drained


@dataclass(frozen=True)
class Looked:
    """Of some keys the objects that the catalogue does not know, how many of the others there are, by why, and keys not looked at."""

    new: list[StoredObject]
    passed_over: Counter[str]
    left: list[str]


def look_at(lake: Lake, source: str, keys: Iterable[str], until: float) -> Looked:
    """Look at objects as they are now, until then (by `time.monotonic`), and at some in any case."""
    keys = sorted(set(keys))
    looked_at: list[StoredObject | None] = []
    for found in at_once(lake.store.stat, keys):
        looked_at.append(found)
        if time.monotonic() > until:
            break
    there = [found for found in looked_at if found is not None]
    known = known_versions(lake.tables, source, [lake.store.uri(found.key) for found in there])
    new = [found for found in there if not is_known(lake, found, known)]
    passed_over = Counter({"gone by now": len(looked_at) - len(there), "known by now": len(there) - len(new)})
    return Looked(new, +passed_over, keys[len(looked_at) :])


def _messages(queue: Queue, most: int, wait: float) -> Sequence[Message]:
    """All that are there; the first is waited for, so many seconds, the others are not."""
    taken: dict[str, Message] = {}
    until = time.monotonic() + PULL_SECONDS
    while len(taken) < most and time.monotonic() < until:
        some = queue.pull(most - len(taken), wait)
        if not some:
            break
        wait = 0.0
        taken |= {message.receipt: message for message in some}
    return list(taken.values())


def _folders(lake: Lake, sources: Iterable[Source]) -> dict[str, list[str]]:
    """The sources by the folder that each reads; of one folder there may be several."""
    folders: dict[str, list[str]] = {}
    for source in sources:
        folders.setdefault(lake.raw_folder(source.name), []).append(source.name)
    return folders


def _sorted(lake: Lake, folders: Mapping[str, list[str]], event: BucketEvent) -> tuple[str, str, list[str]]:
    """Why an event is passed over, or its key in the lake and the sources that it is for."""
    bucket, _, prefix = lake.settings.raw_zone.partition("://")[2].partition("/")
    root = f"{prefix}/" if prefix else ""
    rest = event.key.removeprefix(root)
    key, sources = f"raw/{rest}", folders.get(f"raw/{rest.partition('/')[0]}", [])
    if event.bucket != bucket or not event.key.startswith(root) or not rest:
        return "outside the raw zone", key, sources
    if not sources:
        return "of no declared source", key, sources
    if not event.created:
        return "no new bytes", key, sources
    if key.endswith("/"):
        return "folders", key, sources
    if key.endswith(UNFINISHED):
        return "unfinished downloads", key, sources
    return (UNOPENED if REFUSED.search(event.key) else ""), key, sources


def _bury(lake: Lake, message: Message, why: str) -> str:
    """Keep a message that cannot be read, under the same name each time it comes; returns where."""
    name = message.id if NAMEABLE.fullmatch(message.id) else sha256(message.id.encode()).hexdigest()
    told = {name: value for name, value in asdict(message).items() if name != "receipt"} | {"why": why}
    key = f"{DEAD_LETTERS}/{name}.json"
    lake.store.write(key, BytesIO(json.dumps(told, indent=1).encode()))
    return lake.store.uri(key)
