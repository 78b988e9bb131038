"""Every feature view, on simulated archives: it does not look ahead, it needs no more than its window, it knows no order."""

from datetime import datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cryptodudez_assets.features import FeatureView, all_views
from cryptodudez_assets.features.coin_views import views_of
from cryptodudez_assets.features.look_ahead import look_ahead, look_back, perturb
from cryptodudez_assets_tests import toy_model
from cryptodudez_assets_tests.feature_frames import computed

TICK = timedelta(microseconds=1)

# Those of a coin that no signal is declared for are views as any other.
OF_TOY = views_of(toy_model.MODEL.coin)
each_view = pytest.mark.parametrize("view", [*all_views().values(), *OF_TOY], ids=lambda view: view.name)


@pytest.fixture(scope="module")
def frames(frames: dict[str, pl.LazyFrame]) -> dict[str, pl.LazyFrame]:
    """Those of all views, and of the toy's."""
    found = dict(frames)
    for view in OF_TOY:
        found[view.table] = computed(view, found).lazy()
    return found


def moments(frames: dict[str, pl.LazyFrame], view: FeatureView) -> list[datetime]:
    """Times at which futures are changed: when rows become known, just before, and in between."""
    known = frames[view.table].select("known_ts").unique().sort("known_ts").collect()["known_ts"]
    picked = [known[round(share * (len(known) - 1))] for share in (0.3, 0.7, 0.95)]
    return [picked[0], picked[1] - TICK, picked[2] + timedelta(hours=9, minutes=30)]


@pytest.mark.slow
@each_view
def test_it_has_rows_and_values(frames: dict[str, pl.LazyFrame], view: FeatureView) -> None:
    rows = frames[view.table].collect()
    empty = [name for name in view.features if rows[name].null_count() == len(rows)]
    assert len(rows) > 50
    assert not empty


@each_view
def test_nothing_that_is_not_known_yet_is_needed(frames: dict[str, pl.LazyFrame], view: FeatureView) -> None:
    for t in moments(frames, view):
        assert not look_ahead(view, frames, t)


@each_view
def test_nothing_that_is_not_known_yet_matters(frames: dict[str, pl.LazyFrame], view: FeatureView) -> None:
    for t in moments(frames, view):
        assert not perturb(view, frames, t)


@each_view
def test_nothing_before_the_window_matters(frames: dict[str, pl.LazyFrame], view: FeatureView) -> None:
    days = frames[view.table].select("event_ts").unique().sort("event_ts").collect()["event_ts"]
    for share in (0.4, 0.8):
        day = days[round(share * (len(days) - 1))].replace(hour=0, minute=0, second=0, microsecond=0)
        assert not look_back(view, frames, day)


@each_view
def test_the_order_of_the_inputs_does_not_matter(frames: dict[str, pl.LazyFrame], view: FeatureView) -> None:
    mixed = {
        one.table: frames[one.table].collect().sample(fraction=1, shuffle=True, seed=3).lazy() for one in view.inputs
    }
    assert_frame_equal(computed(view, mixed), frames[view.table].collect(), check_exact=True)


@each_view
def test_rows_are_unique_and_known_after_they_happened(frames: dict[str, pl.LazyFrame], view: FeatureView) -> None:
    rows = frames[view.table].collect()
    identity = [*view.key, "event_ts", *(["known_ts"] if view.versions else [])]
    assert not rows.select(identity).is_duplicated().any()
    assert (rows["known_ts"] >= rows["event_ts"]).all()


@each_view
def test_no_inputs_make_no_rows(frames: dict[str, pl.LazyFrame], view: FeatureView) -> None:
    assert computed(view, {one.table: frames[one.table].clear() for one in view.inputs}).is_empty()
