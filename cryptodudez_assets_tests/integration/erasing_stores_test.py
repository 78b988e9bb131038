"""An identity is erased from a lake in a bucket as from one in a folder."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cryptodudez_assets.erasing.erase import erase
from cryptodudez_assets.erasing.journal import VERSION
from cryptodudez_assets.erasing.old_versions import OldVersions
from cryptodudez_assets.erasing.places import everything
from cryptodudez_assets.erasing.scan import scan_files
from cryptodudez_assets.lake.erasing.identity import Identity
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import rows_of, take_in
from cryptodudez_assets_tests.toy_accounts import ADA, BOB, KEY, PAYMENTS, as_csv, every_form, row

pytestmark = [pytest.mark.servers, pytest.mark.long]


@pytest.fixture
def versioned(tmp_path: Path, s3_endpoint: str) -> Lake:
    """A lake in a bucket, and its raw zone in one that keeps old versions."""
    lake, raw = f"s3://lake/{tmp_path.name}", f"s3://versioned/{tmp_path.name}/raw"
    settings = Settings(home=tmp_path / "home", lake=lake, raw=raw, erasure_key=KEY, s3_endpoint=s3_endpoint)
    return Lake.open(settings, {"payments": PAYMENTS})


@pytest.fixture(params=["s3", "gs"])
def cloud(tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    """A lake in a bucket."""
    endpoint = request.getfixturevalue(f"{request.param}_endpoint")
    settings = Settings(
        home=tmp_path / "home",
        lake=f"{request.param}://lake/{tmp_path.name}",
        erasure_key=KEY,
        **{f"{request.param}_endpoint": endpoint},
    )
    return Lake.open(settings, {"payments": PAYMENTS})


def test_an_identity_goes_from_a_bucket(cloud: Lake):
    for name in ("plain.csv", "archive.zip", "rows.parquet", "bad.csv", "strange.txt"):
        cloud.store.write(f"raw/payments/{name}", io.BytesIO(every_form()[name]))
    take_in(cloud, PAYMENTS)
    before = rows_of(cloud, PAYMENTS.table).sort("id")
    assert scan_files(everything(cloud), ADA).found

    receipt = erase(cloud, Identity("account", ADA), derived=[])

    assert not receipt.left
    assert scan_files(everything(cloud), ADA).found == []
    found = rows_of(cloud, PAYMENTS.table).sort("id")
    assert found.drop("user_id", "user_key").equals(before.drop("user_id", "user_key"))
    assert discover_all(cloud, "payments") == []
    cloud.store.write("raw/payments/more.csv", io.BytesIO(as_csv([row(900, ADA)]).encode()))
    take_in(cloud, PAYMENTS)
    assert set(rows_of(cloud, PAYMENTS.table)["user_id"]) == {BOB, receipt.pseudonym}
    assert scan_files(everything(cloud), ADA).found == []


def test_old_versions_that_tell_of_it_go_and_the_others_stay(versioned: Lake):
    put(versioned, "replaced.csv", as_csv([row(1, ADA), row(2, BOB)]).encode())
    put(versioned, "replaced.csv", as_csv([row(2, BOB)]).encode())
    put(versioned, "deleted.csv", as_csv([row(3, ADA)]).encode())
    versioned.store.delete("raw/payments/deleted.csv")
    put(versioned, "others.csv", as_csv([row(4, BOB)]).encode())
    put(versioned, "others.csv", as_csv([row(4, BOB), row(5, BOB)]).encode())
    put(versioned, "packed.zip", every_form()["archive.zip"])
    take_in(versioned, PAYMENTS)
    old = OldVersions(versioned.settings)
    assert {place.rpartition("/")[2].partition("?")[0] for place in in_old(old, ADA)} == {"replaced.csv", "deleted.csv"}
    assert len(in_old(old, BOB)) == 2

    receipt = erase(versioned, Identity("account", ADA), derived=[])

    assert not receipt.left
    assert not in_old(old, ADA)
    assert [place.rpartition("/")[2].partition("?")[0] for place in in_old(old, BOB)] == ["others.csv"]
    done = {one.place.rpartition("/")[2]: one.count for one in receipt.done if one.what == VERSION}
    assert done == {"replaced.csv": 1, "deleted.csv": 1, "packed.zip": 1}


def test_where_nobody_can_ask_for_old_versions_that_is_said(versioned: Lake, monkeypatch: pytest.MonkeyPatch):
    put(versioned, "a.csv", as_csv([row(1, ADA)]).encode())
    take_in(versioned, PAYMENTS)
    monkeypatch.setattr("cryptodudez_assets.lake.store.versions._is_installed", lambda _: False)
    receipt = erase(versioned, Identity("account", ADA), derived=[])
    assert "cannot be asked without boto3" in " ".join(receipt.said)
    assert "old versions" in " ".join(receipt.said)
    monkeypatch.undo()
    assert in_old(OldVersions(versioned.settings), ADA)
    assert not erase(versioned, Identity("account", ADA), derived=[]).left
    assert not in_old(OldVersions(versioned.settings), ADA)


def put(lake: Lake, name: str, content: bytes) -> None:
    lake.store.write(f"raw/payments/{name}", io.BytesIO(content))


def in_old(old: OldVersions, identity: str) -> list[str]:
    """The old versions in which it stands."""
    return [one.place for one in scan_files(old.everything(), identity).found]


def test_google_tells_old_versions_and_hands_them_out(tmp_path: Path, gs_endpoint: str):
    """To remove a single generation is more than the stand-in can."""
    made = httpx.post(
        f"{gs_endpoint}/storage/v1/b?project=tests", json={"name": "versioned", "versioning": {"enabled": True}}
    )
    assert made.is_success
    settings = Settings(
        home=tmp_path, lake="gs://lake/l", raw=f"gs://versioned/{tmp_path.name}", gs_endpoint=gs_endpoint
    )
    lake = Lake.open(settings, {})
    for name, content in (("a.csv", ADA.encode()), ("a.csv", b"two"), ("b.csv", BOB.encode())):
        put(lake, name, content)
    lake.store.delete("raw/payments/b.csv")
    old = OldVersions(settings)
    assert old.unknown == []
    assert [content.read() for _, content in old.everything()] == [ADA.encode(), BOB.encode()]
    assert [place.partition("?")[0] for place in in_old(old, ADA)] == [lake.store.uri("raw/payments/a.csv")]


def test_until_when_what_was_removed_can_be_brought_back_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    class Kept:
        soft_delete = timedelta(days=7)

    monkeypatch.setattr("cryptodudez_assets.erasing.old_versions.versions_below", lambda *_: Kept())
    buckets = OldVersions(Settings(home=settings.home, lake="gs://bucket/lake", raw="gs://landed"))
    said = buckets.kept_until(datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert len(said) == 2
    assert said[1].startswith("gs://landed keeps what is deleted (soft delete): until 2026-11-27 12:00 UTC")
