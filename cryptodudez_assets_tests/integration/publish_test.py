"""Bringing features online: only what changed is written, nothing is left out, whoever dies in between."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.expressions import EqualTo

from cryptodudez_assets.derived.upkeep.materialize import table_specs
from cryptodudez_assets.feature_store.online import OnlineStore, open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets_tests.toy_views import DEFAULTS, WEATHER, rows

pytestmark = pytest.mark.every_store

TABLE = table_specs(WEATHER)[0]
START = now() - timedelta(hours=2)
PLACES = [{"place": name, "number": number} for number, name in enumerate(["Oslo", "Bergen", "Narvik"])]


@pytest.fixture
def online(tmp_path: Path) -> OnlineStore:
    return open_online_store(f"sqlite:///{tmp_path / 'online.db'}")


def add(lake: Lake, *values: dict[str, object]) -> None:
    with lake.tables.changing(TABLE) as change:
        change.add(rows(WEATHER, *values))


def served(online: OnlineStore) -> list[object]:
    return [one["degrees"] for one in online.read(WEATHER, PLACES, ["degrees"], now())]


def weather(place: dict[str, object], degrees: float, at=START, known=START) -> dict[str, object]:
    return {**DEFAULTS, **place, "degrees": degrees, "event_ts": at, "known_ts": known}


def test_only_changed_keys_are_written(lake: Lake, online: OnlineStore) -> None:
    add(lake, *(weather(place, 1.0) for place in PLACES))
    assert publish_latest(lake, WEATHER, online) == 3
    assert publish_latest(lake, WEATHER, online) == 0

    add(lake, weather(PLACES[1], 7.0, at=START + timedelta(hours=1)))
    assert publish_latest(lake, WEATHER, online) == 1
    assert served(online) == [1.0, 7.0, 1.0]


def test_a_store_that_was_emptied_is_filled_again(lake: Lake, online: OnlineStore) -> None:
    add(lake, *(weather(place, 1.0) for place in PLACES))
    publish_latest(lake, WEATHER, online)
    online.drop(WEATHER.name)
    assert publish_latest(lake, WEATHER, online) == 3


def test_whoever_dies_before_the_note_does_it_again(
    lake: Lake, online: OnlineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(lake, *(weather(place, 1.0) for place in PLACES))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(OnlineStore, "note_published", die)
        with pytest.raises(KeyboardInterrupt):
            publish_latest(lake, WEATHER, online)
    assert publish_latest(lake, WEATHER, online) == 3


def test_what_cannot_be_known_yet_comes_later(lake: Lake, online: OnlineStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add(lake, weather(PLACES[0], 1.0), weather(PLACES[1], 2.0, known=now() + timedelta(hours=1)))
    assert publish_latest(lake, WEATHER, online) == 1
    later = now() + timedelta(hours=2)
    monkeypatch.setattr("cryptodudez_assets.feature_store.publish.now", lambda: later)
    assert publish_latest(lake, WEATHER, online) == 2


def test_a_changed_row_is_written_over_the_old_one(lake: Lake, online: OnlineStore) -> None:
    add(lake, *(weather(place, 1.0) for place in PLACES))
    publish_latest(lake, WEATHER, online)
    with lake.tables.changing(TABLE) as change:
        corrected = change.rows().filter(place="Oslo").with_columns(degrees=pl.lit(3.0)).collect()
        change.delete(EqualTo("place", "Oslo")).add(corrected)
    assert publish_latest(lake, WEATHER, online) == 1
    assert served(online) == [3.0, 1.0, 1.0]
