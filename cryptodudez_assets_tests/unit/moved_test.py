"""A lake says that it went elsewhere, and whoever writes hears of it, also in the midst of writing."""

import io
import pickle
import time
from pathlib import Path

import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store import moved
from cryptodudez_assets.lake.store.moved import KEY, LOOK_SECONDS, HomeMoved, Looks, Move
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake

LEFT = Move("1", "left", "gs://new/lake", "gs://landed", "postgresql://db/catalog")


def test_the_note_says_what_to_set(lake: Lake) -> None:
    Path(lake.settings.lake).mkdir(parents=True)
    Path(lake.settings.lake, KEY).write_bytes(LEFT.as_json)
    expected = "CRYPTODUDEZ_LAKE=gs://new/lake CRYPTODUDEZ_RAW=gs://landed CRYPTODUDEZ_CATALOG=postgresql://db/catalog"
    with pytest.raises(HomeMoved, match=f"was moved to gs://new/lake, and is only read since: set {expected}$"):
        lake.store.create("raw/readings/a.csv", b"")
    assert not Path(lake.settings.lake, "raw").exists()
    assert open_lake(lake.settings).store.stat("raw/readings/a.csv") is None


def test_a_lake_that_is_not_whole_is_not_opened(lake: Lake) -> None:
    arriving = Move("1", "arriving", "/old/lake", "", "sqlite:////old/catalog.db")
    Path(lake.settings.lake).mkdir(parents=True)
    note = Path(lake.settings.lake, KEY)
    note.write_bytes(arriving.as_json)
    with pytest.raises(HomeMoved, match="is being filled from /old/lake, and not whole yet"):
        open_lake(lake.settings)
    note.write_bytes(Move("1", "whole", "/old/lake", "", "sqlite:////old/catalog.db").as_json)
    open_lake(lake.settings).store.write("raw/readings/a.csv", io.BytesIO(b"x"))


def test_who_was_writing_while_the_lake_left_hears_that_it_may_not_have_arrived(lake: Lake) -> None:
    class Leaving(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            Path(lake.settings.lake, KEY).write_bytes(LEFT.as_json)
            return super().read(size)

    with pytest.raises(HomeMoved):
        lake.store.write("raw/readings/a.csv", Leaving(b"x"))


@pytest.mark.parametrize(
    "places", [{}, {"lake": "s3://bucket/lake"}, {"lake": "gs://bucket/lake", "raw": "gs://landed"}]
)
def test_a_store_that_looks_goes_to_other_processes(tmp_path: Path, places: dict[str, str]) -> None:
    elsewhere = {"s3_endpoint": "http://127.0.0.1:1", "gs_endpoint": "http://127.0.0.1:1"}
    store = open_store(Settings(home=tmp_path, **elsewhere, **places))
    assert pickle.loads(pickle.dumps(store)).uri("raw/a.csv") == store.uri("raw/a.csv")  # noqa: S301  (our own)


def test_a_bucket_is_asked_every_now_and_then_and_a_folder_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at, asked = 1_000.0, 0

    def read(_: str) -> bytes:
        nonlocal asked
        asked += 1
        raise FileNotFoundError

    monkeypatch.setattr(time, "monotonic", lambda: at)
    monkeypatch.setattr(moved, "_SEEN", {})
    for _ in range(3):
        Looks("s3://bucket/lake", read, LOOK_SECONDS).insist_on_staying()
    assert asked == 1
    at += LOOK_SECONDS
    Looks("s3://bucket/lake", read, LOOK_SECONDS).insist_on_staying()
    assert asked == 2
    for _ in range(3):
        Looks("/lake", read).insist_on_staying()
    assert asked == 5
