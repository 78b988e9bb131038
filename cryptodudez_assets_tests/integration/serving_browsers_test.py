"""What a browser is told and refused by the app as it is served, and what its first question costs others."""

import logging
from collections.abc import Callable

import pytest
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI
from litestar.testing import TestClient
from pydantic import SecretStr

from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.serving_builders import ROW, champion
from serving.app import create_app
from serving.run import log_to_stderr, opened

KEY = "a key with many letters"
PREDICT = "/models/eth_signal/predict"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    champion(settings)
    return settings


def test_without_a_key_a_name_that_was_made_to_point_here_reads_nothing(settings: Settings):
    with TestClient(opened(settings), base_url="http://127.0.0.1") as client:
        for path in ("/", "/models/eth_signal", "/metrics", "/docs", "/nothing"):
            assert client.get(path).status_code in (200, 404)
            answer = client.get(path, headers={"Host": "evil.example"})
            assert answer.status_code == 421
            assert "localhost" in answer.json()["detail"]


def test_with_a_key_any_name_may_lead_here(settings: Settings):
    with TestClient(
        opened(settings.model_copy(update={"api_key": SecretStr(KEY)})), base_url="http://eth.example"
    ) as client:
        assert client.get("/models/eth_signal", headers={"X-API-Key": KEY}).status_code == 200


def test_a_page_of_another_site_has_no_receipts_written_even_with_the_browsers_password(settings: Settings):
    with TestClient(opened(settings.model_copy(update={"api_key": SecretStr(KEY)}))) as client:
        forged = {"Origin": "http://evil.example", "Content-Type": "text/plain"}
        answer = client.post(PREDICT, json={"rows": [ROW]}, auth=("me", KEY), headers=forged)
        assert (answer.status_code, answer.json()["detail"]) == (403, "a page of another site asked, and none may")
        assert client.post(PREDICT, json={"rows": [ROW]}, auth=("me", KEY)).status_code == 200
    receipts = Receipts(settings.receipts)
    assert len(receipts.recent("predict", "eth_signal", 1, 10)) == 1
    receipts.close()


def test_no_cache_keeps_an_answer_for_those_without_the_key(settings: Settings):
    with TestClient(opened(settings), base_url="http://127.0.0.1") as client:
        for path in ("/models/eth_signal", "/metrics", "/health/live", "/nothing", "/docs", "/docs/openapi.json"):
            assert client.get(path).headers["cache-control"] == "no-store", path
        assert client.get("/").headers["cache-control"] in ("no-store", "no-cache")


def test_metrics_have_a_type_that_prometheus_can_read(settings: Settings):
    with TestClient(opened(settings), base_url="http://127.0.0.1") as client:
        parameters = client.get("/metrics").headers["content-type"].split("; ")[1:]
    names = [one.partition("=")[0] for one in parameters]
    assert sorted(names) == sorted(set(names)), parameters  # Go's parser, and so Prometheus, takes no name twice


@pytest.mark.parametrize(("make", "drawn_then"), [(opened, 0), (create_app, 1)], ids=["a server", "an app"])
def test_whoever_asks_first_for_the_documentation_keeps_nobody_waiting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, make: Callable[[Settings], Litestar], drawn_then: int
):
    drawn: list[OpenAPIConfig] = []
    draw = OpenAPIConfig.to_openapi_schema

    def noted(config: OpenAPIConfig) -> OpenAPI:
        drawn.append(config)
        return draw(config)

    monkeypatch.setattr(OpenAPIConfig, "to_openapi_schema", noted)
    with TestClient(make(settings), base_url="http://127.0.0.1") as client:
        client.get("/health/live")
        before = len(drawn)
        assert client.get("/docs/openapi.json").status_code == 200
    assert len(drawn) - before == drawn_then


def test_the_log_does_not_grow_with_every_look_at_a_table():
    log_to_stderr()
    assert not logging.getLogger("pyiceberg.io").isEnabledFor(logging.INFO)
    assert logging.getLogger("pyiceberg.io").isEnabledFor(logging.WARNING)
