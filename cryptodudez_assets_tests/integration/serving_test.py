"""The API as a client meets it: what it answers, what it refuses, what it writes down."""

import io
import json
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import polars as pl
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from pydantic import SecretStr

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.upkeep.materialize import table_specs
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.models.predictor import as_array, load
from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.models.signal.record.keeping import update
from cryptodudez_assets.models.signal.signal import OF_A_CANDLE
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.ether import ETHER, NAMES, PREDICTORS, PRICES, VIEWS
from cryptodudez_assets_tests.live_records import landed, served
from cryptodudez_assets_tests.model_builders import NO_SKILL, TOY_FEATURES
from cryptodudez_assets_tests.serving_builders import MODEL, ROW, champion, write_features
from serving.app import create_app
from serving.elsewhere import is_loopback
from serving.model_slot import LONGEST, MOST_ROWS
from serving.run import LOOPBACK, run
from serving.services import of_app

PREDICT = f"/models/{MODEL}/predict"
PATIENCE_SECONDS = 20
Start = Callable[..., TestClient[Litestar]]


def row_of(view: FeatureView, age: timedelta) -> pl.DataFrame:
    """A row of Ethereum, known for so long."""
    schema = polars_schema(view.contract)
    known = datetime.now(UTC).replace(microsecond=0) - age
    row = dict.fromkeys(schema, 0.5) | dict.fromkeys(view.key, "ETH") | {"event_ts": known, "known_ts": known}
    return pl.DataFrame({name: [one] for name, one in row.items()}).cast(dict(schema))


def write_views(settings: Settings, prices: timedelta, predictors: timedelta) -> None:
    """Put a row into each view of the signal, known for so long."""
    store = open_online_store(settings.online)
    store.write(PRICES, row_of(PRICES, prices))
    store.write(PREDICTORS, row_of(PREDICTORS, predictors))
    store.close()


