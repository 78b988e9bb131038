"""What serves, and what may take its place."""

import math
from pathlib import Path

import msgspec
import pytest

from cryptodudez_assets.models.registry import Held, Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.model_builders import NO_SKILL, TOY_FEATURES, register_toy
from cryptodudez_assets_tests.serving_builders import MODEL, champion
from serving.errors import Unavailable
from serving.metrics import Metrics
from serving.model_slot import LARGEST, MOST_ROWS, Loaded, ModelSlot, Unpredictable


@pytest.fixture
def slot(settings: Settings) -> ModelSlot:
    return ModelSlot(Registry(settings, MODEL), Metrics())


@pytest.fixture
def loaded(settings: Settings, slot: ModelSlot) -> Loaded:
    champion(settings, features=TOY_FEATURES)
    slot.refresh()
    return slot.require()


def test_without_a_champion_it_says_what_to_do(slot: ModelSlot):
    slot.refresh()
    with pytest.raises(Unavailable, match="cryptodudez run"):
        slot.require()


def test_what_lacks_data_says_so_and_does_not_ask_to_be_tried_again(slot: ModelSlot):
    with pytest.raises(Unavailable) as told:
        slot.require()
    assert told.value.headers == {"Retry-After": "30"}

    slot.registry.hold(Held(inputs={}, why="277 days, but 860 are needed. Land more price history."))
    slot.refresh()
    with pytest.raises(Unavailable) as told:
        slot.require()
    assert "277 days, but 860 are needed. Land more price history" in told.value.detail
    assert "cryptodudez run" in told.value.detail
    assert not told.value.headers

    champion(slot.registry.settings, features=TOY_FEATURES)
    slot.refresh()
    assert slot.require().version == 1


def test_a_promoted_version_takes_over(settings: Settings, slot: ModelSlot, loaded: Loaded):
    champion(settings, seed=1)
    assert slot.require() is loaded  # nobody looked yet
    slot.refresh()
    assert slot.require().version == 2
    assert loaded.version == 1  # who holds on to it is not disturbed


def test_nothing_is_loaded_again_without_a_reason(slot: ModelSlot, loaded: Loaded):
    slot.refresh()
    assert slot.current is loaded


def test_a_review_changes_the_verdict(slot: ModelSlot, loaded: Loaded):
    slot.registry.review(1, NO_SKILL)
    slot.refresh()
    assert slot.require().predictor.verdict == NO_SKILL


def test_a_bad_version_leaves_the_old_one_and_is_counted(slot: ModelSlot, loaded: Loaded, caplog):
    register_toy(slot.registry, files={"model.onnx": b"no model"})
    slot.registry.promote(2, "a mistake")
    for _ in range(3):
        slot.refresh()
    assert slot.current is loaded
    assert len(caplog.records) == 1
    assert "eth_signal-2" in caplog.text
    assert "version 1 goes on" in caplog.text
    assert f'cryptodudez_refused_reloads_total{{model="{MODEL}"}} 1.0' in slot._metrics.text().decode()


def test_a_version_that_was_mended_serves_and_each_problem_is_told_once(
    settings: Settings, slot: ModelSlot, loaded: Loaded, caplog
):
    file = Path(champion(settings, seed=1).uri(2, "model.onnx"))
    content = file.read_bytes()
    for wrong in (b"no model", b"no model either"):
        file.write_bytes(wrong)
        for _ in range(3):
            slot.refresh()
    assert slot.current is loaded
    assert len(caplog.records) == 2
    assert f'cryptodudez_refused_reloads_total{{model="{MODEL}"}} 2.0' in slot._metrics.text().decode()

    file.write_bytes(content)
    slot.refresh()
    assert slot.require().version == 2


def test_a_problem_that_comes_back_is_told_again(settings: Settings, slot: ModelSlot, loaded: Loaded, caplog):
    register_toy(slot.registry, files={"model.onnx": b"no model"})
    for version in (2, 1, 2):
        slot.registry.promote(version, "a test")
        slot.refresh()
    assert [record.levelname for record in caplog.records].count("ERROR") == 2


def test_a_broken_list_of_stages_leaves_the_old_one(slot: ModelSlot, loaded: Loaded):
    (Path(slot.registry.location) / "stages.json").write_text("{")
    slot.refresh()
    assert slot.current is loaded


def test_rows_come_in_the_order_of_the_models_features(loaded: Loaded):
    assert loaded.rows(b'{"rows": [{"mood": 3, "momentum": 1.5, "volatility": null}]}') == [[1.5, None, 3.0]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"rows": []}', "length >= 1"),
        (b'{"rows": [{"momentum": 1, "volatility": 1}]}', "missing required field `mood`"),
        (b'{"rows": [{"momentum": 1, "volatility": 1, "mood": 1, "moon": 1}]}', "unknown field `moon`"),
        (b'{"rows": [{"momentum": "1", "volatility": 1, "mood": 1}]}', "got `str`"),
        (b'{"rows": [{"momentum": true, "volatility": 1, "mood": 1}]}', "got `bool`"),
        (b'{"rows": [{"momentum": NaN, "volatility": 1, "mood": 1}]}', "malformed"),
        (b'{"rows": [{"momentum": 1e39, "volatility": 1, "mood": 1}]}', "<= 3.4"),
        (b'{"rows": [{"momentum": 1e999, "volatility": 1, "mood": 1}]}', "out of range"),
        (b'{"rows": [], "more": 1}', "length >= 1"),
    ],
)
def test_other_rows_are_refused_with_words(loaded: Loaded, body: bytes, words: str):
    with pytest.raises(msgspec.DecodeError, match=words):
        loaded.rows(body)


def test_there_is_a_most_of_rows(loaded: Loaded):
    row = dict.fromkeys(TOY_FEATURES, LARGEST)
    assert len(loaded.rows(msgspec.json.encode({"rows": [row] * MOST_ROWS}))) == MOST_ROWS
    assert all(map(math.isfinite, loaded.rows(msgspec.json.encode({"rows": [row]}))[0]))
    with pytest.raises(msgspec.ValidationError, match="length <= 1000"):
        loaded.rows(msgspec.json.encode({"rows": [row] * (MOST_ROWS + 1)}))


def test_where_sums_overflow_nothing_is_predicted(loaded: Loaded):
    fine, wild = [1.0, None, 2.0], [LARGEST, -LARGEST, LARGEST]
    assert sum(loaded.predict([fine])[0]) == pytest.approx(1)
    with pytest.raises(Unpredictable, match=r"eth_signal-1 .* rows\[1\]"):
        loaded.predict([fine, wild])
