"""The whole way from an answer back to the raw files, and the answer made again."""

import hashlib
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.models.explain import Explanation, UnknownReceipt, explain, source_tables
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.predictor import as_rows, load
from cryptodudez_assets.models.receipts import DamagedReceipt, Receipt, Receipts
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.model_builders import register_toy

STOCK = b"symbol,date,open,high,low,close,close_adjusted,volume,split_coefficient\n"
LINE = b"A,2020-01-02,1.0,2.0,0.5,1.5,1.5,100,1.0\n"
ROWS = np.array([[0.25, np.nan, -1.5], [3.0, 0.1, 0.0]], np.float32)


@pytest.fixture
def registry(lake: Lake) -> Registry:
    return Registry(lake.settings, "eth_signal")


@pytest.fixture
def served(lake: Lake, registry: Registry) -> Receipt:
    """A served prediction of a registered model."""
    register_toy(registry)
    registry.promote(1, "skill")
    receipt = serve(registry)
    keep(lake, receipt)
    return receipt


def serve(registry: Registry) -> Receipt:
    predictor = load(registry, 1)
    return Receipt(
        id="receipt",
        made_at=datetime.now(UTC) + timedelta(seconds=60),  # after what the test ingests
        endpoint="signal",
        request={},
        model="eth_signal",
        version=1,
        sha256=predictor.sha256,
        inputs=as_rows(ROWS),
        probabilities=predictor.predict(ROWS).tolist(),
        answer={"decision": "HODL"},
        as_of=datetime(2021, 7, 1, tzinfo=UTC),
        feature_snapshots={"features.crypto_daily": 11},
    )


def keep(lake: Lake, receipt: Receipt) -> None:
    receipts = Receipts(lake.settings.receipts)
    receipts.record([receipt])
    receipts.close()


def test_a_prediction_is_made_again(lake: Lake, served: Receipt):
    found = explain(lake, served.id)
    assert found.receipt == served
    assert found.replay.replayed
    assert found.replay.probabilities == served.probabilities
    assert found.model.stage == "champion"
    assert Explanation.model_validate_json(found.model_dump_json()) == found


def test_what_was_said_of_the_model_later_is_told_apart_from_what_was_known_then(
    lake: Lake, served: Receipt, registry: Registry
):
    keep(lake, replace(served, id="old", made_at=datetime.now(UTC)))
    before = explain(lake, "old")
    assert (before.model.stage, before.model.verdict) == (before.model.stage_now, before.model.verdict_now)
    assert not any("since then" in line or "(now" in line for line in before.lines())

    luck = Verdict(skill=False, words="It was luck.")
    registry.review(1, luck)
    register_toy(registry)
    registry.promote(2, "better")
    found = explain(lake, "old")
    assert found.model.verdict == before.model.verdict != luck
    assert (found.model.verdict_now, found.model.stage, found.model.stage_now) == (luck, "champion", "archived")
    told = "\n".join(found.lines())
    assert f"verdict      {before.model.verdict.label}" in told
    assert "since then   no skill: It was luck." in told
    assert "champion (now archived)" in told

    keep(lake, replace(served, id="new", made_at=datetime.now(UTC)))
    assert explain(lake, "new").model.verdict == luck


def test_the_smallest_difference_is_noticed(lake: Lake, served: Receipt):
    off = [[float(np.nextafter(value, 1)) for value in row] for row in served.probabilities]
    keep(lake, replace(served, id="off", probabilities=off))
    keep(lake, replace(served, id="other model", sha256="00"))
    assert "not the same" in str(explain(lake, "off").replay.problem)
    assert "another model file" in str(explain(lake, "other model").replay.problem)


DAMAGED = [b"no JSON", b"{}", b"[[1]]", b"", b"null", b'"x"', b"\xff"]


@pytest.mark.parametrize("kept", DAMAGED)
def test_a_receipt_that_is_none_is_told(lake: Lake, served: Receipt, kept: bytes):
    with sqlite3.connect(lake.settings.receipts) as connection:
        connection.execute("UPDATE receipts SET receipt = ?", (kept,))
    connection.close()
    with pytest.raises(DamagedReceipt, match="was changed"):
        explain(lake, served.id)


