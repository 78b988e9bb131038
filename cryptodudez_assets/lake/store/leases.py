"""Locks that are objects in the lake, for a bucket whose catalog has no locks of its own. Nothing is trusted but that an object can be
created once.

A lock is a line of numbered objects, `locks/<name>/<number>`, and the last one tells whose it is: with a holder in it, that holder's;
empty, nobody's, and so if it was left by one who failed. Whoever wants anything creates the next number, and only one can: to take a free
lock, to let go of it, to say that one is still alive (every third of the time that the lock is good for), and to take it from a holder who
has not said so for all of that time. The number is the fencing token: it only grows, and whoever finds a higher one than its own has lost
the lock.

How long a holder has been silent is told by the store's clock alone, which dates the holder's object and one that is written to ask;
clocks of machines are not compared. If the store's clock is wrong, or a holder is paused, a lock may be taken from somebody who is alive.
So whoever commits asks first (`insist_on_held`); what closes the moment between that look and the commit is in
`iceberg/rest_catalog.py`.
"""

import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from uuid import uuid4

from cryptodudez_assets.lake.store.objects import open_store_that_moves
from cryptodudez_assets.lake.store.stored import ObjectStore, StoredObject
from cryptodudez_assets.lake.store.waiting import SOMEBODY, told_if_long
from cryptodudez_assets.settings import Settings

FOLDER = "locks"
OBJECT = re.compile(rf"{FOLDER}/(?P<name>[^/]+)/(?P<number>\d{{20}})")
LEFT = b"left"
"""What a lock's last object says where its holder failed: it is free, and is taken as from somebody who may be alive."""
RENEWED_EVERY = 1 / 3
"""Of the time that a lock is good for."""
SLACK = timedelta(seconds=2)
"""Stores tell whole seconds, and a question takes a moment."""
LOOK_SECONDS, LOOK_SECONDS_AT_MOST = 0.1, 2.0
"""Who waits looks so often, and more and more rarely."""

log = logging.getLogger("cryptodudez")


class LeaseLost(Exception):
    """A lock was taken over by somebody else while its holder was paused or cut off; the message says which, and that nothing was done."""


@dataclass
class _Lease:
    """A lock that this process holds. `number` is that of its newest object; `taken_over`: from a holder who had not let go."""

    lake: str
    store: ObjectStore
    name: str
    number: int
    body: bytes
    seconds: float
    taken_over: bool
    is_fenced: bool
    """Whether a commit depends on it: signs of life are told only."""
    renewed_at: float
    lost: bool = False


_held: list[_Lease] = []
_changing = threading.RLock()
"""For the list above and its numbers: held while the store is asked, too, so that what is compared belongs together."""
_renewer: threading.Thread | None = None


@contextmanager
def exclusive(settings: Settings, name: str, patience_seconds: float, who: str) -> Iterator[bool]:
    """Hold the lock; yields whether it was taken from a holder who had not let go of it. Raises TimeoutError, and LeaseLost at the end."""
    store, until = open_store_that_moves(settings), time.monotonic() + patience_seconds
    look = _Look(store, name)
    lease = _taken(settings, look, who, is_fenced=True)
    if lease is None:
        with told_if_long(f"the lock {name}", look.holder):
            pause = LOOK_SECONDS
            while (lease := _taken(settings, look, who, is_fenced=True)) is None:
                if time.monotonic() >= until:
                    raise TimeoutError(f"{look.holder()} holds the lock {name!r}")
                time.sleep(pause * uniform(0.5, 1.5))  # some stores keep those waiting who create one object at once
                pause = min(2 * pause, LOOK_SECONDS_AT_MOST)
    with _kept_alive(lease):
        try:
            yield lease.taken_over
        except BaseException:
            with suppress(LeaseLost):
                _let_go(lease, LEFT)  # a commit of its may be on its way still
            raise
        _let_go(lease, b"")


@contextmanager
def sign_of_life(settings: Settings, name: str, who: str) -> Iterator[bool]:
    """Hold the lock, if it is free, as long as this lasts; yields whether it was. Nothing of it is left behind."""
    lease = _taken(settings, _Look(open_store_that_moves(settings), name), who, is_fenced=False)
    if lease is None:
        yield False
        return
    with _kept_alive(lease):
        try:
            yield True
        finally:
            _wipe(lease)


