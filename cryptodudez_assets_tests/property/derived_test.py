"""Derived tables under random changes of their inputs: what is kept up is what computing everything gives, whatever a change reaches."""

import tempfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.base import Contract, UtcTime, polars_schema
from cryptodudez_assets.derived.declaration import Daily, Derived, Frames, Input
from cryptodudez_assets.derived.upkeep import portions
from cryptodudez_assets.derived.upkeep.materialize import materialize, materialize_days
from cryptodudez_assets.derived.upkeep.portions import conform
from cryptodudez_assets.derived.upkeep.sql import run
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import InParts, compute_few_rows_at_a_time, open_lake

START = datetime.fromisoformat("2021-01-01T00:00:00+00:00")


class Sales(Contract):
    """What somebody sold, and sometimes nobody knows where."""

    number: pl.Int64 = pa.Field(description="Of the sale.")
    shop: str = pa.Field(description="Where.", nullable=True)
    at: UtcTime = pa.Field(description="When.")
    price: float = pa.Field(description="For how much.")


class Prices(Contract):
    """What shops take for a bag."""

    shop: str = pa.Field(description="Where.", nullable=True)
    bag: float = pa.Field(description="For how much.")


class ByShop(Contract):
    """What a shop took."""

    shop: str = pa.Field(description="Where.", nullable=True)
    n: pl.Int64 = pa.Field(description="How many sales.")
    taken: float = pa.Field(description="How much.")
    bag: float = pa.Field(description="What a bag costs.", nullable=True)


class ByDay(Contract):
    """What all shops took on a day and the day before."""

    day: pl.Date = pa.Field(description="The day.")
    n: pl.Int64 = pa.Field(description="How many sales.")
    taken: float = pa.Field(description="How much.")


class ByShopAndDay(Contract):
    """What a shop took on a day and the day before."""

    shop: str = pa.Field(description="Where.", nullable=True)
    day: pl.Date = pa.Field(description="The day.")
    taken: float = pa.Field(description="How much.")


class ByShopAndMoment(Contract):
    """What a shop took on the day of a sale and the day before."""

    shop: str = pa.Field(description="Where.", nullable=True)
    at: UtcTime = pa.Field(description="When it sold something.")
    taken: float = pa.Field(description="How much.")


class SoFar(Contract):
    """What a shop took on a day on which it sold something, and until then."""

    shop: str = pa.Field(description="Where.", nullable=True)
    day: pl.Date = pa.Field(description="The day.")
    taken: float = pa.Field(description="How much.")
    so_far: float = pa.Field(description="How much until then.")


class Shares(Contract):
    """Which part of everything a shop took."""

    shop: str = pa.Field(description="Where.", nullable=True)
    n: pl.Int64 = pa.Field(description="How many sales.")
    of: pl.Int64 = pa.Field(description="Of how many.")


def by_shop(frames: Frames) -> pl.LazyFrame:
    rows = frames["lab.sales"].group_by("shop").agg(n=pl.len().cast(pl.Int64), taken=pl.col("price").sum())
    return rows.join(frames["lab.prices"], on="shop", how="left", nulls_equal=True)


def by_day(frames: Frames) -> pl.LazyFrame:
    return _days(frames, []).select("day", pl.col("n").cast(pl.Int64), "taken")


def by_shop_and_day(frames: Frames) -> pl.LazyFrame:
    return _days(frames, ["shop"]).select("shop", "day", "taken")


def by_shop_and_moment(frames: Frames) -> pl.LazyFrame:
    moments = frames["lab.sales"].select("shop", "at").unique().with_columns(day=pl.col("at").dt.date())
    return moments.join(_days(frames, ["shop"]), on=["shop", "day"], nulls_equal=True).select("shop", "at", "taken")


def _days(frames: Frames, key: list[str]) -> pl.LazyFrame:
    rows = frames["lab.sales"].with_columns(day=pl.col("at").dt.date())
    shown = rows.select(*key, "day").unique()
    seen = pl.concat([rows, rows.with_columns(day=pl.col("day").dt.offset_by("1d"))])
    sums = seen.group_by(*key, "day").agg(n=pl.len(), taken=pl.col("price").sum())
    return sums.join(shown, on=[*key, "day"], how="semi", nulls_equal=True)


