"""`GET /predict`: a bare number, or why not."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from cryptodudez_assets.models.explain import explain
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.ether import VOLUME
from cryptodudez_assets_tests.model_builders import register_volume
from serving.app import create_app

GOOD = {"vol_moving_avg": "12345", "adj_close_rolling_med": "25"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(home: Settings) -> Iterator[TestClient[Litestar]]:
    registry = Registry(home, VOLUME)
    registry.promote(register_volume(registry).version, "a test")
    with TestClient(create_app(home)) as client:
        yield client


def test_it_is_a_whole_number_and_nothing_else(client: TestClient[Litestar]) -> None:
    answer = client.get("/predict?vol_moving_avg=12345&adj_close_rolling_med=25")
    assert answer.status_code == 200
    assert answer.text == "9876"
    assert answer.headers["X-Model-Version"] == "volume_model-1"


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    "value", [None, "", "many", "-1", "NaN", "inf", "-inf", "1e300", "1e999", "9" * 400, "1,5", "0x10"]
)
def test_bad_parameters_are_refused_and_named(client: TestClient[Litestar], name: str, value: str | None) -> None:
    asked = {**GOOD, name: value} if value is not None else {key: one for key, one in GOOD.items() if key != name}
    answer = client.get("/predict", params=asked)
    assert answer.status_code == 400, answer.text
    assert name in answer.json()["detail"]


@pytest.mark.parametrize("name", GOOD)
def test_a_repeated_parameter_is_refused_and_named(client: TestClient[Litestar], name: str) -> None:
    answer = client.get("/predict", params={**GOOD, name: ["1", "2"]})
    assert answer.status_code == 400
    assert answer.json()["detail"] == f"given more than once: {name}"


def test_nothing_of_a_known_stock_is_zero(client: TestClient[Litestar]) -> None:
    assert client.get("/predict?vol_moving_avg=0&adj_close_rolling_med=0").text == "0"


def test_it_is_ready_described_and_counted(client: TestClient[Litestar]) -> None:
    assert client.get("/health/ready").json() == {"status": "ready", "models": {VOLUME: 1}}
    assert client.get(f"/models/{VOLUME}").json()["features"] == list(GOOD)
    client.get("/predict", params=GOOD)
    assert 'route="/predict",status="200"' in client.get("/metrics").text
    assert 'model_version="1"' in client.get("/metrics").text


@pytest.mark.parametrize(
    "asked", ["vol_moving_avg=12345&adj_close_rolling_med=25", "adj_close_rolling_med=25.0&vol_moving_avg=1.2345e4"]
)
def test_the_same_is_answered_however_it_is_asked(client: TestClient[Litestar], asked: str) -> None:
    answer = client.get(f"/predict?{asked}")
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "9876", "application/json")
    assert answer.headers["X-Model-Version"] == "volume_model-1"
    assert answer.headers["X-Receipt-Id"]


def test_each_answer_has_a_receipt_of_its_own_that_can_be_made_again(
    client: TestClient[Litestar], home: Settings
) -> None:
    first, second = (client.get("/predict", params=GOOD) for _ in range(2))
    ids = [answer.headers["X-Receipt-Id"] for answer in (first, second)]
    assert ids[0] != ids[1]
    lake = open_lake(home)
    for one in ids:
        explained = explain(lake, one)
        assert explained.replay.replayed
        assert explained.receipt.request == {name: float(value) for name, value in GOOD.items()}
        assert explained.receipt.answer == first.json() == second.json()


def test_it_has_no_classes_to_predict(client: TestClient[Litestar]) -> None:
    answer = client.post(f"/models/{VOLUME}/predict", json={"rows": [{name: 1 for name in GOOD}]})
    assert answer.status_code == 400
    assert "GET /predict" in answer.json()["detail"]


def test_without_a_model_it_says_what_to_do(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        answer = client.get("/predict", params=GOOD)
    assert answer.status_code == 503
    assert "cryptodudez run" in answer.json()["detail"]
    assert answer.headers["Retry-After"]