def test_a_receipt_of_no_model_is_told_and_inputs_of_another_are_not_replayed(lake: Lake, served: Receipt):
    keep(lake, replace(served, id="elsewhere", model="../../x"))
    with pytest.raises(DamagedReceipt, match="cannot be the name of a model"):
        explain(lake, "elsewhere")
    for number, inputs in enumerate(([[1.0]], [*served.inputs, []], [[1.0] * 9])):
        keep(lake, replace(served, id=f"inputs {number}", inputs=inputs))
        assert "was changed" in str(explain(lake, f"inputs {number}").replay.problem)


def test_a_changed_model_is_not_replayed_and_the_rest_is_told(lake: Lake, served: Receipt, registry: Registry):
    (Path(registry.location) / "versions" / "1" / "model.onnx").write_bytes(b"another")
    found = explain(lake, served.id)
    assert not found.replay.replayed
    assert "was changed" in str(found.replay.problem)
    assert found.model.manifest is not None
    (Path(registry.location) / "versions" / "1" / "manifest.json").write_bytes(b"{}")
    found = explain(lake, served.id)
    assert found.model.manifest is None
    assert "was changed" in "\n".join(found.lines())


def test_feature_tables_lead_to_source_tables(lake: Lake, served: Receipt):
    sources = {one.table for one in all_sources().values()} | {one.observations for one in all_sources().values()}
    for view in all_views().values():
        assert set(source_tables(view.history)) == set(source_tables(view.table)) <= sources
    by_table = {one.table: one for one in explain(lake, served.id).lineage}
    assert set(by_table) == {"features.crypto_daily", "features.eth_predictors_daily"}
    prices = by_table["features.crypto_daily"]
    assert (prices.trained_on_snapshot, prices.served_from_snapshot) == (1, 11)
    assert prices.made_from == ["market.binance_kline_observations", "market.crypto_prices"]
    assert "market.stock_prices" in by_table["features.eth_predictors_daily"].made_from


def test_raw_files_are_listed_newest_first_up_to_the_prediction(
    lake: Lake, drop: Callable[[str, str, bytes], Path], served: Receipt
):
    source = all_sources()["stock_prices"]
    contents = {f"{name}.csv": STOCK + LINE.replace(b"-02", day) for name, day in (("A", b"-02"), ("B", b"-03"))}
    contents["junk.csv"] = b"nothing,like,it\n1,2,3\n"
    for name, content in contents.items():
        drop(source.name, name, content)
        catalogue_objects(lake, source, discover_all(lake, source.name))
        ingest(lake, source)
    found = explain(lake, served.id)
    assert [Path(one.uri).name for one in found.files] == ["B.csv", "A.csv"]
    assert found.files[0].sha256 == hashlib.sha256(contents["B.csv"]).hexdigest()
    keep(lake, replace(served, id="earlier", made_at=found.files[1].discovered_at))
    assert [Path(one.uri).name for one in explain(lake, "earlier").files] == ["A.csv"]
    text = list(found.lines(files=1))
    assert "Raw files      2, newest first" in text
    assert "  … and 1 more" in text
    assert not any("more" in line for line in found.lines(files=None))


def test_the_text_names_every_link(lake: Lake, served: Receipt):
    text = "\n".join(explain(lake, served.id).lines())
    for word in (
        "receipt",
        "eth_signal-1",
        served.sha256,
        "champion",
        "ml.eth_training_set",
        "snapshot 42",
        "last bit",
    ):
        assert word in text


def test_an_unknown_receipt_is_said_to_be_so(lake: Lake, served: Receipt):
    with pytest.raises(UnknownReceipt, match="no receipt nothing"):
        explain(lake, "nothing")


def test_before_the_first_prediction_there_is_no_receipt_and_no_file(lake: Lake):
    with pytest.raises(UnknownReceipt):
        explain(lake, "nothing")
    assert not lake.settings.receipts.exists()
