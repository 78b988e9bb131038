"""Real JSON lines, and what is left of them when they are damaged: every record is accounted for."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets_tests.builders import files, rows_of, take_in
from cryptodudez_assets_tests.toy import zipped
from cryptodudez_assets_tests.toy_tweets import SOURCE

READ, IDS, RECORDS = 10_891, 10_619, ["rows_read", "rows_valid", "rows_quarantined", "rows_duplicate"]
Drop = Callable[[str, str, bytes], Path]


def archive(real_data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((real_data / "bitcoin_tweets").glob("*.json"))}


def test_seven_real_files_are_read_to_the_last_record(lake: Lake, drop: Drop, real_data: Path) -> None:
    real = archive(real_data)
    for number, (name, content) in enumerate(real.items()):
        packed = {0: zipped({name: content}), 1: gzip.compress(content)}.get(number, content)
        drop(SOURCE.name, f"{number}", packed)

    take_in(lake, SOURCE)

    assert len(real) == 7
    counts = files(lake, SOURCE).filter(pl.col("rows_read").is_not_null())
    assert counts.select(pl.col(RECORDS).sum()).row(0) == (READ, IDS, 0, READ - IDS)
    tweets = rows_of(lake, SOURCE.table)
    expected = {
        str(json.loads(line)["id"]): json.loads(line)["text"] for one in real.values() for line in one.splitlines()
    }
    assert dict(tweets.select("tweet_id", "text").iter_rows()) == expected
    assert set(counts["record_format"]) == {"jsonl"}
    assert {tuple(header) for header in counts["header"]} == {
        ("id", "date", "text", "user", "favorite_count", "retweet_count", "followers_count")
    }
    assert rows_of(lake, "catalog.schemas")["types"].to_list() == [
        ["Int64", "String", "String", "String", "Int64", "Int64", "Int64"]
    ]


def changed(line: bytes, **fields: object) -> bytes:
    return json.dumps({**json.loads(line), **fields}).encode()


def without(line: bytes, name: str) -> bytes:
    return json.dumps({one: value for one, value in json.loads(line).items() if one != name}).encode()


WIDE = {f"field_{n}": n for n in range(5000)}
DAMAGE: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "cut off": (lambda lines: [*lines[:-1], lines[-1][:50]], "was it cut off?"),
    "a bad line": (lambda lines: [*lines[:5], b"<html>", *lines[6:]], "is no JSON"),
    "a wrong type": (lambda lines: [changed(lines[0], favorite_count="many"), *lines[1:]], "favorite_count is 'many'"),
    "a null": (lambda lines: [changed(lines[0], user=None), *lines[1:]], "user is empty"),
    "an object": (lambda lines: [changed(lines[0], followers_count={"n": None}), *lines[1:]], "followers_count is '{"),
    "an absent field": (lambda lines: [without(lines[0], "text"), *lines[1:]], "the field text is absent"),
    "an empty line": (lambda lines: [b"", *lines[1:]], ""),
    "5,000 fields": (lambda lines: [changed(lines[0], **WIDE), *lines[1:]], ""),
    "no UTF-8": (lambda lines: [lines[0].replace(b'"date"', b'"d\xff"'), *lines[1:]], "no UTF-8"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_to_a_real_file_costs_the_record_that_has_it(lake: Lake, drop: Drop, real_data: Path, kind: str) -> None:
    damage, told = DAMAGE[kind]
    content = min(archive(real_data).values(), key=len)
    lines = damage(content.splitlines())
    drop(SOURCE.name, "tweets.json", b"\n".join(lines))

    take_in(lake, SOURCE)

    (entry,) = files(lake, SOURCE).to_dicts()
    assert unbalanced_files(lake, SOURCE).is_empty()
    assert (entry["status"], entry["rows_read"]) == ("loaded", sum(map(bool, lines)))
    assert entry["rows_quarantined"] == bool(told)
    reasons = quarantine.rows_of(lake.tables, SOURCE.name).collect()["reason"].to_list()
    assert all(told in reason for reason in reasons)
    assert len(reasons) == bool(told)


def test_what_is_left_of_a_broken_file_is_set_aside_with_the_reason(lake: Lake, drop: Drop, real_data: Path) -> None:
    content = min(archive(real_data).values(), key=len)
    drop(SOURCE.name, "empty.json", b"")
    drop(SOURCE.name, "cut.gz", gzip.compress(content)[:-100])
    drop(SOURCE.name, "cut.zip", zipped({"a": content})[:-100])
    drop(SOURCE.name, "document.json", (b"[" + content.replace(b"}\n{", b"},\n{") + b"]")[:-100])

    take_in(lake, SOURCE)

    found = files(lake, SOURCE)
    reasons = dict(zip(found["uri"].str.split("/").list.last(), found["reason"], strict=True))
    assert reasons["empty.json"].startswith("empty file")
    assert "damaged or truncated gz" in reasons["cut.gz"]
    assert "damaged or truncated zip" in reasons["cut.zip"]
    assert "a JSON document that ends in the middle, in line" in reasons["document.json"]
    assert set(found["status"]) == {"quarantined"}
