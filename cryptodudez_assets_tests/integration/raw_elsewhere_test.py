"""A raw zone that is not in the lake: what is landed there is found, read, verified and erased, and nothing of it is in the lake."""

import io
from pathlib import Path

import pytest

from cryptodudez_assets.erasing.places import names_of_everything
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.lake.upkeep.verify import verify_raw
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import csv, files, open_lake, rows_of, take_in


@pytest.fixture(params=["outside", "in the home", "a link"])
def apart(tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    """A lake with its raw zone elsewhere."""
    raw = tmp_path / ("home/landed" if request.param == "in the home" else "landed")
    if request.param == "a link":
        (tmp_path / "disk").mkdir()
        raw.symlink_to(tmp_path / "disk")
    return open_lake(Settings(home=tmp_path / "home", raw=f"{raw}/", settle_seconds=0))


def test_what_lands_there_is_read_and_named_by_its_own_place(apart: Lake, tmp_path: Path):
    raw = Path(apart.settings.raw_zone)
    (raw / "readings").mkdir(parents=True)
    (raw / "readings" / "dropped.csv").write_bytes(csv("s", range(20), bad=1))
    (tmp_path / "b.csv").write_bytes(csv("t", range(5)))
    list(land(apart, "readings", [tmp_path / "b.csv"]))
    take_in(apart)
    assert rows_of(apart, "lab.readings").height == 25
    assert all(uri.startswith(f"{raw}/readings/") for uri in files(apart)["uri"])
    assert not (Path(apart.settings.lake) / "raw").exists()
    take_in(apart)
    assert files(apart).height == 2

    (raw / "readings" / "dropped.csv").write_bytes(b"others")
    (told,) = verify_raw(apart, "readings").differences
    assert told.where == f"{raw}/readings/dropped.csv"
    everything = list(names_of_everything(apart))
    assert sum(name.endswith("dropped.csv") for name in everything) == 1


def test_keys_and_places_lead_to_each_other(apart: Lake):
    store = apart.store
    for key in ("raw/a/x.csv", "raw/a/b/y.csv", "quarantine/a/z.csv", "rawer/a"):
        store.write(key, io.BytesIO(key.encode()))
        assert store.key(store.uri(key)) == key
        assert store.read(key) == key.encode()
        assert (found := store.stat(key)) is not None
        assert found.key == key
    assert [found.key for found in store.list("raw/a")] == ["raw/a/b/y.csv", "raw/a/x.csv"]
    assert [found.key for found in store.list("raw/a", "raw/a/b/y.csv")] == ["raw/a/x.csv"]
    assert [found.key for found in store.list("raw")] == ["raw/a/b/y.csv", "raw/a/x.csv"]
    assert store.folders("raw") == ["a"]
    assert store.folders("quarantine") == ["a"]
    store.delete("raw/a/x.csv")
    assert store.stat("raw/a/x.csv") is None
    with pytest.raises(FileExistsError):
        store.create("raw/a/b/y.csv", b"")


def test_the_default_written_out_is_the_default(tmp_path: Path):
    home = tmp_path / "home"
    for raw in ("", f"{home}/lake/raw", f"{home}/lake/raw/"):
        settings = Settings(home=home, raw=raw)
        assert settings.raw == ""
        assert settings.raw_zone == f"{home}/lake/raw"
        assert open_store(settings).uri("raw/a") == f"{home}/lake/raw/a"
