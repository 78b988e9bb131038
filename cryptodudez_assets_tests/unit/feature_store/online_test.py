"""What the online store refuses, and where it is by default. How it behaves is in `integration/online_store_test.py`."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cryptodudez_assets.feature_store.online import OnlineStore, open_online_store
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.toy_views import WEATHER, after, row, rows

OSLO = {"place": "Oslo", "number": 1}


@pytest.fixture
def online(settings: Settings) -> Iterator[OnlineStore]:
    store = open_online_store(settings.online)
    yield store
    store.close()


def test_the_default_is_a_file_in_the_home(online: OnlineStore, settings: Settings):
    online.write(WEATHER, rows(WEATHER, row(0)))
    assert (settings.home / "online.db").exists()
    assert online.read(WEATHER, [OSLO], ["wet"], after(1))[0]["wet"] is True


def test_a_password_is_not_shown():
    assert "secret" not in repr(Settings(online="redis://user:secret@host"))


def test_an_address_that_means_nothing_is_told():
    with pytest.raises(ValueError, match="expected sqlite:///file, postgresql://… or redis://…"):
        open_online_store("mongodb://host")


@pytest.mark.parametrize(
    ("key", "features", "error", "told"),
    [
        ({"place": "Oslo"}, ["wet"], KeyError, "a key of weather lacks number"),
        ({"place": "Oslo", "number": "1"}, ["wet"], TypeError, "key number of weather must be int, not '1'"),
        ({"place": "Oslo", "number": True}, ["wet"], TypeError, "key number of weather must be int, not True"),
        (OSLO, ["rain"], KeyError, "no feature rain in weather; it has degrees, count, wet"),
    ],
)
def test_what_cannot_be_asked_is_told(
    online: OnlineStore, key: dict[str, Any], features: list[str], error: type[Exception], told: str
):
    with pytest.raises(error, match=told):
        online.read(WEATHER, [key], features, after(1))


def test_a_time_needs_a_zone(online: OnlineStore):
    with pytest.raises(ValueError, match="has no time zone; expected UTC"):
        online.read(WEATHER, [OSLO], ["wet"], datetime(2021, 1, 1))


def test_a_write_that_fails_leaves_all_as_it_was(settings: Settings, tmp_path: Path):
    store = open_online_store(f"sqlite:///{tmp_path / 'online.db'}")
    good, bad = ('["Oslo", 1]', 1, 1, "{}"), ("x", object(), 1, "{}")
    with pytest.raises(Exception, match="type 'object' is not supported"):
        store.backend.put("weather", [good, bad])  # type: ignore[list-item]
    assert store.backend.get("weather", [good[0]]) == {}
    store.write(WEATHER, rows(WEATHER, row(0)))
    assert store.read(WEATHER, [OSLO], ["wet"], after(0))[0]["wet"] is True
    store.close()
