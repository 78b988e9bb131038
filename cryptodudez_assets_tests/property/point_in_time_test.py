"""Properties: the point-in-time join is what its definition says, and the online store serves the same."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.point_in_time import TIME, History, join_as_of
from cryptodudez_assets_tests.toy_views import FORECAST, MOOD, after, row, rows

Row = dict[str, Any]

# Few values, so that ties, late knowledge and the ends of the TTL come up all the time.
moment = st.integers(0, 9).map(after)
KEYS: dict[str, Sequence[str]] = {"one": ["a"], "two": ["a", "b"], "none": []}


class View(NamedTuple):
    key: Sequence[str]
    ttl: timedelta
    rows: list[Row]


@st.composite
def histories(draw: st.DrawFn, key: Sequence[str]) -> View:
    """Rows in any order or in order, with nulls now and then, but never two of the same key and times."""
    names = [*key, "event_ts", "known_ts"]
    columns = [*(st.none() | st.sampled_from("xy") for _ in key), st.none() | moment, st.none() | moment]
    found = draw(st.lists(st.tuples(*columns), max_size=14, unique=True))
    made: list[Row] = [dict(zip(names, values, strict=True)) | {"value": i} for i, values in enumerate(found)]
    if draw(st.booleans()):
        made.sort(key=lambda one: [str(one[name]) for name in names])
    return View(key, timedelta(days=draw(st.integers(0, 9))), made)


entity = st.fixed_dictionaries(
    {"a": st.none() | st.sampled_from("xyz"), "b": st.sampled_from("xy"), "t": st.none() | moment}
)
views = st.fixed_dictionaries({name: histories(key) for name, key in KEYS.items()})


def oracle(asked: Row, view: View) -> int | None:
    """The definition, word by word."""
    at = asked["t"]
    if at is None or any(asked[name] is None for name in view.key):
        return None
    eligible = [
        (one["event_ts"], one["known_ts"], one["value"])
        for one in view.rows
        if all(one[name] == asked[name] for name in view.key)
        and one["event_ts"] is not None
        and one["known_ts"] is not None
        and one["event_ts"] <= at
        and one["known_ts"] <= at
        and at - one["event_ts"] <= view.ttl
    ]
    return max(eligible)[2] if eligible else None


SCHEMA = {"a": pl.String, "b": pl.String, "event_ts": TIME, "known_ts": TIME, "value": pl.Int64}


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(entity, max_size=12), views)
def test_the_join_is_what_its_definition_says(asked: list[Row], given_views: dict[str, View]):
    frame = pl.DataFrame(asked, schema={"a": pl.String, "b": pl.String, "t": TIME})
    joined = [
        History(name, view.key, ["value"], view.ttl, pl.DataFrame(view.rows, schema=SCHEMA))
        for name, view in given_views.items()
    ]
    found = join_as_of(frame, "t", joined)
    assert found.select(frame.columns).equals(frame)
    for name, view in given_views.items():
        assert found[f"{name}__value"].to_list() == [oracle(one, view) for one in asked]


observation = st.tuples(st.sampled_from(["Oslo", "Rom"]), st.integers(1, 2), st.integers(0, 9), st.integers(0, 9))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(observation, min_size=1, max_size=15, unique=True),
    st.randoms(use_true_random=False),
    st.integers(1, 4),
    st.integers(0, 9),
)
def test_online_equals_offline_at_the_same_instant(
    found: list[tuple[str, int, int, int]], random: Any, size: int, ttl: int
):
    written = [
        row(event, known, place=place, number=number, count=i, mood=float(i))
        for i, (place, number, event, known) in enumerate(found)
    ]
    now = max(max(one["event_ts"], one["known_ts"]) for one in written)
    view = replace(FORECAST, ttl=timedelta(days=ttl))
    keys = [{"place": place, "number": number} for place in ("Oslo", "Rom", "Ys") for number in (1, 2)]
    random.shuffle(written)
    assert online(view, written, size, keys, now) == offline(view, written, keys, now)

    # Market-wide: one row of each pair of times, since of equal ones each side takes the last it was given.
    market = list({(one["event_ts"], one["known_ts"]): one for one in written}.values())
    view = replace(MOOD, ttl=timedelta(days=ttl))
    assert online(view, market, size, [{}], now) == offline(view, market, [{"anything": 1}], now)


def online(view: Any, written: list[Row], size: int, keys: list[Row], now: datetime) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_online_store(f"sqlite:///{Path(folder) / 'online.db'}")
        for start in range(0, len(written), size):
            store.write(view, rows(view, *written[start : start + size]))
        store.write(view, rows(view, *written[:size]))  # again
        served = store.read(view, keys, view.features, now)
        store.close()
    return served


def offline(view: Any, written: list[Row], keys: list[Row], now: datetime) -> list[Row]:
    asked = pl.DataFrame(keys).with_columns(now=pl.lit(now, TIME))
    past = History("v", view.key, view.features, view.ttl, rows(view, *written))
    found = join_as_of(asked, "now", [past], with_times=True)
    names = {f"v__{name}": name for name in polars_schema(view.contract) if name not in view.key}
    return found.select(pl.col(old).alias(new) for old, new in names.items()).to_dicts()
