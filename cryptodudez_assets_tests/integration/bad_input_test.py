"""Bad input: all of it lands at once, beside good files. Each has a clear result, nothing is lost, the good are unaffected."""

import gzip
import random
from dataclasses import dataclass
from typing import Any

import pytest

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets_tests.builders import open_lake, put
from cryptodudez_assets_tests.stores import Store
from cryptodudez_assets_tests.toy import (
    GAUGES,
    HEADER,
    copies,
    counts,
    gauges,
    load,
    rejected,
    row,
    rows,
    table,
    zipped,
)

pytestmark = [pytest.mark.every_store, pytest.mark.core]

NOISE = random.Random(7).randbytes(5000)
BAD_DATES = ["2021-02-30", "20210-01-01", "+20210-01-01", "0000-01-01", ""]
GOOD = gauges(5, "good").decode()


def encrypted(name: str, content: bytes) -> bytes:
    """A zip whose member says that it is encrypted: bit 0 of the flags, in both headers."""
    packed = bytearray(zipped({name: content}))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def wrong_checksum(name: str) -> bytes:
    """A zip whose directory is fine and whose member is not."""
    packed = bytearray(zipped({name: gauges(50)}, compression=0))
    packed[200] ^= 0xFF
    return bytes(packed)


# What is set aside whole: the raw file, and what the reason says.
SET_ASIDE: dict[str, tuple[bytes, str]] = {
    "truncated.zip": (zipped({"m.csv": gauges(500)})[:-40], "damaged or truncated zip: its directory"),
    "truncated.gz": (gzip.compress(gauges(500))[:-20], "damaged or truncated gz: Compressed file ended"),
    "not_really.gz": (b"\x1f\x8b" + NOISE, "damaged or truncated gz"),
    "bomb.gz": (gzip.compress(bytes(80 << 20)), "looks like a bomb"),
    "bomb.zip": (zipped({"big.csv": bytes(80 << 20)}), "looks like a bomb: 81,"),
    "packed_twice.csv.gz": (gzip.compress(gzip.compress(gauges(9))), "binary data, not text"),
    "empty.csv": (b"", "empty file"),
    "blank.csv": (b"\n\r\n\n", "empty file"),
    "garbage.csv": (NOISE, "binary data, not text"),
    "unmarked_utf16.csv": (GOOD.encode("utf-16-le"), "UTF-16 without a byte order mark"),
    "cut_off_utf16.csv": (GOOD.encode("utf-16")[:-1], "ends in the middle of a character"),
    "of_another_source.csv": (b"id,price\n1,2\n", "no known layout: expected a header such as ['name', 'at'"),
    "column_missing.csv": (
        b"name,at,value,note\nr,2024-01-01,1,x\n",
        "columns missing for layout gauges_csv: ['count']",
    ),
    "column_renamed.csv": (
        GOOD.replace("value", "Value").encode(),
        "['value']; unknown in their place: ['Value'] (renamed?)",
    ),
    "column_retyped.csv": (
        GOOD.replace(",3,", ",three,").encode(),
        "count changed its type: expected Int64, found text such as 'three'",
    ),
    "column_repeated.csv": (GOOD.replace("note", "value").encode(), "a column name repeats in the header"),
    "old_mac.csv": (GOOD.replace("\n", "\r").encode(), "lines end in carriage returns alone"),
    "endless_header.csv": (HEADER.strip().encode() + b"x" * 300_000, "no header within the first 262,144 bytes"),
    "unclosed_header.csv": (b'name,at,value,count,"note\nr,2024-01-01,1,1,x\n', "a quote is not closed"),
    "all_latin.csv": (
        (HEADER + "".join(row(i, "latin", note="caf\xe9") for i in range(30))).encode("latin-1"),
        "30 of 30 rows are bad, more than 20%: note:encoding (30)",
    ),
    "breaker_above.csv": ((HEADER + rows(79, "above") + "x\n" * 21).encode(), "21 of 100 rows are bad"),
}