def so_far(frames: Frames) -> pl.LazyFrame:
    days = frames["lab.sales"].group_by("shop", day=pl.col("at").dt.date()).agg(taken=pl.col("price").sum())
    before = frames["lab.made"].select("shop", "day", taken="so_far", is_new=False)
    rows = pl.concat([before, days.with_columns(is_new=True)]).sort("shop", "day")
    return rows.with_columns(so_far=pl.col("taken").cum_sum().over("shop")).filter("is_new").drop("is_new")


def shares(frames: Frames) -> pl.LazyFrame:
    rows = frames["lab.sales"].group_by("shop").agg(n=pl.len().cast(pl.Int64))
    return rows.with_columns(of=pl.col("n").sum())


SQL = {
    "by_shop": """
        SELECT s.shop, n, taken, bag
        FROM (SELECT shop, count(*) AS n, sum(price) AS taken FROM lab.sales GROUP BY shop) s
        LEFT JOIN lab.prices p ON s.shop IS NOT DISTINCT FROM p.shop""",
    "by_day": """
        WITH rows AS (SELECT "at"::DATE AS day, price FROM lab.sales),
        seen AS (SELECT * FROM rows UNION ALL SELECT day + 1, price FROM rows)
        SELECT day, count(*) AS n, sum(price) AS taken FROM seen WHERE day IN (SELECT day FROM rows) GROUP BY day""",
    "by_shop_and_day": """
        WITH rows AS (SELECT shop, "at"::DATE AS day, price FROM lab.sales),
        seen AS (SELECT * FROM rows UNION ALL SELECT shop, day + 1, price FROM rows)
        SELECT shop, day, sum(price) AS taken FROM seen
        WHERE EXISTS (SELECT 1 FROM rows r WHERE r.shop IS NOT DISTINCT FROM seen.shop AND r.day = seen.day)
        GROUP BY shop, day""",
    "by_shop_and_moment": """
        WITH rows AS (SELECT shop, "at", "at"::DATE AS day, price FROM lab.sales)
        SELECT m.shop, m."at", sum(price) AS taken FROM (SELECT DISTINCT shop, "at", day FROM rows) m
        JOIN rows r ON r.shop IS NOT DISTINCT FROM m.shop AND r.day BETWEEN m.day - 1 AND m.day
        GROUP BY ALL""",
    "so_far": """
        WITH rows AS (
            SELECT shop, "at"::DATE AS day, sum(price) AS taken, true AS is_new FROM lab.sales GROUP BY shop, "at"::DATE
            UNION ALL SELECT shop, day, so_far, false FROM lab.made)
        SELECT shop, day, taken, so_far FROM (
            SELECT *, sum(taken) OVER (PARTITION BY shop ORDER BY day) AS so_far FROM rows) WHERE is_new""",
    "shares": "SELECT shop, count(*) AS n, sum(count(*)) OVER () AS of FROM lab.sales GROUP BY shop",
}
PRICES = Input("lab.prices", ["shop", "bag"])
DAY_BACK = timedelta(days=1)
KINDS = {
    "keys": (ByShop, by_shop, ["shop"], Input("lab.sales", ["shop", "price"]), [PRICES]),
    "window": (ByDay, by_day, ["day"], Input("lab.sales", ["price"], time="at", reaches=DAY_BACK), []),
    "keys and window": (
        ByShopAndDay,
        by_shop_and_day,
        ["shop", "day"],
        Input("lab.sales", ["shop", "price"], time="at", reaches=DAY_BACK),
        [],
    ),
    "keys and later": (
        ByShopAndDay,
        by_shop_and_day,
        ["shop", "day"],
        Input("lab.sales", ["shop", "price"], time="at", reaches="later"),
        [],
    ),
    "window of moments": (
        ByShopAndMoment,
        by_shop_and_moment,
        ["shop", "at"],
        Input("lab.sales", ["shop", "at", "price"], time="at", reaches=DAY_BACK),
        [],
    ),
    "later than moments": (
        ByShopAndMoment,
        by_shop_and_moment,
        ["shop", "at"],
        Input("lab.sales", ["shop", "at", "price"], time="at", reaches="later"),
        [],
    ),
    "adds up": (
        SoFar,
        so_far,
        ["shop", "day"],
        Input("lab.sales", ["shop", "price"], time="at", reaches="later"),
        [],
    ),
    "all": (Shares, shares, ["shop"], Input("lab.sales", ["shop"], reaches="all"), []),
}
SPECS = {
    "lab.sales": TableSpec("lab.sales", Sales, (("at", "month"),), ("number",)),
    "lab.prices": TableSpec("lab.prices", Prices, (), ("shop",)),
}
Sale = tuple[int, str | None, int, float]
sale = st.tuples(
    st.integers(0, 6), st.sampled_from(["a", "b", "c", None]), st.integers(0, 150), st.sampled_from([1.0, 2.5, 4.0])
)
price = st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([0.1, 0.2]))
landing = st.tuples(st.lists(sale, max_size=5), st.sets(st.integers(0, 6), max_size=2), st.lists(price, max_size=1))


