"""`GET /forecast/volume`: what a stock's next trading day will have, since when that is known, or why there is nothing to say."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import polars as pl
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.declared_models.forecast import KNOWN_BEFORE, SCALE
from cryptodudez_assets.feature_store.online import Bookmark, open_online_store
from cryptodudez_assets.features.stock_volume import VIEW
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom
from cryptodudez_assets.models.explain import explain
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.ether import FORECAST_MODEL
from cryptodudez_assets_tests.model_builders import register_volume
from serving.app import create_app

ROUTE, CLOSE = FORECAST_MODEL.serves, datetime(2021, 1, 27, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """`A` was traded for a month, `YOUNG` was not; `TRUE` is a symbol like any other."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    schema = polars_schema(VIEW.contract)
    row: dict[str, object] = {**dict.fromkeys(schema, 1)} | {
        "date": date(2021, 1, 27),
        "event_ts": CLOSE,
        "known_ts": CLOSE,
    }
    rows = [row | {"symbol": symbol, SCALE: scale} for symbol, scale in (("A", 1000), ("YOUNG", None), ("TRUE", 7))]
    store = open_online_store(settings.online)
    store.write(VIEW, pl.DataFrame(rows).cast(dict(schema)))
    store.note_published(VIEW, Bookmark(42, MadeFrom("", {VIEW.table: 42})))
    store.close()
    return settings


@pytest.fixture(scope="module")
def client(home: Settings) -> Iterator[TestClient[Litestar]]:
    registry = registry_of(home, FORECAST_MODEL)
    registry.promote(register_volume(registry, share=1.5, features=KNOWN_BEFORE).version, "a test")
    with TestClient(create_app(home)) as client:
        yield client


@pytest.mark.parametrize(("symbol", "volume"), [("A", 1500), ("TRUE", 10)])
def test_it_says_the_volume_and_what_it_stands_on(client: TestClient[Litestar], symbol: str, volume: int) -> None:
    answer = client.get(ROUTE, params={"symbol": symbol})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["symbol"], told["volume"], told["last_day"]) == (symbol, volume, "2021-01-27")
    assert datetime.fromisoformat(told["as_of"]) == CLOSE
    assert told["stale"]
    assert told["age_seconds"] > 86_400
    assert (told["model"], told["model_version"], told["verdict"]) == (FORECAST_MODEL.name, 1, "skill")


def test_it_has_a_receipt_that_can_be_made_again(client: TestClient[Litestar], home: Settings) -> None:
    told = client.get(ROUTE, params={"symbol": "A"}).json()
    explained = explain(open_lake(home), told["receipt_id"])
    assert explained.replay.replayed
    assert (explained.receipt.request, explained.receipt.answer) == ({"symbol": "A"}, 1500)
    assert (explained.receipt.as_of, explained.receipt.feature_snapshots) == (CLOSE, {VIEW.table: 42})
    served = next(one for one in explained.lineage if one.table == VIEW.table)
    assert (served.served_from_snapshot, served.made_from) == (42, ["market.stock_market"])


@pytest.mark.parametrize(
    ("asked", "code", "why"),
    [
        ({"symbol": "NONE"}, 404, "there are not 22 days of NONE"),
        ({"symbol": "YOUNG"}, 404, "there are not 22 days of YOUNG"),
        ({"symbol": "a"}, 404, "22 days of a "),
        ({"symbol": ""}, 400, "symbol"),
        ({"symbol": "A" * 21}, 400, "symbol"),
        ({"symbol": ["A", "TRUE"]}, 400, "given more than once: symbol"),
        ({}, 400, "symbol"),
    ],
)
def test_what_cannot_be_forecast_is_said(
    client: TestClient[Litestar], asked: dict[str, str], code: int, why: str
) -> None:
    answer = client.get(ROUTE, params=asked)
    assert answer.status_code == code, answer.text
    assert why in answer.json()["detail"]


def test_without_a_model_it_says_what_to_do(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        answer = client.get(ROUTE, params={"symbol": "A"})
    assert answer.status_code == 503
    assert "cryptodudez run" in answer.json()["detail"]


def test_a_model_of_other_features_does_not_answer(settings: Settings) -> None:
    registry = registry_of(settings, FORECAST_MODEL)
    registry.promote(register_volume(registry, features=KNOWN_BEFORE[:-1]).version, "a test")
    with TestClient(create_app(settings)) as client:
        answer = client.get(ROUTE, params={"symbol": "A"})
    assert answer.status_code == 503
    assert "trained on other features" in answer.json()["detail"]
