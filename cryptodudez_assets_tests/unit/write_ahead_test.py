"""The write-ahead file: what is whole is read back, whatever happened to the rest."""

import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets.recorder.write_ahead import Entry, Opened, Second, WriteAheadFile, framed, read_back

ENTRIES: list[Entry] = [
    Opened("a", 100, 10),
    *(Second(100 + n, [Record(100 + n, "btc_mxn", 1.0 + n, 2.0)]) for n in range(5)),
]
BYTES = b"".join(framed(entry) for entry in ENTRIES)
ENDS = [len(b"".join(framed(entry) for entry in ENTRIES[: n + 1])) for n in range(len(ENTRIES))]


def written(folder: Path, data: bytes) -> Path:
    path = folder / "100.wal"
    path.write_bytes(data)
    return path


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    file = WriteAheadFile(tmp_path / "100.wal")
    for entry in ENTRIES:
        file.append([entry])
    file.close()
    back = read_back(tmp_path / "100.wal")
    assert (list(back.entries), back.damaged_bytes, back.torn_bytes) == (ENTRIES, 0, 0)


@given(st.integers(0, len(BYTES)))
def test_of_a_file_that_was_cut_off_all_whole_entries_are_there(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    back = read_back(written(tmp_path_factory.mktemp("cut"), BYTES[:cut]))
    whole = sum(end <= cut for end in ENDS)
    assert list(back.entries) == ENTRIES[:whole]
    assert back.torn_bytes == cut - (ENDS[whole - 1] if whole else 0)


@given(st.integers(0, len(BYTES) - 1), st.integers(0, 7))
def test_a_flipped_bit_costs_its_own_entry_and_is_found(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    data = bytearray(BYTES)
    data[place] ^= 1 << bit
    back = read_back(written(tmp_path_factory.mktemp("flip"), bytes(data)))
    hit = sum(end <= place for end in ENDS)
    assert list(back.entries) == ENTRIES[:hit] + ENTRIES[hit + 1 :]
    assert back.damaged_bytes + back.torn_bytes > 0


def test_a_torn_end_is_cut_off_before_more_is_written(tmp_path: Path) -> None:
    path = written(tmp_path, BYTES[:-3])
    file = WriteAheadFile(path, read_back(path).end)
    file.append([ENTRIES[-1]])
    file.close()
    assert path.read_bytes() == BYTES


def test_a_full_disk_takes_an_entry_whole_or_not_at_all(tmp_path: Path) -> None:
    file = WriteAheadFile(tmp_path / "100.wal")
    file.append(ENTRIES[:3])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ENDS[2] + 20, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            file.append(ENTRIES[3:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "100.wal").read_bytes() == BYTES[: ENDS[2]]
    file.append(ENTRIES[3:])
    file.close()
    assert (tmp_path / "100.wal").read_bytes() == BYTES
