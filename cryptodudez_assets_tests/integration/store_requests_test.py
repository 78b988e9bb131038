"""How often a bucket is asked: what describes a table is read once in a landing, and what is small is sent by one request."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptodudez_assets.lake.iceberg.kept import Kept
from cryptodudez_assets.lake.iceberg.recording import _known
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, put, rows_of, take_in
from cryptodudez_assets_tests.counting_proxy import counting_proxy, counts
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.stores import GS, S3, Store

MOST = {S3: {"read": 150, "write": 40, "list": 12}, GS: {"read": 150, "write": 75, "list": 12}}
"""Requests of a file that lands alone, by what they are billed as; of a source that keeps observations, too."""


@pytest.fixture(params=[S3, GS])
def counted(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A bucket that counts what it is asked."""
    if request.param == GS:
        yield Store(GS, request.getfixturevalue("gs_endpoint"))
        return
    with counting_proxy(request.getfixturevalue("s3_endpoint"), free_ports(1)[0]) as endpoint:
        yield Store(S3, endpoint)


def test_a_file_that_lands_alone_asks_little(counted: Store, tmp_path: Path) -> None:
    lake = open_lake(counted.settings(tmp_path / "home"))
    for number in range(4):
        put(lake, f"{number}.csv", csv(f"s{number}", range(3)))
        take_in(lake)
        if not number:
            counts(counted.endpoint)  # the first one makes the tables
    asked = counts(counted.endpoint)
    assert rows_of(lake, READINGS.table)["sensor"].n_unique() == 4
    each = Counter({kind: number / 3 for kind, number in asked.items()})
    assert {kind: each[kind] for kind, most in MOST[counted.name].items() if each[kind] > most} == {}


def test_what_is_kept_of_metadata_that_were_just_written_is_what_lies_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {}
    put_ = _known.put
    monkeypatch.setattr(_known, "put", lambda path, value: (kept.update({path: value}), put_(path, value)))
    lake: Lake = open_lake(settings)
    for number in range(3):
        put(lake, f"{number}.csv", csv(f"s{number}", range(3), bad=1))
        with Kept.in_a_pass():
            take_in(lake)
    assert len(kept) > 10
    there = {path: lake.tables.catalog._read(path) for path in kept if Path(path).exists()}
    assert len(there) > 5
    assert {path: kept[path] for path in there} == there
