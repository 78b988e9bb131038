"""Whatever the OpenAPI schema allows, and what it does not, is answered as the schema says, and never by a 5xx."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as examples
from hypothesis import strategies as st
from litestar.testing import TestClient
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cryptodudez_assets.declared_models.forecast import KNOWN_BEFORE
from cryptodudez_assets.features import all_views
from cryptodudez_assets.models.registry import Registry, registry_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import FORECAST_MODEL, NAMES, VOLUME
from cryptodudez_assets_tests.model_builders import register_volume
from cryptodudez_assets_tests.serving_builders import MODEL, champion, write_features
from serving.app import create_app

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    settings = Settings(home=Path(tmp_path_factory.mktemp("home")), requests_per_minute=0)
    champion(settings)
    volumes = Registry(settings, VOLUME)
    volumes.promote(register_volume(volumes).version, "a test")
    forecasts = registry_of(settings, FORECAST_MODEL)
    forecasts.promote(register_volume(forecasts, share=1.5, features=KNOWN_BEFORE).version, "a test")
    write_features(settings)
    app = create_app(settings)
    with TestClient(app):
        yield schemathesis.openapi.from_asgi("/docs/openapi.json", app)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_every_answer_is_as_the_schema_says(api: schemathesis.BaseSchema, mode: schemathesis.GenerationMode):
    operations = [found.ok() for found in api.get_all_operations()]
    assert {operation.path for operation in operations} >= {"/signal/eth", "/models/{name}/predict", "/features/{view}"}
    if mode is schemathesis.GenerationMode.NEGATIVE:
        operations = [operation for operation in operations if "predict" in operation.path]  # others take any text
    for operation in operations:

        @seed(0)
        @examples(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers_as_said(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS)

        answers_as_said()


@examples(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    view=st.sampled_from(sorted(all_views())),
    query=st.dictionaries(st.sampled_from(["symbol", "id", "author", "term", "features"]), st.text(max_size=20)),
)
def test_features_answer_any_key(api: schemathesis.BaseSchema, view: str, query: dict[str, str]):
    case = api["/features/{view}"]["GET"].Case(path_parameters={"view": view}, query=query)
    case.call_and_validate(checks=CHECKS)


@examples(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.fixed_dictionaries(dict.fromkeys(NAMES, st.none() | st.integers(-1000, 1000) | st.floats(width=32)))
    ),
)
def test_rows_of_the_models_features_are_predicted_or_refused(
    api: schemathesis.BaseSchema, rows: list[dict[str, float]]
):
    case = api["/models/{name}/predict"]["POST"].Case(
        path_parameters={"name": MODEL}, body=json.dumps({"rows": rows}).encode(), media_type="application/json"
    )
    response = case.call()
    case.validate_response(response, checks=CHECKS)
    if rows and response.status_code == 400:  # numbers that are too large for the model to say anything
        large = [value for row in rows for value in row.values() if value is not None and not abs(value) < 1e6]
        assert large
        return
    assert response.status_code == (200 if rows else 400)
