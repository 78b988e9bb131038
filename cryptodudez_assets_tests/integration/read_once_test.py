"""Bringing tables up to date reads what describes a table once: its metadata, and each of its manifests."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from pyiceberg.io.pyarrow import PyArrowFile

from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.iceberg.hashing import HashingIO
from cryptodudez_assets.lake.iceberg.kept import Kept
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests.account_histories import STAR, START, Histories, write


def told(days: int) -> Histories:
    """A deposit, a withdrawal and a login of each of two users, a fortnight between days."""
    times = [START + timedelta(days=14 * day) for day in range(days)]
    users = ["u1", "u2"]
    paid = {
        f"{user}{n}": (f"{user}{n}", user, Decimal(1), "btc", "complete", at)
        for user in users
        for n, at in enumerate(times)
    }
    events = {f"{user}{n}": (f"{user}{n}", user, "login", at) for user in users for n, at in enumerate(times)}
    return Histories(paid, paid, events, set(users), {(user, START, "mx", 1) for user in users})


@pytest.mark.parametrize("is_a_run", [False, True])
def test_one_more_day_reads_each_metadata_file_and_each_manifest_once(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, is_a_run: bool
) -> None:
    for days in (4, 5):
        write(lake, told(days).frames())
        for table in STAR:
            materialize(lake, table)
    write(lake, told(6).frames())
    read = Counter[str]()
    opened = HashingIO.new_input

    def counted(self: HashingIO, location: str) -> PyArrowFile:
        read[location] += 1
        return opened(self, location)

    monkeypatch.setattr(HashingIO, "new_input", counted)
    rows = 0
    for together in [STAR] if is_a_run else [[table] for table in STAR]:
        read.clear()
        with Kept.in_a_pass():
            rows += sum(materialize(lake, table).rows for table in together)
        described = {path: n for path, n in read.items() if path.endswith((".metadata.json", ".avro"))}
        lists = {path: n for path, n in described.items() if "/snap-" in path}
        assert {path: n for path, n in described.items() if n > 1 and path not in lists} == {}
        assert (
            max(lists.values(), default=0) <= 2
        )  # where nothing is replaced, pyiceberg looks at that of the version before
    assert rows


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    kept, asked = Kept[str](5, size=len), list[str]()

    def get(path: str) -> str:
        def read() -> str:
            asked.append(path)
            return path

        return kept.get(path, read)

    with Kept.in_a_pass():
        for path in ("aa", "bb", "aa", "cc", "aa", "bb", "dddddd", "cc", "cc"):
            assert get(path) == path
    assert asked == ["aa", "bb", "cc", "bb", "dddddd", "cc"]


def test_nothing_is_kept_beyond_a_pass() -> None:
    kept = Kept[int](5)
    values = iter(range(9))

    def asked() -> int:
        return kept.get("a", lambda: next(values))

    assert [asked(), asked()] == [0, 1]
    with Kept.in_a_pass():
        assert [asked(), asked()] == [2, 2]
        with Kept.in_a_pass():
            assert asked() == 2
        assert asked() == 2
    assert asked() == 3
