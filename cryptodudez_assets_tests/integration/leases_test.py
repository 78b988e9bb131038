"""Locks that are objects in a bucket: who holds them when holders are killed, paused or cut off, and when clocks are wrong."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from cryptodudez_assets.lake.store import leases, waiting
from cryptodudez_assets.lake.store.leases import FOLDER, LeaseLost, insist_on_held
from cryptodudez_assets.lake.store.locks import alive, exclusive, sign_of_life
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.lake.store.stored import ObjectStore, StoredObject
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests import lease_holders
from cryptodudez_assets_tests.lease_holders import Holder

pytestmark = [pytest.mark.servers, pytest.mark.long]
SECONDS = 3
LONGER_THAN_THAT = 2 * SECONDS + leases.SLACK.total_seconds()

Start = Callable[["partial[None]"], Holder]


@pytest.fixture(params=["s3", "gs"])
def bucket(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """A lake in a bucket whose catalog has no locks; nobody asks it for anything else."""
    endpoint = request.getfixturevalue(f"{request.param}_endpoint")
    return Settings(
        home=tmp_path / "home",
        lake=f"{request.param}://lake/{tmp_path.name}",
        catalog="http://127.0.0.1:1/",
        lease_seconds=SECONDS,
        **{f"{request.param}_endpoint": endpoint},
    )


@pytest.fixture
def start(bucket: Settings) -> Iterator[Start]:
    """Start a process on this lake, which ends with the test at the latest."""
    started: list[Holder] = []

    def begin(work: "partial[None]") -> Holder:
        started.append(lease_holders.start(bucket, work))
        return started[-1]

    yield begin
    for holder in started:
        holder.end()


def pause(holder: Holder) -> None:
    os.kill(holder.process.pid or 0, signal.SIGSTOP)
    while psutil.Process(holder.process.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)


def wake(holder: Holder) -> None:
    os.kill(holder.process.pid or 0, signal.SIGCONT)


def objects(settings: Settings, name: str) -> list[tuple[int, bool]]:
    """What is kept of a lock: the numbers, and whether somebody is in it."""
    found = open_store(settings).list(f"{FOLDER}/{name}")
    return [(int(one.key.rpartition("/")[2]), one.size > 0) for one in found]


def test_processes_take_turns(bucket: Settings, start: Start) -> None:
    counting = [start(partial(lease_holders.count, "number", 8)) for _ in range(3)]
    for one in counting:
        one.go_on()
    assert [one.says() for one in counting] == ["done"] * 3
    assert open_store(bucket).read("number") == b"24"
    (before, last) = objects(bucket, "number")
    assert last == (before[0] + 1, False), "it is free, and two objects are left of all"


def test_who_holds_a_lock_for_long_says_so_and_keeps_it(bucket: Settings, start: Start) -> None:
    holder = start(partial(lease_holders.hold, "table.x"))
    assert holder.says() == "holds it"
    with (
        pytest.raises(TimeoutError, match=f"process {holder.process.pid} on .* holds the lock 'table.x'"),
        exclusive(bucket, "table.x", LONGER_THAN_THAT),
    ):
        pytest.fail("two hold it")
    holder.go_on()
    with exclusive(bucket, "table.x") as taken_over:
        assert not taken_over
    assert holder.says() == "held it"


def test_who_waits_hears_for_whom(
    bucket: Settings, start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(waiting, "SAID_AFTER_SECONDS", 0.2)
    holder = start(partial(lease_holders.hold, "table.x"))
    assert holder.says() == "holds it"
    with pytest.raises(TimeoutError), exclusive(bucket, "table.x", 1):
        pytest.fail("two hold it")
    holder.go_on()
    assert f"waiting for the lock table.x, which process {holder.process.pid} on" in caplog.text


def test_a_lock_is_taken_from_a_holder_who_was_killed(bucket: Settings, start: Start) -> None:
    holder = start(partial(lease_holders.hold, "table.x"))
    assert holder.says() == "holds it"
    number = objects(bucket, "table.x")[-1][0]
    holder.end()
    with exclusive(bucket, "table.x") as taken_over:
        assert taken_over
        assert objects(bucket, "table.x")[-1][0] > number
    with exclusive(bucket, "table.x") as taken_over:
        assert not taken_over, "the one before let go"


def test_a_lock_is_taken_from_a_holder_who_failed(bucket: Settings) -> None:
    """A commit of its may be on its way still: to others it is as if it lived, but for the wait."""
    with pytest.raises(OSError, match="no answer"), exclusive(bucket, "table.x"):
        raise OSError("no answer")
    with exclusive(bucket, "table.x", SECONDS / 3) as taken_over:
        assert taken_over
    with exclusive(bucket, "table.x") as taken_over:
        assert not taken_over


def test_a_paused_holder_learns_that_it_lost_the_lock(bucket: Settings, start: Start) -> None:
    holder = start(partial(lease_holders.hold, "table.x"))
    assert holder.says() == "holds it"
    pause(holder)
    with exclusive(bucket, "table.x") as taken_over:
        assert taken_over
        wake(holder)
        holder.go_on()
        assert "the lock table.x was taken over by somebody else" in holder.says()
        insist_on_held(bucket)  # and ours it stays


def test_a_pause_that_nobody_used_does_no_harm(bucket: Settings, start: Start) -> None:
    holder = start(partial(lease_holders.hold, "table.x"))
    assert holder.says() == "holds it"
    pause(holder)
    time.sleep(LONGER_THAN_THAT)
    wake(holder)
    holder.go_on()
    assert holder.says() == "held it"


def test_signs_of_life_are_seen_from_elsewhere_and_end_with_their_giver(bucket: Settings, start: Start) -> None:
    living, killed = (start(partial(lease_holders.live, f"run.{name}")) for name in ("a", "b"))
    assert living.says() is True
    assert killed.says() is True
    assert list(alive(bucket, "run.")) == ["run.a", "run.b"]
    with sign_of_life(bucket, "run.a") as is_free:
        assert not is_free
    killed.end()
    living.go_on()
    assert living.says() == "gone"
    until = time.monotonic() + lease_holders.PATIENCE_SECONDS
    while list(alive(bucket, "run.")) and time.monotonic() < until:
        time.sleep(0.2)
    with sign_of_life(bucket, "run.b") as is_free:
        assert is_free
    assert not [one.key for one in open_store(bucket).list(f"{FOLDER}/run.a")], "nothing is left behind"


class Skewed:
    """A store whose clock is wrong by so much."""

    def __init__(self, store: ObjectStore) -> None:
        self._store, self.by = store, timedelta(0)

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """What is there, with times by a wrong clock."""
        for found in self._store.list(prefix, after):
            yield replace(found, modified=found.modified + self.by)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def skewed(bucket: Settings, monkeypatch: pytest.MonkeyPatch) -> Skewed:
    """The bucket, as this process sees it."""
    store = Skewed(open_store(bucket))
    monkeypatch.setattr(leases, "open_store_that_moves", lambda settings: store)
    return store


@pytest.mark.parametrize("years", [-40, 40])
def test_how_late_it_is_for_a_store_does_not_matter(bucket: Settings, start: Start, skewed: Skewed, years: int) -> None:
    skewed.by = timedelta(days=365 * years)
    holder = start(partial(lease_holders.hold, "table.x"))
    assert holder.says() == "holds it"
    with pytest.raises(TimeoutError), exclusive(bucket, "table.x", LONGER_THAN_THAT):
        pytest.fail("two hold it")
    holder.end()
    with exclusive(bucket, "table.x") as taken_over:
        assert taken_over


def test_a_clock_that_jumps_takes_a_lock_from_the_living_who_learn_of_it(
    bucket: Settings, start: Start, skewed: Skewed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one clock that counts is the store's. Where it jumps, two think that they hold a lock; one of them is refused."""
    holder = start(partial(lease_holders.hold, "table.x"))
    assert holder.says() == "holds it"
    asked = leases._Look._now
    monkeypatch.setattr(leases._Look, "_now", lambda look, **more: asked(look, **more) + timedelta(hours=1))
    with exclusive(bucket, "table.x") as taken_over:
        assert taken_over
        holder.go_on()
        assert "lost: the lock table.x was taken over" in holder.says()


def test_who_comes_late_takes_no_number_that_others_had(bucket: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its look and its first step others take the lock, let go of it, and remove what they left."""
    created = leases._created

    def late(store: ObjectStore, name: str, number: int, body: bytes) -> bool:
        monkeypatch.setattr(leases, "_created", created)
        for _ in range(2):
            with exclusive(bucket, "table.x"):
                pass
        held.enter_context(exclusive(bucket, "table.x"))
        return created(store, name, number, body)

    monkeypatch.setattr(leases, "_created", late)
    with ExitStack() as held, pytest.raises(TimeoutError), exclusive(bucket, "table.x", 1):
        pytest.fail("two hold it")


def test_a_lock_whose_objects_were_removed_is_held_no_more(bucket: Settings) -> None:
    with ExitStack() as held:
        held.enter_context(exclusive(bucket, "table.x"))
        store = open_store(bucket)
        for one in list(store.list(f"{FOLDER}/table.x")):
            store.delete(one.key)
        with pytest.raises(LeaseLost):
            insist_on_held(bucket)
        with pytest.raises(LeaseLost):
            held.close()
