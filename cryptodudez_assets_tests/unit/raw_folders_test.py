"""Where files are dropped there is a folder."""

from dataclasses import replace
from pathlib import Path

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.raw_folders import make_folders
from cryptodudez_assets.sources import all_sources


def test_each_declared_source_has_a_folder_and_what_is_in_the_way_stays(lake: Lake) -> None:
    raw = Path(lake.settings.lake) / "raw"
    raw.mkdir(parents=True)
    (raw / "elon_tweets").write_text("in the way")
    for _ in range(2):
        make_folders(lake, all_sources().values())
    assert (raw / "elon_tweets").read_text() == "in the way"
    assert {path.name for path in raw.iterdir()} == {source.raw for source in all_sources().values()}


def test_a_bucket_has_no_folders(lake: Lake, tmp_path: Path) -> None:
    bucket = replace(lake, settings=lake.settings.model_copy(update={"lake": "s3://bucket/lake"}))
    make_folders(bucket, all_sources().values())
    assert not list(tmp_path.rglob("raw"))