def alive(settings: Settings, prefix: str) -> Iterator[str]:
    """The locks whose names begin so that somebody holds now, on whatever machine."""
    store = open_store_that_moves(settings)
    for name in sorted(_newest(store)):
        if name.startswith(prefix) and _Look(store, name).is_held():
            yield name


def insist_on_held(settings: Settings) -> None:
    """Raise LeaseLost where somebody has taken a lock from this process that a commit to this lake may depend on.

    That is any that it holds: who lost one was paused or cut off, and knows nothing about the others. One request, none without locks.
    """
    with _changing:
        ours = [one for one in _held if one.is_fenced and one.lake == settings.lake]
        if not ours:
            return
        newest = _newest(ours[0].store)
        for lease in ours:
            found = newest.get(_folder(lease.name))
            if lease.lost or found is None or _number(found) != lease.number:
                lease.lost = True
                raise _lost(lease)


class _Look:
    """Looks at one lock, again and again, by whoever waits for it."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self.store, self.name = store, name
        self._clock: tuple[datetime, float] | None = None
        self._who = SOMEBODY

    def newest(self) -> StoredObject | None:
        """The object that tells whose the lock is."""
        prefix = f"{FOLDER}/{_folder(self.name)}"
        # Twice where there is nothing: a list may be made while objects come and go.
        found = _newest(self.store, prefix) or _newest(self.store, prefix)
        return found.get(_folder(self.name))

    def is_held(self) -> bool:
        """Whether somebody holds it who is alive."""
        newest = self.newest()
        return newest is not None and not self.is_free(newest)

    def is_free(self, newest: StoredObject) -> bool:
        """Whether the last object is nobody's any more: empty, or of a holder who has been silent for too long."""
        if not newest.size:
            return True
        try:
            text = self.store.read(newest.key)
            if text == LEFT:
                return True
            told = json.loads(text)
        except FileNotFoundError:
            return False  # somebody is faster
        self._who = told["who"]
        over = newest.modified + timedelta(seconds=told["seconds"]) + SLACK
        # Asked again before somebody is thought dead: between two questions only the rate of our own clock counts.
        return self._now() > over and self._now(anew=True) > over

    def holder(self) -> str:
        """Who held it when it was looked at last."""
        return self._who

    def _now(self, *, anew: bool = False) -> datetime:
        """What time it is for the store."""
        if anew or self._clock is None:
            key = f"{FOLDER}/clock/{uuid4().hex}"
            self.store.create(key, b"?")
            (found,) = (one for one in self.store.list(f"{FOLDER}/clock") if one.key == key)
            self._clock = found.modified, time.monotonic()
            self.store.delete(key)
        told, at = self._clock
        return told + timedelta(seconds=time.monotonic() - at)


def _taken(settings: Settings, look: _Look, who: str, *, is_fenced: bool) -> _Lease | None:
    """The lock, if it is free and nobody is faster."""
    newest = look.newest()
    if newest is not None and not look.is_free(newest):
        return None
    seconds = float(settings.lease_seconds)
    body = json.dumps({"who": who, "seconds": seconds, "id": uuid4().hex}).encode()
    number, at = _number(newest) + 1 if newest else 1, time.monotonic()
    if not _advanced(look.store, look.name, number, body):
        return None
    taken_over = bool(newest and newest.size)
    return _Lease(settings.lake, look.store, look.name, number, body, seconds, taken_over, is_fenced, at)


@contextmanager
def _kept_alive(lease: _Lease) -> Iterator[None]:
    """Say of the lock that its holder is alive, from another thread."""
    global _renewer
    with _changing:
        _held.append(lease)
        if _renewer is None or not _renewer.is_alive():
            _renewer = threading.Thread(target=_renew, daemon=True, name="leases")
            _renewer.start()
    try:
        yield
    finally:
        with _changing:
            if lease in _held:  # not in a process that was forked meanwhile
                _held.remove(lease)