def declared(kind: str, way: str, folder: Path, *, daily: bool) -> Derived:
    contract, transform, key, sales, more = KINDS[kind]
    time = next((name for name in ("day", "at") if name in polars_schema(contract)), None)
    made: dict[str, object] = {"transform": transform}
    if way == "sql":
        path = folder / "it.sql"
        path.write_text(SQL[transform.__name__])
        made = {"sql": path}
    return Derived(
        "lab.made",
        contract,
        "team:tests",
        key,
        [sales, *more],
        **made,  # type: ignore[arg-type]
        time=time,
        partitions=Daily(time) if daily and time else None,
        accumulates=kind == "adds up",
    )


def frames_of(kept: dict[int, Sale], prices: dict[str | None, float]) -> dict[str, pl.DataFrame]:
    """Both tables, of these rows."""
    rows = [(n, shop, START + timedelta(hours=8 * hours), price) for n, shop, hours, price in kept.values()]
    return {
        "lab.sales": pl.DataFrame(rows, schema=polars_schema(Sales), orient="row"),
        "lab.prices": pl.DataFrame(list(prices.items()), schema=polars_schema(Prices), orient="row"),
    }


def land(lake: Lake, kept: dict[int, Sale], prices: dict[str | None, float]) -> None:
    """Both tables hold these rows now, in the files that they happen to lie in."""
    for name, frame in frames_of(kept, prices).items():
        with lake.tables.changing(SPECS[name]) as change:
            change.delete(AlwaysTrue()).add(frame).as_result()


def made_of(table: Derived, kept: dict[int, Sale], prices: dict[str | None, float]) -> pl.DataFrame:
    """Its rows, computed of everything in one go, beside any lake."""
    frames = frames_of(kept, prices)
    read = {one.table: frames[one.table].lazy().select(table.reads(one)) for one in table.inputs}
    if table.accumulates:
        read[table.table] = pl.LazyFrame(schema=polars_schema(table.contract))
    made = run(table, table.statement, read) if table.statement else table.transform(read)  # type: ignore[misc]
    return conform(table, made.collect()).sort(table.key, nulls_last=True)


def rows_of(lake: Lake, table: Derived) -> pl.DataFrame:
    rows = lake.tables.scan(table.table)
    assert rows is not None
    return rows.collect().sort(table.key, nulls_last=True)


WAYS = [(kind, way, daily) for kind in KINDS for way in ("polars", "sql") for daily in (False, True)]
each_way = pytest.mark.parametrize(
    ("kind", "way", "daily"),
    [one for one in WAYS if not one[2] or "window" in one[0] or one[0] == "adds up"],
    ids=lambda value: {True: "daily", False: "whole"}.get(value, value) if isinstance(value, bool) else value,
)


@pytest.mark.slow
@each_way
@given(st.lists(landing, min_size=2, max_size=4), st.integers(1, 4), st.sampled_from([1, 2, 1000]))
@settings(max_examples=6, deadline=None)
def test_what_is_kept_up_is_what_computing_everything_gives(
    kind: str,
    way: str,
    daily: bool,
    landings: list[tuple[list[Sale], set[int], list[tuple[str | None, float]]]],
    parts: int,
    stretch: int,
) -> None:
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        compute_few_rows_at_a_time(patch, stretch)
        lake = open_lake(Settings(home=Path(home) / "home"))
        table = declared(kind, way, Path(home), daily=daily)
        kept, prices = {0: (0, "a", 3, 1.0)}, dict[str | None, float]()
        land(lake, kept, prices)
        for rows, removed, priced in [([], set[int](), []), *landings]:
            kept = {n: one for n, one in kept.items() if n not in removed} | {one[0]: one for one in rows}
            prices |= dict(priced)
            land(lake, kept, prices)
            materialize(replace(lake, engine=InParts(parts)), table)
            kept_up = rows_of(lake, table)
            assert kept_up.equals(made_of(table, kept, prices), null_equal=True)
            assert not kept_up.select(table.key).is_duplicated().any()
        materialize(lake, table, full=True)
        assert kept_up.equals(rows_of(lake, table), null_equal=True)


