"""Archives are not trusted: whatever is wrong with one, the answer is a reason."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.formats.archives import (
    BOMB_FLOOR_BYTES,
    Container,
    FileRefused,
    Format,
    format_of,
    members,
    why_ignored,
)
from cryptodudez_assets_tests.toy import gauges, zipped

CONTENT = gauges(30)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (zipped({}), "zip"),
        (zipped({"a": b""}), "zip"),
        (gzip.compress(b"", mtime=0), "gz"),
        (b"", "csv"),
        (b"PK", "csv"),
    ],
    ids=["empty zip", "zip", "gz", "empty", "text"],
)
def test_format_is_told_by_content(head: bytes, expected: str) -> None:
    assert format_of(head) == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a/b.csv", None),
        ("a/", "folder"),
        ("__MACOSX/a/._b.csv", "macOS metadata"),
        ("a/._b.csv", "macOS metadata"),
        ("a/.DS_Store", "hidden or system file"),
        ("Thumbs.db", "hidden or system file"),
        (".ipynb_checkpoints/a.csv", "hidden or system file"),
        (".git\\a.csv", "hidden or system file"),
        ("../a.csv", None),
        ("..\\a.csv", None),
        ("a.csv.part", "unfinished download"),
        ("a.csv~", "unfinished download"),
    ],
)
def test_junk_is_known_by_its_name(name: str, reason: str | None) -> None:
    assert why_ignored(name) == reason


def read(packed: bytes) -> Iterator[bytes]:
    """All that can be read of an archive, as the catalogue does it."""
    format_ = format_of(packed)
    names: list[tuple[Format, str | None, int]] = [(format_, None, len(packed))]
    if format_ == "zip":
        inside = list(members(BytesIO(packed), len(packed)))
        names = [("zip", one.name, one.size) for one in inside if not one.ignored and not one.refused]
    for format_, name, size in names:
        with Container(BytesIO(packed)).text(format_, name, size) as content:
            while block := content.read(1000):
                yield block


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_are_read_in_place(compression: int) -> None:
    assert b"".join(read(zipped({"a/b.csv": CONTENT}, compression))) == CONTENT
    assert b"".join(read(gzip.compress(CONTENT[:99]) + gzip.compress(CONTENT[99:]))) == CONTENT


ARCHIVES = [
    zipped({"a.csv": CONTENT, "é.csv": b"x"}, one)
    for one in (zipfile.ZIP_STORED, 8, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
]
ARCHIVES += [gzip.compress(CONTENT, mtime=0)]


@given(st.sampled_from(ARCHIVES), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=4), st.integers(0))
@settings(max_examples=250, deadline=None)
def test_a_damaged_archive_is_read_or_refused_and_nothing_else(
    packed: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(packed)
    for place, value in changes:
        damaged[-(place % len(damaged)) if place % 2 else place % len(damaged)] = value
    damaged = damaged[: len(damaged) - cut % 50] if cut % 3 == 0 else damaged
    with suppress(FileRefused):
        assert sum(len(block) for block in read(bytes(damaged))) < 1 << 20


BOMB = bytes(BOMB_FLOOR_BYTES + 1)


@pytest.mark.parametrize(
    ("packed", "unpacked"), [(gzip.compress(BOMB), BOMB_FLOOR_BYTES), (zipped({"a": BOMB}), 0)], ids=["gz", "zip"]
)
def test_a_bomb_is_refused_before_more_than_the_floor_is_unpacked(packed: bytes, unpacked: int) -> None:
    seen: list[int] = []
    with pytest.raises(FileRefused, match="looks like a bomb"):
        seen.extend(len(block) for block in read(packed))
    assert sum(seen) <= unpacked


def test_many_members_that_are_a_bomb_together_are_refused() -> None:
    packed = zipped({f"{number}.csv": bytes(8 << 20) for number in range(9)})
    with pytest.raises(FileRefused, match="looks like a bomb"):
        list(members(BytesIO(packed), len(packed)))


def test_errors_of_the_disk_are_not_taken_for_damage() -> None:
    class Failing(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        list(members(Failing(zipped({"a": b"a"})), 100))


def test_a_repeated_name_is_refused_for_nobody_knows_which_is_meant() -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.csv", b"2")
    with pytest.raises(FileRefused, match=r"two members have the name 'a.csv'"):
        list(members(packed, 200))


@pytest.mark.parametrize("packed", [bz2.compress(CONTENT), lzma.compress(CONTENT)])
def test_other_packings_are_not_taken_for_text_by_their_format_alone(packed: bytes) -> None:
    assert format_of(packed) == "csv"  # and then for binary data, or text of no known layout