# Archives of which a member is set aside: the archive, the member, what the reason says. Its copy is the archive, or the member.
MEMBERS_SET_ASIDE: dict[str, tuple[bytes, str, str]] = {
    "parent.zip": (zipped({"../evil.csv": gauges(9)}), "../evil.csv", "unsafe member name"),
    "root.zip": (zipped({"/etc/evil.csv": gauges(7)}), "/etc/evil.csv", "unsafe member name"),
    "windows.zip": (zipped({"..\\evil.csv": gauges(6)}), "..\\evil.csv", "unsafe member name"),
    "nested.zip": (zipped({"inner.zip": zipped({"deep.csv": gauges(4)})}), "inner.zip", "an archive inside an archive"),
    "encrypted.zip": (encrypted("secret.csv", gauges(11)), "secret.csv", "encrypted member"),
    "checksum.zip": (wrong_checksum("flipped.csv"), "flipped.csv", "damaged or truncated zip: Bad CRC-32"),
}


@dataclass
class Loaded:
    """A file that is loaded: its text, its counts (read, valid, quarantined), line and rules of what is quarantined."""

    content: bytes | str
    counts: tuple[int, int, int]
    rejects: dict[int, str]

    @property
    def raw(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.encode()


def good_around(name: str, bad: str) -> str:
    """Two good rows, the bad text from line 4 on, two good rows."""
    return HEADER + rows(2, name) + bad + rows(2, name, first=50)


LOADED: dict[str, Loaded] = {
    "header_only.csv": Loaded(HEADER, (0, 0, 0), {}),
    "header_without_end.csv": Loaded(HEADER.strip() + ",more", (0, 0, 0), {}),
    "marked.csv": Loaded(b"\xef\xbb\xbf" + gauges(3, "marked"), (3, 3, 0), {}),
    "utf16_le.csv": Loaded(b"\xff\xfe" + GOOD.replace("good", "le €").encode("utf-16-le"), (5, 5, 0), {}),
    "utf16_be.csv": Loaded(b"\xfe\xff" + GOOD.replace("good", "be €").encode("utf-16-be"), (5, 5, 0), {}),
    "crlf.csv": Loaded(GOOD.replace("good", "crlf").replace("\n", "\r\n"), (5, 5, 0), {}),
    "semicolons.csv": Loaded(GOOD.replace("good", "semi").replace(",", ";"), (5, 5, 0), {}),
    "no_last_line_end.csv": Loaded(GOOD.replace("good", "open end").rstrip(), (5, 5, 0), {}),
    "reordered.csv": Loaded("note,count,value,at,name\nok,1,2.5,2024-01-01 00:00:00,reordered\n", (1, 1, 0), {}),
    "some_latin.csv": Loaded(
        good_around("some", row(9, note="caf\xe9") + row(10, "n\xe9")).encode("latin-1"),
        (6, 4, 2),
        {4: "note:encoding", 5: "name:encoding"},
    ),
    "half_character.csv": Loaded(
        b"\xff\xfe" + good_around("half", row(9, note="\ud800")).encode("utf-16-le", "surrogatepass"),
        (5, 4, 1),
        {4: "note:encoding"},
    ),
    "nul.csv": Loaded(good_around("nul", row(9, note="a\0b")), (5, 4, 1), {4: "record:binary"}),
    "quotes.csv": Loaded(
        good_around("quotes", 'q,2024-01-01 00:00:00,1,1,"two\nlines, ""quoted"""\n' + "r\n"),
        (6, 5, 1),
        {6: "record:too_few_fields"},
    ),
    "unclosed.csv": Loaded(
        good_around("unclosed", 'q,2024-01-01 00:00:00,1,1,"never closed\n'), (5, 4, 1), {4: "record:unclosed_quote"}
    ),
    "stray_quote.csv": Loaded(
        good_around("stray", 'q,2024-01-01 00:00:00,1,1,"a"b\n'), (5, 4, 1), {4: "record:stray_quote"}
    ),
    "inches.csv": Loaded(good_around("inches", 'q,2024-01-01 00:00:01,1,1,5" pipe\n'), (5, 5, 0), {}),
    "shape.csv": Loaded(
        good_around("shape", "a,b\n" + "1,2,3,4,5,6\n\n"),
        (6, 4, 2),
        {4: "record:too_few_fields", 5: "record:too_many_fields"},
    ),
    "not_finite.csv": Loaded(
        good_around("inf", "".join(row(9 + i, "x", value=v) for i, v in enumerate(["1e400", "NaN", "inf", "-inf"]))),
        (8, 4, 4),
        {4: "value:not_finite", 5: "value:not_finite", 6: "value:not_finite", 7: "value:not_finite"},
    ),
    "numbers.csv": Loaded(
        good_around(
            "numbers",
            "".join(row(9 + i, "n", count=v) for i, v in enumerate(["1.5", "9223372036854775808", "-1", "1_000"])),
        ),
        (8, 4, 4),
        {4: "count:type", 5: "count:type", 6: "count:greater_than_or_equal_to", 7: "count:type"},
    ),
    "dates.csv": Loaded(
        good_around("dates", "".join(f"d,{date} 00:00:00,1,1,x\n" for date in BAD_DATES)),
        (9, 4, 5),
        dict.fromkeys([4, 5, 6, 7, 8], "event_ts"),
    ),
    "breaker_share.csv": Loaded(
        HEADER + rows(84, "share") + "x\n" * 21, (105, 84, 21), dict.fromkeys(range(86, 107), "record:too_few_fields")
    ),
    "breaker_floor.csv": Loaded(
        HEADER + rows(1, "floor") + "x\n" * 20, (21, 1, 20), dict.fromkeys(range(3, 23), "record:too_few_fields")
    ),
}

Landing = tuple[Lake, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def landing(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Landing:
    lake = open_lake(store.settings(tmp_path_factory.mktemp("home")))
    contents = {
        **{name: content for name, (content, _) in SET_ASIDE.items()},
        **{name: content for name, (content, _, _) in MEMBERS_SET_ASIDE.items()},
        **{name: case.raw for name, case in LOADED.items()},
    }
    for name, content in contents.items():
        put(lake, name, content, GAUGES)
    return lake, load(lake)


@pytest.mark.parametrize("name", SET_ASIDE)
def test_a_file_that_cannot_be_used_is_set_aside_whole_with_the_reason_and_a_copy(landing: Landing, name: str) -> None:
    lake, found = landing
    content, reason = SET_ASIDE[name]
    entry = found[name]
    assert entry["status"] == Status.QUARANTINED
    assert reason in entry["reason"]
    assert entry["rows_valid"] == 0
    assert copies(lake)[name] == content


@pytest.mark.parametrize("name", MEMBERS_SET_ASIDE)
def test_a_member_that_cannot_be_used_is_set_aside_with_the_reason_and_a_copy(landing: Landing, name: str) -> None:
    lake, found = landing
    archive, member, reason = MEMBERS_SET_ASIDE[name]
    assert found[name]["status"] == Status.EXPANDED
    assert found[member]["status"] == Status.QUARANTINED
    assert reason in found[member]["reason"]
    content = copies(lake)[member]
    assert content == archive or content in archive or zipped({member: content}) == archive


@pytest.mark.parametrize("name", LOADED)
def test_a_file_with_bad_rows_loses_these_and_no_others(landing: Landing, name: str) -> None:
    lake, found = landing
    case, entry = LOADED[name], found[name]
    assert (entry["status"], counts(entry)) == (Status.LOADED, (*case.counts, 0))
    told = rejected(lake, entry)
    assert told.keys() == case.rejects.keys()
    assert all(rule in told[line] for line, rule in case.rejects.items()), told


def test_counts_add_up_and_nothing_is_left_to_do(landing: Landing) -> None:
    lake, _ = landing
    assert unbalanced_files(lake, GAUGES).is_empty()
    assert file_entries.open_entries(lake.tables, GAUGES.name).is_empty()
    assert len(table(lake)) == sum(case.counts[1] for case in LOADED.values())


def test_quarantined_records_keep_their_text(landing: Landing) -> None:
    lake, _ = landing
    raw = set(quarantine.rows_of(lake.tables, GAUGES.name).collect()["raw"])
    assert row(9, note=r"caf\xe9").strip() in raw
    assert 'q,2024-01-01 00:00:00,1,1,"never closed' in raw
    assert row(9, note="a\0b").strip() in raw


@pytest.mark.parametrize("note", ['two\nlines, "quoted"', '5" pipe', "ok"])
def test_odd_text_arrives_unchanged(landing: Landing, note: str) -> None:
    assert note in set(table(landing[0])["note"])


def test_text_is_read_in_its_encoding(landing: Landing) -> None:
    assert {"le €", "be €", "marked"} <= set(table(landing[0])["name"])
