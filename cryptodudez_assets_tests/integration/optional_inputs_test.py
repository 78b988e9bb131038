"""A table that is made of whichever of its inputs are there: it waits for one, not for all, and follows those that come later."""

from dataclasses import replace

import pandera.polars as pa
import polars as pl
import pytest

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.derived import Derived, Frames, Input
from cryptodudez_assets.derived.upkeep.materialize import NoRows, materialize, without_rows
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products.declared import products_of
from cryptodudez_assets.products.standing import standing
from cryptodudez_assets_tests.builders import Readings, csv, readings_source, take_in

ONE, OTHER = readings_source("one"), readings_source("other")


class Sensors(Contract):
    """What is known of each sensor."""

    sensor: str = pa.Field(description="Name of the sensor.")
    readings: pl.Int64 = pa.Field(description="How many readings there are.")


def count(frames: Frames) -> pl.LazyFrame:
    rows = pl.concat(list(frames.values()))
    return rows.group_by("sensor").agg(readings=pl.len().cast(pl.Int64))


SENSORS = Derived(
    "lab.sensors",
    Sensors,
    owner="team:tests",
    key=["sensor"],
    inputs=[Input(source.table, ["sensor"], absent=Readings) for source in (ONE, OTHER)],
    transform=count,
)
PRODUCTS = [one for one in products_of([ONE, OTHER], [SENSORS]) if one.names == ("lab.sensors",)]


@pytest.fixture
def lake(lake: Lake) -> Lake:
    return replace(lake, sources={one.name: one for one in (ONE, OTHER)})


def rows(lake: Lake) -> dict[str, int]:
    found = lake.tables.scan("lab.sensors")
    assert found is not None
    return dict(found.collect().iter_rows())


def test_it_waits_for_any_of_them_and_says_for_which(lake: Lake) -> None:
    with pytest.raises(NoRows, match=r"lab\.one"):
        materialize(lake, SENSORS)
    (waiting,) = standing(lake, PRODUCTS).waiting
    assert waiting.inputs == ("lab.one", "lab.other")


def test_what_comes_later_is_followed_and_what_came_first_stays(lake: Lake, drop) -> None:  # type: ignore[no-untyped-def]
    drop("one", "a.csv", csv("s", [1, 2]))
    take_in(lake, ONE)
    assert without_rows(lake, SENSORS) == []
    assert [one.name for one in standing(lake, PRODUCTS).behind] == ["lab.sensors"]
    materialize(lake, SENSORS)
    assert rows(lake) == {"s": 2}
    assert not standing(lake, PRODUCTS).behind
    assert [one.name for one in standing(lake, PRODUCTS, changing=["lab.other"]).behind] == ["lab.sensors"]

    drop("other", "b.csv", csv("s", [5]) + csv("t", [1]).split(b"\n", 1)[1])
    take_in(lake, OTHER)
    (behind,) = standing(lake, PRODUCTS).behind
    assert behind.inputs == ("lab.other",)
    materialize(lake, SENSORS)
    assert rows(lake) == {"s": 3, "t": 1}

    drop("one", "c.csv", csv("t", [7]))
    take_in(lake, ONE)
    assert materialize(lake, SENSORS).rows == 1
    assert rows(lake) == {"s": 3, "t": 2}


def test_an_input_that_is_gone_has_everything_made_anew(lake: Lake, drop) -> None:  # type: ignore[no-untyped-def]
    for source in (ONE, OTHER):
        drop(source.name, "a.csv", csv(source.name, [1]))
        take_in(lake, source)
    materialize(lake, SENSORS)
    lake.tables.catalog.drop_table(OTHER.table)
    assert [one.name for one in standing(lake, PRODUCTS).behind] == ["lab.sensors"]
    materialize(lake, SENSORS)
    assert rows(lake) == {"one": 1}