@pytest.fixture
def shops(lake: Lake) -> Lake:
    kept = {n: (n, "abc"[n % 3], 30 * (n // 3), 1.0) for n in range(12)}  # four days, ten days apart, three shops
    land(lake, kept, {"a": 0.1})
    return lake


# Sales that are read; what looks at everything before reads that, too.
REACHED = {
    "keys": 4,
    "window": 3,
    "keys and window": 1,
    "keys and later": 4,
    "adds up": 3,
    "window of moments": 1,
    "later than moments": 4,
}


@pytest.mark.parametrize("way", ["polars", "sql"])
@pytest.mark.parametrize("kind", REACHED)
def test_one_changed_row_has_only_what_it_reaches_read_and_computed(
    shops: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, way: str
) -> None:
    table = declared(kind, way, tmp_path, daily=False)
    materialize(shops, table)
    read = list[int]()
    real = portions._made

    def counting(one: Derived, frames: Frames) -> pl.LazyFrame:
        read.append(frames["lab.sales"].select(pl.len()).collect().item())
        return real(one, frames)

    monkeypatch.setattr(portions, "_made", counting)
    kept = {n: (n, "abc"[n % 3], 30 * (n // 3), 1.0) for n in range(12)}
    land(shops, kept | {4: (4, "b", 30, 2.5)}, {"a": 0.1})
    done = materialize(shops, table)

    assert sum(read) == REACHED[kind]
    assert done.rows < len(rows_of(shops, table))


@pytest.mark.parametrize("way", ["polars", "sql"])
@pytest.mark.parametrize("kind", ["window of moments", "later than moments"])
def test_a_time_that_is_in_the_key_does_not_bound_what_a_change_reaches(
    shops: Lake, tmp_path: Path, kind: str, way: str
) -> None:
    table = declared(kind, way, tmp_path, daily=False)
    kept = {0: (0, "a", 0, 1.0), 1: (1, "a", 3, 1.0), 2: (2, "b", 3, 1.0)}  # a day apart
    land(shops, kept, {})
    materialize(shops, table)
    land(shops, kept | {0: (0, "a", 0, 4.0)}, {})
    materialize(shops, table)
    assert sorted(rows_of(shops, table)["taken"].to_list()) == [1.0, 4.0, 5.0]


@pytest.mark.parametrize("way", ["polars", "sql"])
def test_days_far_apart_are_computed_without_those_between(shops: Lake, tmp_path: Path, way: str) -> None:
    table = declared("window", way, tmp_path, daily=True)
    materialize(shops, table)
    kept = {n: (n, "abc"[n % 3], 30 * (n // 3), 1.0) for n in range(12)}
    land(shops, kept | {0: (0, "a", 0, 2.5), 11: (11, "c", 90, 2.5)}, {"a": 0.1})
    done = materialize(shops, table)
    assert done.days == [date(2021, 1, 1), date(2021, 1, 31)]
    assert done.rows == 2


@pytest.mark.parametrize("way", ["polars", "sql"])
def test_a_row_whose_key_is_gone_from_the_inputs_is_gone(shops: Lake, tmp_path: Path, way: str) -> None:
    table = declared("keys", way, tmp_path, daily=False)
    materialize(shops, table)
    land(shops, {n: (n, "ab"[n % 2], 0, 1.0) for n in range(4)}, {})
    materialize(shops, table)
    assert rows_of(shops, table)["shop"].to_list() == ["a", "b"]


@pytest.mark.parametrize("way", ["polars", "sql"])
def test_a_day_that_is_asked_for_is_computed_and_no_other(shops: Lake, tmp_path: Path, way: str) -> None:
    table = declared("window", way, tmp_path, daily=True)
    materialize(shops, table)
    made = rows_of(shops, table)
    with shops.tables.changing(TableSpec("lab.made", ByDay, (("day", "month"),), ("day",))) as change:
        change.delete(AlwaysTrue()).add(made.with_columns(taken=pl.lit(-1.0)))  # all of it is wrong
    done = materialize_days(shops, table, date(2021, 1, 11), date(2021, 1, 11))
    assert done.rows == 1
    assert rows_of(shops, table)["taken"].to_list() == [-1.0, 3.0, -1.0, -1.0]
    assert materialize(shops, table).rows == 0  # nothing changed, as far as inputs tell
