"""Homes of earlier releases: what they kept beside the lake is brought into it, and found as before."""

import io
import shutil
from pathlib import Path
from typing import BinaryIO

import pytest

from cryptodudez_assets.lake.store.beside_lake import bring_over
from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets.models.predictor import load
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.model_builders import register_base_rates, register_toy

MODEL = "eth_signal"


class Died(Exception):
    """The process is gone."""


def earlier_home(settings: Settings) -> Registry:
    """One with two versions, the second of them champion, in `<home>/models`."""
    registry = Registry(settings, MODEL)
    register_base_rates(registry)
    register_toy(registry)
    registry.promote(2, "skill")
    (settings.home / "models").unlink()
    (Path(settings.lake) / "models").rename(settings.home / "models")
    return registry


def test_models_of_an_earlier_home_serve_on_and_lie_in_the_lake(settings: Settings):
    registry = earlier_home(settings)
    assert registry.champion() is None
    for _ in range(2):
        open_lake(settings)
        assert load(registry, 2).manifest == registry.champion()
    assert registry.versions() == [1, 2]
    assert (settings.home / "models" / MODEL / "stages.json").is_file(), "the old path leads there"
    assert (settings.home / "models").readlink() == Path("lake/models"), "also where the home is moved"


def test_reports_and_exports_are_brought_over(settings: Settings):
    for name in ("reports/signal.html", "exports/a/a.csv", "exports/a/.made_from.json"):
        (settings.home / name).parent.mkdir(parents=True, exist_ok=True)
        (settings.home / name).write_text(name)
    open_lake(settings)
    for name in ("reports/signal.html", "exports/a/a.csv", "exports/a/.made_from.json"):
        assert (Path(settings.lake) / name).read_text() == name == (settings.home / name).read_text()


def test_killed_at_any_file_all_is_brought_over_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write, step = FolderStore.write, 0
    while True:
        step += 1
        settings = Settings(home=tmp_path / f"home{step}", lake=str(tmp_path / f"lake{step}"))
        registry, left = earlier_home(settings), step
        (Path(settings.lake) / "models").mkdir()  # so that a rename is not enough

        def mortal(store: FolderStore, key: str, content: BinaryIO) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died
            write(store, key, content)

        with monkeypatch.context() as patch:
            patch.setattr(FolderStore, "write", mortal)
            try:
                bring_over(settings)
            except Died:
                assert all(load(registry, version) for version in registry.versions()), "no version is half there"
                assert registry.champion() is None
                bring_over(settings)
        champion = registry.champion()
        assert champion is not None
        assert (load(registry, 2).manifest, registry.versions()) == (champion, [1, 2])
        if left > 0:
            break
    assert step > 10


def test_models_of_which_the_lake_has_others_stay_where_they_are(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    lake = str(tmp_path / "lake")
    theirs, ours = (Settings(home=tmp_path / name, lake=lake) for name in ("theirs", "ours"))
    registry = earlier_home(ours)
    register_base_rates(registry)
    registry.promote(1, "in the lake already")
    bring_over(ours)
    bring_over(theirs)
    assert "stays unused" in caplog.text
    assert registry.versions() == [1]
    assert (ours.home / "models" / MODEL / "versions" / "2" / "manifest.json").is_file()


def test_a_copy_of_a_home_that_followed_the_links_has_nothing_that_is_brought_over(settings: Settings, tmp_path: Path):
    registry = earlier_home(settings)
    open_lake(settings)
    shutil.copytree(settings.home, tmp_path / "copy")
    copy = Settings(home=tmp_path / "copy")
    register_toy(Registry(copy, MODEL))
    assert not (copy.home / "models").is_symlink()
    open_lake(copy)
    assert Registry(copy, MODEL).versions() == [1, 2, 3]
    assert Registry(copy, MODEL).champion() == registry.champion()
    assert (copy.home / "models").is_symlink()


def test_an_object_is_created_once(tmp_path: Path):
    store = FolderStore(tmp_path / "lake")
    store.create("models/a", b"one")
    with pytest.raises(FileExistsError):
        store.create("models/a", b"two")
    assert store.read("models/a") == b"one"
    store.write("models/a", io.BytesIO(b"three"))
    assert store.read("models/a") == b"three"
    assert [found.key for found in store.list("models")] == ["models/a"]
