"""A toy source one column of which is made by an expression that fails on some texts: one source for each way to fail."""

from dataclasses import dataclass
from typing import Any

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.sources import Layout, Source

HEADER = "name,at,text\n"


class Odd(TableContract):
    """Whatever an expression makes of a text."""

    name: str = pa.Field(description="Of what.")
    value: float = pa.Field(description="What was made of it.", nullable=True)


class OddRule(Odd):
    """The same, with a rule that cannot be applied to every value."""

    @pa.dataframe_check(name="small")
    def small(cls, data: Any) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.col("value").cast(pl.Int8) < 100)


class Unheard(Exception):
    """What a function of somebody's own raises."""


def picky(text: str) -> float:
    if text == "bad":
        raise Unheard("never heard of bad")
    return float(text)


def picky_about_all(texts: pl.Series) -> pl.Series:
    return pl.Series(map(picky, texts), dtype=pl.Float64)


def divided(texts: pl.Series) -> pl.Series:
    """Fails without rows, too, but that is no row's fault."""
    if texts[0] == "bad" or "bad" in texts:
        raise ZeroDivisionError("bad")
    return texts.cast(pl.Float64)


@dataclass(frozen=True)
class Way:
    """A way to fail: the expression, texts of which it makes something, texts on which it fails."""

    expression: pl.Expr
    good: tuple[str, ...]
    bad: tuple[str, ...]
    contract: type[Odd] = Odd

    def source(self, name: str = "odd") -> Source:
        at = pl.col("at").str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC", strict=False)
        return Source(
            name=name,
            description="Odd texts.",
            owner="team:tests",
            table=f"lab.{name}",
            contract=self.contract,
            layouts=[
                Layout(
                    name="odd_csv",
                    columns=dict.fromkeys(("name", "at", "text"), pl.String),
                    canonical={"name": pl.col("name"), "value": self.expression, "event_ts": at, "known_ts": at},
                )
            ],
            key=["name"],
        )


text, number = pl.col("text"), pl.col("text").cast(pl.Float64, strict=False)
moment = text.str.to_datetime("%Y-%m-%d %H:%M", time_unit="us", strict=False)
NUMBERS = ("1", "2", "3.5")
WAYS = {
    "format inferred": Way(
        text.str.to_datetime(time_unit="us", strict=False).dt.epoch("s").cast(pl.Float64),
        ("2021-01-01 00:00:00", "2021-01-02 00:00:00"),
        ("2021-02-03T00:00:00Z", "2021-02-04T00:00:00Z"),
    ),
    "format strict": Way(text.str.to_date("%Y-%m-%d").dt.epoch("d").cast(pl.Float64), ("2021-01-01",), ("2021-02-30",)),
    "number strict": Way(text.cast(pl.Float64), NUMBERS, ("bad",)),
    "overflow": Way(number.cast(pl.Int8).cast(pl.Float64), NUMBERS, ("1000",)),
    "mapping incomplete": Way(text.replace_strict({"a": 1.0, "b": 2.0}), ("a", "b"), ("bad",)),
    "list too short": Way(text.str.split("|").list.get(1).cast(pl.Float64, strict=False), ("1|2", "a|b"), ("bad",)),
    "no such JSON": Way(text.str.json_decode(pl.Struct({"k": pl.Float64})).struct.field("k"), ("{}", "null"), ("bad",)),
    "no such hour": Way(
        moment.dt.replace_time_zone("Europe/Berlin").dt.epoch("s").cast(pl.Float64),
        ("2021-03-28 01:30", "2021-03-28 03:30"),
        ("2021-03-28 02:30",),
    ),
    "function of one value": Way(text.map_elements(picky, return_dtype=pl.Float64), NUMBERS, ("bad",)),
    "function of all values": Way(text.map_batches(picky_about_all, return_dtype=pl.Float64), NUMBERS, ("bad",)),
    "sum so far": Way(text.cast(pl.Float64).cum_sum(), NUMBERS, ("bad",)),
    "share of the mean": Way(text.cast(pl.Float64) / text.cast(pl.Float64).mean(), NUMBERS, ("bad",)),
    "function that needs a row": Way(text.map_batches(divided, return_dtype=pl.Float64), NUMBERS, ("bad",)),
    "rule": Way(number, NUMBERS, ("1000",), OddRule),
}


def content(name: str, texts: tuple[str, ...] | list[str]) -> bytes:
    """A file with a row for each text."""
    quoted = ('"' + one.replace('"', '""') + '"' for one in texts)
    lines = [f"{name}-{i},2021-01-01,{one}\n" for i, one in enumerate(quoted)]
    return (HEADER + "".join(lines)).encode()
