"""The Ethereum training set on sample archives: what it was made from is kept, and it can be made again."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.rules import assert_holds
from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.derived.upkeep.materialize import table_specs
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.lake.compaction import expire
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.contract import training_contract
from cryptodudez_assets.models.signal.training_set import TrainingSet
from cryptodudez_assets_tests.builders import open_lake, rows_of
from cryptodudez_assets_tests.ether import ETHER, INPUTS, NAMES, PRICES, VIEWS
from cryptodudez_assets_tests.stores import Store

pytestmark = pytest.mark.every_store

DAY = timedelta(days=1)
OPTIONS = SignalOptions()


@pytest.fixture(scope="module")
def sampled(store: Store, tiny_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with the views of the tiny sample from which the set is made."""
    lake = open_lake(store.settings(tmp_path_factory.mktemp("training_set")))
    for spec in (spec for view in VIEWS for spec in table_specs(view)):
        with lake.tables.changing(spec) as change:
            change.add(rows_of(tiny_lake, spec.name))
    return lake


@pytest.fixture(scope="module")
def made(sampled: Lake) -> TrainingSet:
    made = training_set.update(sampled, ETHER, OPTIONS)
    assert made is not None
    return made


def test_it_is_what_its_contract_says(made: TrainingSet) -> None:
    assert_holds(training_contract(ETHER), made.rows)
    assert made.rows["event_ts"].is_unique().all()
    assert (made.rows["known_ts"] - made.rows["event_ts"] == DAY).all()
    assert set(made.rows["label"].drop_nulls()) == {"BUY", "HODL", "SELL"}


def test_labels_are_known_when_their_horizon_is_over_and_the_newest_days_have_none(made: TrainingSet) -> None:
    labelled = made.rows.filter(pl.col("label").is_not_null())
    ahead = labelled["label_known_ts"] - labelled["known_ts"]
    assert ahead.min() == ahead.max() == OPTIONS.horizon_days * DAY
    assert made.rows["label"].tail(OPTIONS.horizon_days).null_count() == OPTIONS.horizon_days


def test_the_next_day_s_return_is_that_of_the_closes(made: TrainingSet) -> None:
    closes = made.rows["close"]
    expected = (closes.shift(-1) / closes).log()
    gapless = made.rows["event_ts"].diff().shift(-1) == DAY
    assert np.allclose(made.rows["return_next_day"].filter(gapless), expected.filter(gapless))
    assert made.rows["return_next_day"][-1] is None


def test_nothing_changes_where_nothing_did(sampled: Lake, made: TrainingSet) -> None:
    again = training_set.update(sampled, ETHER, OPTIONS)
    assert again is not None
    assert again.snapshot_id == made.snapshot_id


def test_online_features_are_those_of_the_newest_day(sampled: Lake, made: TrainingSet) -> None:
    store = open_online_store(f"sqlite:///{sampled.settings.home / 'online.db'}")
    assert INPUTS.online_row(store) is None
    for view in VIEWS:
        publish_latest(sampled, view, store)
    row = INPUTS.online_row(store)
    store.close()
    assert row is not None
    assert row.as_of == made.rows["known_ts"][-1]
    assert row.values == list(made.rows.select(NAMES).row(-1))


def test_a_past_training_set_is_built_again_after_everything_changed(sampled: Lake, made: TrainingSet) -> None:
    """Prices are revised a few times, old snapshots are forgotten, and the first training set is still there."""
    (prices,) = table_specs(PRICES)
    for factor in (1.1, 1.2, 1.3):
        with sampled.tables.changing(prices) as change:
            revised = change.rows().with_columns(pl.col("close") * factor).collect()
            change.delete(AlwaysTrue()).add(revised)
    changed = training_set.update(sampled, ETHER, OPTIONS)
    for name in (*made.inputs, ETHER.training_set):
        expire(sampled, name, keep=1)

    assert changed is not None
    assert not changed.rows["close"].equals(made.rows["close"])
    assert training_set.read(sampled, ETHER, made.snapshot_id).rows.equals(made.rows)
    assert training_set.rebuild(sampled, ETHER, made.snapshot_id).equals(made.rows)
    assert training_set.rebuild(sampled, ETHER).equals(changed.rows)


def test_days_without_a_candle_are_rows_about_which_nothing_is_known(made: TrainingSet) -> None:
    gone = made.rows["known_ts"][100]
    holed = made.rows.filter(pl.col("known_ts") != gone, pl.col("label_known_ts").ne_missing(gone))
    dataset = training_set.dataset_of(ETHER, holed)
    assert dataset.days[100] == made.rows["event_ts"][100]
    assert dataset.labels[100] == -1
    assert np.isnan(dataset.features[100]).all()
    for row in np.flatnonzero(dataset.labels >= 0):
        assert dataset.label_row[row] > row


def test_without_features_there_is_no_training_set(lake: Lake) -> None:
    assert training_set.update(lake, ETHER, OPTIONS) is None
    with pytest.raises(LookupError, match="materialise it first"):
        training_set.read(lake, ETHER)
