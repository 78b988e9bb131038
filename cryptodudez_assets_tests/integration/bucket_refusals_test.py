"""What a bucket refuses is told in a line, and what others put into it costs nobody a look too many."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cryptodudez_assets.cli import main
from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.metastore.describe import MARKER
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.metastore.file_entries import files_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, put, take_in
from cryptodudez_assets_tests.integration.conftest import ACCESS, SECRET

boto3 = pytest.importorskip("boto3", reason="what puts odd names into buckets is not installed (extra aws)")
BUCKET = "lake"


def asked(home: Path, endpoint: str, lake: str, *words: str, **settings: str) -> Result:
    told = {"CRYPTODUDEZ_HOME": str(home), "CRYPTODUDEZ_LAKE": lake, "CRYPTODUDEZ_S3_ENDPOINT": endpoint}
    return CliRunner(env=told | settings).invoke(main, words)


def line_of(done: Result) -> str:
    """What a refused command said."""
    assert isinstance(done.exception, SystemExit), done.exception  # else there would be a traceback
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "another"}, "AWS_SECRET_ACCESS_KEY is not that of the key in AWS_ACCESS_KEY_ID"),
        ({"AWS_ACCESS_KEY_ID": "another"}, "does not know the key in AWS_ACCESS_KEY_ID"),
        ({"CRYPTODUDEZ_LAKE": "s3://no-such-bucket/x"}, "there is no such bucket"),
        ({"CRYPTODUDEZ_S3_ENDPOINT": "http://127.0.0.1:1"}, "the bucket's server does not answer"),
    ],
)
def test_what_is_wrong_with_a_bucket_is_told_in_a_line(
    s3_endpoint: str, tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    line = line_of(asked(tmp_path, s3_endpoint, f"s3://{BUCKET}/{tmp_path.name}", "status", **settings))
    assert told in line
    assert SECRET not in line
    assert "another" not in line


def test_a_name_that_cannot_be_read_is_told(s3_endpoint: str, tmp_path: Path) -> None:
    lake = f"s3://{BUCKET}/{tmp_path.name}"
    _client(s3_endpoint).put_object(Bucket=BUCKET, Key=f"{tmp_path.name}/raw/crypto_prices/a\r.csv", Body=b"x")
    line = line_of(asked(tmp_path, s3_endpoint, lake, "run", "--select", "crypto_prices"))
    assert "has a name that cannot be read" in line
    assert "delete it" in line
    assert "raw/crypto_prices/a" in line


def test_what_stands_for_a_folder_is_looked_at_once(s3_endpoint: str, tmp_path: Path) -> None:
    """Consoles make such objects: empty, with a slash at the end of their name."""
    lake = open_lake(Settings(home=tmp_path, lake=f"s3://{BUCKET}/{tmp_path.name}", s3_endpoint=s3_endpoint))
    _client(s3_endpoint).put_object(Bucket=BUCKET, Key=f"{tmp_path.name}/raw/{READINGS.name}/folder/", Body=b"")
    put(lake, "folder/a.csv", csv("s", range(3)))
    take_in(lake)
    told = files_of(lake.tables, READINGS.name).select("status", "reason").sort("status").collect().rows()
    assert told == [(Status.IGNORED, MARKER), (Status.LOADED, None)]
    assert list(discover_all(lake, READINGS.name)) == []


def _client(endpoint: str) -> Any:
    keys = {"aws_access_key_id": ACCESS, "aws_secret_access_key": SECRET}
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
