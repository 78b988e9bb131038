"""Stretches of time, and names of series: exact, whatever overlaps."""

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.venues.pages import Series, Span, answer_path

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
seconds = st.integers(0, 40)
spans = st.tuples(seconds, seconds).map(
    lambda ends: Span(BEGIN + timedelta(seconds=min(ends)), BEGIN + timedelta(seconds=max(ends)))
)


def inside(span: Span) -> set[datetime]:
    return {span.first + timedelta(seconds=second) for second in range(int(span.seconds))}


@given(spans, st.lists(spans, max_size=5))
def test_what_is_left_is_exactly_what_no_other_has(wanted: Span, others: list[Span]):
    left = wanted.without(others)

    seconds_left = [at for one in left for at in inside(one)]
    assert len(seconds_left) == len(set(seconds_left))
    assert set(seconds_left) == inside(wanted) - {at for other in others for at in inside(other)}
    assert left == sorted(left)
    assert all(one.until < after.first for one, after in pairwise(left))


@pytest.mark.parametrize(
    "at", [BEGIN.replace(tzinfo=None), BEGIN.astimezone(timezone(timedelta(hours=1))), BEGIN.replace(microsecond=1)]
)
def test_times_are_in_utc_and_whole_seconds(at: datetime):
    with pytest.raises((ValueError, TypeError)):
        Span(at, at + timedelta(days=1))
    with pytest.raises(ValueError, match="before it begins"):
        Span(BEGIN, BEGIN - timedelta(seconds=1))


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".hidden", "x" * 101, "é"])
def test_a_series_can_name_a_folder(name: str):
    with pytest.raises(ValueError, match="as it names a folder"):
        Series(name, {})


def test_layouts_read_from_the_path_what_was_asked_for():
    path = answer_path(r"(?P<symbol>[A-Z0-9]+)-(?P<interval>[0-9]+[a-zA-Z])")
    stamps = "_".join(["20260301T120000Z"] * 4)

    for tail in (".json", "-2.json"):
        found = re.search(path, f"/lake/raw/candles/series=BTCUSDT-1d/{stamps}{tail}")
        assert found
        assert found.groupdict() == {"symbol": "BTCUSDT", "interval": "1d"}
    assert not re.search(path, f"raw/candles/series=BTCUSDT-1d/{stamps}.request.json")