def _let_go(lease: _Lease, body: bytes) -> None:
    """Make the lock nobody's. Raises LeaseLost where it is somebody else's by now."""
    with _changing:
        if lease not in _held:
            return  # a fork: the lock is its parent's
        try:
            is_ours = not lease.lost and _is_newest(lease.store, lease.name, lease.number)
            lease.lost = not (is_ours and _created(lease.store, lease.name, lease.number + 1, body))
        except Exception as error:  # what was to be done is done, and the lock is free when its time is over
            log.warning("the lock %s could not be let go of (%s)", lease.name, error)
        if lease.lost:
            raise _lost(lease, "What was committed before stands, and whoever has the lock goes on from there")


def _wipe(lease: _Lease) -> None:
    """Remove all of the lock. Its numbers begin anew: what depends on a sign of life has marks of its own, such as the time of a claim."""
    with _changing:
        if lease not in _held:
            return  # a fork: the sign is its parent's
        lease.lost = True  # it is not renewed any more
        try:
            for number in (lease.number - 1, lease.number):
                lease.store.delete(_key(lease.name, number))
        except Exception as error:  # it goes by itself when its time is over
            log.warning("the sign of life %s could not be removed (%s)", lease.name, error)


def _renew() -> None:
    global _renewer
    while True:
        with _changing:
            if not _held:
                _renewer = None
                return
            for lease in _held:
                _renew_one(lease)
            pause = min(lease.seconds for lease in _held) * RENEWED_EVERY / 4
        time.sleep(pause)


def _renew_one(lease: _Lease) -> None:
    at = time.monotonic()
    if lease.lost or at - lease.renewed_at < lease.seconds * RENEWED_EVERY:
        return
    try:
        number = lease.number + 1
        if _advanced(lease.store, lease.name, number, lease.body):
            lease.number, lease.renewed_at = number, at
        else:
            lease.lost = True
            log.warning("%s", _lost(lease))
    except Exception as error:  # whatever a network comes to: there is time for another try, and else the lock is lost
        log.warning("the lock %s could not be renewed (%s), trying again", lease.name, error)


def _created(store: ObjectStore, name: str, number: int, body: bytes) -> bool:
    """Whether the object of this number is ours. The one before the last is removed; the last stays for those who are just looking."""
    key = _key(name, number)
    try:
        store.create(key, body)
    except FileExistsError:
        try:
            if (
                store.read(key) != body
            ):  # else an answer that got lost was asked for again: nobody but a holder lets go of its lock
                return False
        except FileNotFoundError:
            return False
    if number > 2:
        store.delete(_key(name, number - 2))
    return True


def _advanced(store: ObjectStore, name: str, number: int, body: bytes) -> bool:
    """Whether the lock is ours by this number. Who comes late may create one that others had, and removed when they went on."""
    if not _created(store, name, number, body):
        return False
    if _is_newest(store, name, number):
        return True
    store.delete(_key(name, number))
    return False


def _is_newest(store: ObjectStore, name: str, number: int) -> bool:
    """Whether it is the last."""
    found = _newest(store, f"{FOLDER}/{_folder(name)}").get(_folder(name))
    return found is not None and _number(found) == number


def _newest(store: ObjectStore, prefix: str = FOLDER) -> dict[str, StoredObject]:
    """The last object of each lock."""
    found = (one for one in store.list(prefix) if OBJECT.fullmatch(one.key))
    return {one.key.split("/")[1]: one for one in found}  # in key order, so that the last one stays


def _key(name: str, number: int) -> str:
    return f"{FOLDER}/{_folder(name)}/{number:020}"


def _folder(name: str) -> str:
    return name.replace("/", ".")


def _number(found: StoredObject) -> int:
    return int(found.key.rpartition("/")[2])


def _lost(lease: _Lease, then: str = "What it was about to commit was left out: run it again") -> LeaseLost:
    return LeaseLost(
        f"the lock {lease.name} was taken over by somebody else, since this process was paused or cut off from the lake for more than "
        f"{lease.seconds:g} seconds (its number was {lease.number}). {then}"
    )


def _forget() -> None:
    """In a forked process: locks are its parent's."""
    global _renewer, _changing
    _held.clear()
    _renewer, _changing = None, threading.RLock()


os.register_at_fork(after_in_child=_forget)
