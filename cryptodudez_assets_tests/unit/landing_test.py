"""Landing: what is there is never overwritten, what is there already is not landed again."""

import os
from pathlib import Path

import pytest

from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import files_below, land, left_below
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets_tests.toy_source import SOURCE


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Where a user keeps files before landing them."""
    (tmp_path / "desk" / "deep").mkdir(parents=True)
    (tmp_path / "desk" / "a.csv").write_text("Block,Time,Gwei\n1,2021-01-01 00:00:00,5\n")
    (tmp_path / "desk" / "deep" / "b.csv").write_text("b")
    return tmp_path / "desk"


def names(lake: Lake) -> list[str]:
    """What is in the raw folder, below the folder of the day."""
    return [stored.key.split("/", 3)[3] for stored in lake.store.list(f"raw/{SOURCE.name}")]


def test_a_folder_lands_under_its_name(lake: Lake, desk: Path):
    assert [landed.already_there for landed in land(lake, SOURCE.name, [desk])] == [False, False]
    assert names(lake) == ["desk/a.csv", "desk/deep/b.csv"]


@pytest.mark.parametrize("way", [".", "../desk", "deep/.."])
def test_a_folder_s_name_is_found_whatever_way_leads_to_it(desk: Path, monkeypatch: pytest.MonkeyPatch, way: str):
    monkeypatch.chdir(desk)

    assert [name for _, name in files_below([Path(way)])] == ["desk/a.csv", "desk/deep/b.csv"]


def test_progress_reaches_the_size_whether_landed_or_there(lake: Lake, desk: Path):
    for _ in range(2):
        heard: list[int] = []
        list(land(lake, SOURCE.name, [desk], heard.append))
        assert sum(heard) == sum(path.stat().st_size for path, _ in files_below([desk]))


def test_the_same_bytes_again_land_once(lake: Lake, desk: Path):
    first = [landed.uri for landed in land(lake, SOURCE.name, [desk / "a.csv"])]

    again = list(land(lake, SOURCE.name, [desk / "a.csv"]))

    assert [landed.uri for landed in again] == first
    assert again[0].already_there


def test_other_bytes_under_the_name_get_a_folder_of_their_own_once(lake: Lake, desk: Path):
    (first,) = land(lake, SOURCE.name, [desk / "a.csv"])
    (desk / "a.csv").write_text("other")

    (second,) = land(lake, SOURCE.name, [desk / "a.csv"])
    (third,) = land(lake, SOURCE.name, [desk / "a.csv"])

    assert Path(first.uri).read_text().startswith("Block")
    assert Path(second.uri).read_text() == "other"
    assert third.already_there
    assert third.uri == second.uri
    assert len(names(lake)) == 2


def test_what_the_catalogue_knows_is_not_landed_under_another_day_or_name(lake: Lake, desk: Path):
    (first,) = land(lake, SOURCE.name, [desk / "a.csv"])
    yesterday = Path(first.uri).parent.with_name("2021-01-01")
    Path(first.uri).parent.rename(yesterday)
    catalogue_objects(lake, SOURCE, discover_all(lake, SOURCE.name))
    (desk / "a.csv").rename(desk / "renamed.csv")

    (again,) = land(lake, SOURCE.name, [desk / "renamed.csv"])

    assert again.already_there
    assert again.uri == str(yesterday / "a.csv")


def test_what_was_taken_out_of_the_raw_zone_can_be_landed_again(lake: Lake, desk: Path):
    (first,) = land(lake, SOURCE.name, [desk / "a.csv"])
    catalogue_objects(lake, SOURCE, discover_all(lake, SOURCE.name))
    Path(first.uri).unlink()

    (again,) = land(lake, SOURCE.name, [desk / "a.csv"])

    assert not again.already_there
    assert Path(again.uri).exists()


def test_a_file_that_vanishes_while_it_is_landed_leaves_nothing(lake: Lake, desk: Path):
    def interrupt(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(land(lake, SOURCE.name, [desk / "a.csv"], interrupt))

    assert [name for _, _, names in os.walk(lake.settings.lake) for name in names] == []


def test_what_is_left_out_of_a_folder_is_told_with_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "archives"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_bytes(b"x")
    (folder / "deep" / "nowhere.csv").symlink_to("gone")
    (folder / "linked").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    (tmp_path / "empty").mkdir()
    left = {path.name: reason for path, reason in left_below([folder, tmp_path / "empty", folder / "a.csv"])}
    assert left == {
        "nowhere.csv": "a link that leads nowhere",
        "linked": "a link to a folder",
        "pipe": "no regular file (a pipe, socket or device)",
        "empty": "no file in this folder",
    }


def test_a_name_that_is_no_utf8_lands_under_one_that_can_be_read(lake: Lake, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"odd\xff.csv")
    odd.write_bytes(b"x")
    (landed,) = land(lake, "readings", [odd])
    assert Path(landed.uri).name == "odd\\xff.csv"
    assert Path(landed.uri).read_bytes() == b"x"