def features_age(client: TestClient[Litestar]) -> float:
    text = client.get("/metrics").text
    return float(text.partition("\ncryptodudez_features_age_seconds ")[2].split()[0])


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Start an app over the test's home, with other settings if wanted."""
    clients: list[TestClient[Litestar]] = []

    def begin(**changes: Any) -> TestClient[Litestar]:
        client = TestClient(create_app(settings.model_copy(update=changes)), raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        return client

    yield begin
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Litestar]]:
    """One app with a champion for all tests that only ask and are refused."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    champion(settings)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.every_store
def test_the_signal_with_all_that_it_stands_on(settings: Settings, start: Start):
    champion(settings)
    known = write_features(settings)
    answer = start().get("/signal/eth").json()

    assert answer["decision"] == answer["model_decision"]
    assert answer["decision"] in {"BUY", "SELL", "HODL"}
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["as_of"] == known.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert 3590 <= answer["age_seconds"] <= 3700
    assert (answer["stale"], answer["reasons"]) == (False, [])
    assert (answer["model"], answer["model_version"], answer["verdict"]) == (MODEL, 1, "skill")
    assert answer["features"] == dict.fromkeys(NAMES, 0.5) | {
        name: value for name, value in answer["features"].items() if value == 0
    }


def test_prices_of_a_candle_are_told(settings: Settings, start: Start):
    champion(settings)
    write_features(settings, from_candle=True)
    client = start()
    assert client.get("/signal/eth").json()["notes"] == [OF_A_CANDLE]
    assert "in USDT, which is taken for dollars" in client.get("/").text
    write_features(settings, timedelta(minutes=1))
    assert start().get("/signal/eth").json()["notes"] == []


@pytest.mark.every_store
def test_the_signals_receipt_is_the_same_while_nothing_changes(settings: Settings, start: Start):
    registry = champion(settings)
    write_features(settings)
    first = start().get("/signal/eth").json()
    assert start().get("/signal/eth").json()["receipt_id"] == first["receipt_id"]

    receipt = Receipts(settings.receipts).get(first["receipt_id"])
    assert receipt is not None
    assert receipt.inputs == [list(first["features"].values())]
    predictor = load(registry, 1)
    assert predictor.sha256 == receipt.sha256
    assert predictor.predict(as_array(receipt.inputs)).tolist() == receipt.probabilities

    write_features(settings, timedelta(minutes=1), 0.6)
    assert start().get("/signal/eth").json()["receipt_id"] != first["receipt_id"]


def test_without_skill_or_on_old_features_the_signal_is_hodl_with_reasons(settings: Settings, start: Start):
    champion(settings, skill=False)
    write_features(settings, timedelta(days=30))
    answer = start().get("/signal/eth").json()
    assert (answer["decision"], answer["confidence"], answer["verdict"]) == ("HODL", "low", "no skill")
    assert answer["stale"]
    assert NO_SKILL.words in answer["reasons"]
    assert "older than 3 days" in answer["reasons"][1]


@pytest.mark.parametrize("stalled", ["prices", "predictors"])
def test_a_view_that_stalls_makes_the_signal_stale(settings: Settings, start: Start, stalled: str):
    champion(settings)
    write_views(settings, **dict.fromkeys(("prices", "predictors"), timedelta(hours=1)) | {stalled: timedelta(days=30)})
    client = start()
    answer = client.get("/signal/eth").json()

    assert (answer["decision"], answer["confidence"], answer["stale"]) == ("HODL", "low", True)
    assert [reason for reason in answer["reasons"] if "older than 3 days" in reason] == answer["reasons"] != []
    assert datetime.now(UTC) - datetime.fromisoformat(answer["as_of"]) < timedelta(hours=2)
    month = timedelta(days=30).total_seconds()
    assert month <= answer["age_seconds"] <= month + 100
    assert month <= features_age(client) <= month + 100
    today = of_app(client.app).desks["eth_signal"].today()
    assert today is not None
    assert (today.stale, today.age.days) == (True, 30)


@pytest.mark.parametrize("lag", [timedelta(seconds=1), timedelta(days=1)])
def test_a_view_that_lags_a_little_does_not(settings: Settings, start: Start, lag: timedelta):
    champion(settings)
    write_views(settings, timedelta(hours=30) + lag, timedelta(hours=30))
    answer = start().get("/signal/eth").json()
    assert (answer["decision"], answer["stale"], answer["reasons"]) == (answer["model_decision"], False, [])
    newest = datetime.now(UTC) - datetime.fromisoformat(answer["as_of"])
    assert timedelta(hours=30) <= newest < timedelta(hours=30, seconds=100)


@pytest.mark.every_store
def test_a_receipt_names_the_snapshots_that_were_published(settings: Settings, start: Start, lake: Lake):
    champion(settings)
    store = open_online_store(settings.online)

    def materialise(view: FeatureView, age: timedelta) -> int:
        with lake.tables.changing(table_specs(view)[0]) as change:
            change.add(row_of(view, age))
        return lake.tables.table(view.history).current_snapshot().snapshot_id

    published = {view.history: materialise(view, timedelta(hours=2)) for view in VIEWS}
    for view in VIEWS:
        publish_latest(lake, view, store)
    store.close()
    newer = {view.history: materialise(view, timedelta(hours=1)) for view in VIEWS}
    answer = start().get("/signal/eth").json()

    receipt = Receipts(settings.receipts).get(answer["receipt_id"])
    assert receipt is not None
    assert answer["age_seconds"] >= 7200
    assert receipt.feature_snapshots == published != newer


@pytest.mark.every_store
def test_a_model_that_was_mended_serves(settings: Settings, start: Start, monkeypatch: pytest.MonkeyPatch):
    for seconds in ("POLL_SECONDS", "POLL_BUCKET_SECONDS"):
        monkeypatch.setattr(f"serving.model_slot.{seconds}", 0.05)
    champion(settings)
    store, key = open_store(settings), f"models/{MODEL}/versions/1/model.onnx"
    content = store.read(key)
    store.write(key, io.BytesIO(b"no model"))
    client = start()
    answer = client.get("/health/ready")
    assert (answer.status_code, "model.onnx" in answer.json()["detail"]) == (503, True)

    store.write(key, io.BytesIO(content))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client.post(PREDICT, json={"rows": [ROW]}).json()["model_version"] == 1


@pytest.mark.every_store
def test_what_is_missing_is_said_with_what_to_do(settings: Settings, start: Start):
    client = start()
    for response in (
        client.get("/signal/eth"),
        client.post(PREDICT, json={"rows": [ROW]}),
        client.get("/health/ready"),
    ):
        assert response.status_code == 503
        assert "cryptodudez run" in response.json()["detail"]
        assert int(response.headers["Retry-After"]) > 0
    assert client.get("/health/live").status_code == 200
    champion(settings)
    response = start().get("/signal/eth")
    assert (response.status_code, "cryptodudez land" in response.json()["detail"]) == (503, True)


def test_a_model_of_other_features_gives_no_signal_but_predicts(settings: Settings, start: Start):
    champion(settings, features=TOY_FEATURES)
    write_features(settings)
    client = start()
    assert client.get("/signal/eth").status_code == 503
    assert client.post(PREDICT, json={"rows": [dict.fromkeys(TOY_FEATURES, 1.0)]}).status_code == 200


@pytest.mark.every_store
def test_a_batch_is_predicted_in_order_with_a_receipt_that_gives_the_same(settings: Settings, start: Start):
    registry = champion(settings)
    rows = [ROW, ROW | {NAMES[0]: 3}, ROW | {NAMES[1]: None}] * 10
    response = start().post(PREDICT, json={"rows": rows})
    answer = response.json()

    assert response.status_code == 200
    assert (answer["model"], answer["model_version"], answer["verdict"], answer["reasons"]) == (MODEL, 1, "skill", [])
    assert len(answer["predictions"]) == 30
    assert answer["predictions"][0] == answer["predictions"][3] != answer["predictions"][1]
    receipt = Receipts(settings.receipts).get(answer["receipt_id"])
    assert receipt is not None
    assert receipt.answer == answer
    assert receipt.inputs == [[row[name] for name in NAMES] for row in rows]
    replayed = load(registry, 1).predict(as_array(receipt.inputs)).tolist()
    assert replayed == receipt.probabilities
    assert [list(one["probabilities"].values()) for one in answer["predictions"]] == replayed


def test_every_answer_has_a_receipt_of_its_own(settings: Settings, start: Start):
    champion(settings)
    client = start()
    names = {client.post(PREDICT, json={"rows": [ROW]}).json()["receipt_id"] for _ in range(10)}
    receipts = Receipts(settings.receipts)
    assert len(names) == 10
    assert all(receipts.get(name) for name in names)


def test_without_skill_no_prediction_is_a_decision(settings: Settings, start: Start):
    champion(settings, skill=False)
    answer = start().post(PREDICT, json={"rows": [ROW, ROW | {NAMES[0]: 9}]}).json()
    assert {one["decision"] for one in answer["predictions"]} == {"HODL"}
    assert (answer["verdict"], answer["reasons"]) == ("no skill", [NO_SKILL.words])


@pytest.mark.every_store
def test_a_version_is_served_by_name_or_not_at_all(settings: Settings, start: Start):
    champion(settings)
    client = start()
    assert client.post(f"/models/{MODEL}/versions/1/predict", json={"rows": [ROW]}).json()["model_version"] == 1
    other = client.post(f"/models/{MODEL}/versions/2/predict", json={"rows": [ROW]})
    assert (other.status_code, "version 1 does" in other.json()["detail"]) == (404, True)
    unknown = client.post("/models/moon/predict", json={"rows": [ROW]})
    assert (unknown.status_code, MODEL in unknown.json()["detail"]) == (404, True)


@pytest.mark.every_store
def test_a_model_is_described(settings: Settings, start: Start):
    registry = champion(settings)
    answer = start().get(f"/models/{MODEL}").json()
    assert answer["features"] == list(NAMES)
    assert answer["sha256"] == registry.manifest(1).files["model.onnx"]
    assert (answer["model_version"], answer["verdict"], answer["trained_on"]["rows"]) == (1, "skill", 300)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"{", 400, "truncated"),
        (b"\xff", 400, ""),
        (b'{"rows": [{"\xff": 1}]}', 400, ""),
        (msgspec.json.encode({"rows": [ROW | {"moon": 1}]}), 400, "moon"),
        (msgspec.json.encode({"rows": [{name: 1 for name in NAMES[1:]}]}), 400, NAMES[0]),
        (msgspec.json.encode({"rows": [ROW | {NAMES[0]: 1e300}]}), 400, "rows[0]"),
        (msgspec.json.encode({"rows": [ROW] * 1001}), 400, "1000"),
        (b" " * 3_000_000, 413, "a body has at most 2,"),
    ],
)
def test_strict_requests(standing: TestClient[Litestar], body: bytes, status: int, words: str):
    response = standing.post(PREDICT, content=body)
    assert (response.status_code, response.json()["status_code"]) == (status, status)
    assert set(response.json()) == {"status_code", "detail"}
    assert words in response.json()["detail"]


def test_the_most_rows_fit_with_every_number_in_full(settings: Settings, start: Start):
    champion(settings)
    client = start()
    body = json.dumps({"rows": [dict.fromkeys(NAMES, LONGEST)] * MOST_ROWS})
    assert len(body) > 2_000_000
    answer = client.post(PREDICT, content=body)
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, MOST_ROWS)
    assert client.post(PREDICT, content=body + 3 * " ").status_code == 413


def test_features_by_key(settings: Settings, start: Start):
    known = write_features(settings)
    client = start()
    answer = client.get("/features/crypto_daily?symbol=ETH&features=close,turnover").json()
    assert answer == {
        "view": "crypto_daily",
        "key": {"symbol": "ETH"},
        "found": True,
        "event_ts": known.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "known_ts": known.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "features": {"close": 0.5, "turnover": 0.5},
    }
    assert len(client.get("/features/eth_predictors_daily").json()["features"]) > 20


def test_a_missing_or_expired_row_is_not_found_and_null(settings: Settings, start: Start):
    write_features(settings, timedelta(days=30))
    client = start()
    for symbol in ("ETH", "MOON"):
        answer = client.get(f"/features/crypto_daily?symbol={symbol}&features=close").json()
        assert (answer["found"], answer["known_ts"], answer["features"]) == (False, None, {"close": None})
        assert "at most 3 days old: land newer files, then `cryptodudez run`" in answer["missing"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("moon", 404, "crypto_daily"),
        ("crypto_daily", 400, "symbol"),
        ("crypto_daily?symbol=ETH&coin=ETH", 400, "coin"),
        ("crypto_daily?symbol=ETH&symbol=BTC", 400, "symbol once"),
        ("crypto_daily?symbol=ETH&features=moon", 400, "it has: close"),
        ("crypto_daily?symbol=ETH&features=", 400, "it has: close"),
        ("tweet_sentiment?id=moon", 400, "id: "),
        ("eth_predictors_daily?symbol=ETH", 400, "no key"),
    ],
)
def test_unknown_views_keys_and_features_list_what_there_is(
    standing: TestClient[Litestar], path: str, status: int, words: str
):
    response = standing.get(f"/features/{path}")
    assert (response.status_code, words in response.json()["detail"]) == (status, True), response.json()


def test_the_key_opens_all_but_health(settings: Settings, start: Start):
    champion(settings)
    client = start(api_key=SecretStr("sesame"))
    for path in ("/signal/eth", f"/models/{MODEL}", "/metrics", "/docs/openapi.json", "/", "/nowhere"):
        for headers in ({}, {"X-API-Key": "Sesame"}, {"X-API-Key": ""}):
            response = client.get(path, headers=headers)
            assert response.status_code == 401
            assert "sesame" not in response.text
    assert client.get(f"/models/{MODEL}", headers={"X-API-Key": "sesame"}).status_code == 200
    assert client.get("/health/live").status_code == client.get("/health/ready").status_code == 200


def test_wrong_keys_do_not_use_up_the_minute_of_the_right_one(settings: Settings, start: Start):
    champion(settings)
    client = start(api_key=SecretStr("sesame"), requests_per_minute=3)
    path, right = f"/models/{MODEL}", {"X-API-Key": "sesame"}
    guesses = [{"X-API-Key": "open"}, {}, {"Authorization": "Basic ???"}, {"X-API-Key": ""}, {"X-API-Key": "sesam"}] * 4
    assert [client.get(path, headers=guess).status_code for guess in guesses] == [401] * 3 + [429] * 17
    assert [client.get(path, headers=right).status_code for _ in range(5)] == [200] * 3 + [429] * 2


def test_the_right_key_does_not_use_up_the_minute_of_guesses(settings: Settings, start: Start):
    champion(settings)
    client = start(api_key=SecretStr("sesame"), requests_per_minute=3)
    path = f"/models/{MODEL}"
    assert [client.get(path, headers={"X-API-Key": "sesame"}).status_code for _ in range(4)] == [200] * 3 + [429]
    assert [client.get(path).status_code for _ in range(4)] == [401] * 3 + [429]


def test_too_many_requests_are_told_to_wait(settings: Settings, start: Start):
    champion(settings)
    client = start(requests_per_minute=3)
    assert [client.get(f"/models/{MODEL}").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert client.get(f"/models/{MODEL}").headers["Retry-After"] == "20"
    assert client.get("/health/ready").status_code == 200


def test_metrics_tell_requests_versions_and_ages(settings: Settings, start: Start):
    champion(settings)
    write_features(settings)
    client = start()
    predicted: Counter[int] = Counter()
    while not predicted[200]:  # on a busy machine a receipt may not be written in time
        predicted[client.post(PREDICT, json={"rows": [ROW]}).status_code] += 1
        assert set(predicted) <= {200, 503}
        assert predicted.total() < 100
    client.get("/nowhere")
    text = client.get("/metrics").text
    assert 'count{model_version="",route="-",status="404"} 1.0' in text
    for status, count in predicted.items():
        assert f'{{model_version="1",route="/models/{{name}}/predict",status="{status}"}} {count}.0' in text
    assert 'cryptodudez_model_version{model="eth_signal"} 1.0' in text
    assert 3600 <= features_age(client) <= 3600 + PATIENCE_SECONDS + 100


def test_nothing_is_said_about_what_went_wrong_inside(settings: Settings, start: Start, monkeypatch, caplog):
    champion(settings)
    client = start()
    monkeypatch.setattr(of_app(client.app).desks["eth_signal"], "answer", lambda: 1 / 0)
    response = client.get("/signal/eth?password=secret")
    assert (response.status_code, response.json()) == (500, {"status_code": 500, "detail": "Internal Server Error"})
    logged = caplog.handler.format(next(one for one in caplog.records if one.name == "serving.errors"))
    assert "GET /signal/eth failed" in logged
    assert "ZeroDivisionError" in logged
    assert "secret" not in logged


PARAMETERS = {
    "name": MODEL,
    "version": "1",
    "view": "crypto_daily",
    "file_path": "swagger-ui.css",
    "path": "nowhere",
    "file": "volume.csv",
}


def asked_of_everything(client: TestClient[Litestar]) -> Iterator[httpx.Response]:
    """An answer to every method of every route, and some to what is none or fails."""
    of_app(
        client.app
    ).live.close()  # the answer of one who may listen to the live panel has no end; `live_panel_test` looks at it
    for route in client.app.routes:
        path = re.sub(r"\{(\w+):\w+\}", lambda found: PARAMETERS[found[1]], route.path)
        for method in ("GET", "HEAD", "POST", "OPTIONS", "TRACE", "NONSENSE"):
            yield client.request(method, path.replace(f"reports/{MODEL}", "reports/signal.html"))
    for path in ("/docs/", "/assets/style.css", "/assets/none.css", "/%00", "/docs-assets/oauth2-redirect.html"):
        yield client.get(path)


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "sesame"}], ids=["without the key", "with it"])
def test_every_answer_of_every_route_says_what_a_browser_may_do_with_it(
    settings: Settings, start: Start, headers: dict[str, str]
):
    reports = Path(settings.lake) / "reports"
    reports.mkdir(parents=True)
    (reports / "signal.html").write_text("<p>a report</p>")
    champion(settings)
    client = start(api_key=SecretStr("sesame"), requests_per_minute=240)
    client.headers.update(headers)
    answers = [*asked_of_everything(client), *(client.get("/predict") for _ in range(240))]
    for answer in answers:
        found = {name: answer.headers.get_list(name) for name in ("X-Content-Type-Options", "Referrer-Policy")}
        assert found == {"X-Content-Type-Options": ["nosniff"], "Referrer-Policy": ["no-referrer"]}, answer.url
        [policy] = answer.headers.get_list("Content-Security-Policy")
        assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; ")), (
            answer.url
        )
        assert not re.search("script-src[^;]*(unsafe|http|data)", policy), answer.url
    statuses = {answer.status_code for answer in answers}
    assert statuses >= ({200, 204, 400, 404, 405, 429} if headers else {200, 401, 429})
    pages = {answer.url.path for answer in answers if answer.headers.get("Content-Type", "").startswith("text/html")}
    assert pages >= ({"/", "/docs", "/reports/signal.html"} if headers else set())


def test_pages_have_nothing_inline(start: Start):
    client = start()
    for path in ("/", "/live", "/docs"):
        policy, text = (answer := client.get(path)).headers["Content-Security-Policy"], answer.text
        assert "unsafe" not in policy
        assert "<script" in text
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", text)


@pytest.mark.parametrize("folder", ["/assets", "/docs-assets"])
@pytest.mark.parametrize("name", ["none.css", "style.css/b", "index.css/b", "%ff", "%00", "a%00/b.css", "long"])
def test_a_name_that_no_file_can_have_is_not_found(standing: TestClient[Litestar], caplog, folder: str, name: str):
    client, path = standing, f"{folder}/{name.replace('long', 'a' * 5000)}"
    assert client.head(path).status_code == 404
    answer = client.get(path)
    assert (answer.status_code, answer.json()["status_code"]) == (404, 404)
    assert not [one for one in caplog.records if one.name == "serving.errors"]


def test_draining_is_not_ready(settings: Settings, start: Start):
    champion(settings)
    client = start()
    of_app(client.app).draining = True
    assert client.get("/health/ready").status_code == 503
    assert client.post(PREDICT, json={"rows": [ROW]}).status_code == 200


def test_without_a_key_it_listens_to_this_machine_only(settings: Settings, caplog):
    assert run(settings, "0.0.0.0", 1) == 1  # noqa: S104
    assert "CRYPTODUDEZ_API_KEY" in caplog.text
    assert [is_loopback(one) for one in ("127.0.0.1", "127.9.9.9", "::1", "localhost")] == [True] * 4
    assert [is_loopback(one) for one in ("0.0.0.0", "::", "10.0.0.1", "example.org", "")] == [False] * 5  # noqa: S104


@pytest.mark.parametrize(("key", "warned"), [("sesame", True), ("0123456789abcdef", False)])
def test_a_key_that_may_be_guessed_is_warned_of(settings: Settings, caplog, key: str, warned: bool):
    with socket.create_server((LOOPBACK, 0)) as taken, suppress(SystemExit):
        run(settings.model_copy(update={"api_key": SecretStr(key)}), port=taken.getsockname()[1])
    assert ("CRYPTODUDEZ_API_KEY has fewer than 16 characters" in caplog.text) is warned
    assert key not in caplog.text


def test_an_app_that_was_not_started_opens_nothing(settings: Settings):
    create_app(settings)
    assert not os.path.lexists(settings.home)


def test_what_became_of_signals_is_told_and_that_none_was_served_too(settings: Settings, start: Start):
    told = start().get("/signal/eth/record").json()
    assert (told["served"], told["scored"], told["earned"][0]) == (0, 0, {"rule": "signal", "mean_net_return": None})
    assert told["words"] == [
        "No signal that was served has been written down yet: that is done once a day, and there is no record before."
    ]

    lake = open_lake(settings)
    landed(lake, 100)
    manifest = champion(settings).champion()
    assert manifest is not None
    served(lake, manifest, 100)
    landed(lake, 106)
    update(lake, ETHER)
    told = start().get("/signal/eth/record").json()
    assert (told["served"], told["scored"], told["unscored"], told["few"]) == (1, 1, {}, True)
    assert told["online"] == {"compared": 1, "differing": 0, "differing_share": 0.0, "uncompared": {}}
