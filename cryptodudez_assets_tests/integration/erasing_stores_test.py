"""An identity is erased from a lake in a bucket as from one in a folder."""

import io
from pathlib import Path

import pytest

from cryptodudez_assets.erasing.erase import erase
from cryptodudez_assets.erasing.places import everything
from cryptodudez_assets.erasing.scan import scan_files
from cryptodudez_assets.lake.erasing.identity import Identity
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import rows_of, take_in
from cryptodudez_assets_tests.toy_accounts import ADA, BOB, KEY, PAYMENTS, as_csv, every_form, row

pytestmark = [pytest.mark.servers, pytest.mark.long]


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
    assert "old versions" in " ".join(receipt.said)
    assert scan_files(everything(cloud), ADA).found == []
    found = rows_of(cloud, PAYMENTS.table).sort("id")
    assert found.drop("user_id", "user_key").equals(before.drop("user_id", "user_key"))
    assert discover_all(cloud, "payments") == []
    cloud.store.write("raw/payments/more.csv", io.BytesIO(as_csv([row(900, ADA)]).encode()))
    take_in(cloud, PAYMENTS)
    assert set(rows_of(cloud, PAYMENTS.table)["user_id"]) == {BOB, receipt.pseudonym}
    assert scan_files(everything(cloud), ADA).found == []
