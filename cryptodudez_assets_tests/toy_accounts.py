"""Two toy sources that tell of people, a table that is computed of them, and files in which somebody is written in every way."""

import gzip
import hashlib
import io
import json
from collections.abc import Sequence

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract, TableContract
from cryptodudez_assets.derived import Derived, Input
from cryptodudez_assets.derived.declaration import Frames
from cryptodudez_assets.sources.declaration import Layout, Source
from cryptodudez_assets_tests.toy import zipped

ADA, BOB = "2dea61eed4bceec564a00115c4d21334", "c8fbbc86abe8bd6a5eb6a3b4d0411301"
KEY = "a key of at least sixteen characters"
HEADER = "id,at,user_id,amount,note"


def key_of(user_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(user_id.encode(), digest_size=8).digest(), signed=True)


def user_key() -> pl.Expr:
    return pl.col("user_id").map_elements(key_of, return_dtype=pl.Int64)


class Payments(TableContract):
    """Payments of toy accounts."""

    id: str = pa.Field(description="Number of the payment.", str_length={"min_value": 1})
    user_id: str = pa.Field(description="Who paid.", str_length={"min_value": 1}, metadata={"personal": "account"})
    user_key: pl.Int64 = pa.Field(description="The same as a key.")
    amount: float = pa.Field(description="How much.", gt=0)
    note: str = pa.Field(description="What was said.", nullable=True)
    extra: str = pa.Field(description="Other columns, as JSON.", nullable=True)


class Totals(Contract):
    """What each toy account has paid."""

    user_key: pl.Int64 = pa.Field(description="Key of the account.")
    user_id: str = pa.Field(description="Who paid.", nullable=True, metadata={"personal": "account"})
    amount: float = pa.Field(description="How much.")
    n: pl.Int64 = pa.Field(description="How often.")


COLUMNS: dict[str, type[pl.DataType]] = {
    "id": pl.String,
    "at": pl.String,
    "user_id": pl.String,
    "amount": pl.Float64,
    "note": pl.String,
}
PAYMENTS = Source(
    name="payments",
    description="Payments of toy accounts.",
    owner="team:tests",
    table="toy.payments",
    observations="toy.payment_observations",
    contract=Payments,
    layouts=[
        Layout(
            name="payments",
            columns=COLUMNS,
            canonical={
                **{name: pl.col(name) for name in ("id", "user_id", "amount", "note")},
                "user_key": user_key(),
                "event_ts": pl.col("at").str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC", strict=False),
            },
        )
    ],
    key=["id"],
    breaker_share=0.9,
)


def totals(frames: Frames) -> pl.LazyFrame:
    rows = frames["toy.payments"]
    by = rows.group_by("user_key").agg(
        pl.col("user_id").first(), pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("n")
    )
    is_erased = pl.col("user_id").str.starts_with("erased-")
    return by.with_columns(user_id=pl.when(~is_erased).then("user_id"))


TOTALS = Derived(
    "toy.totals",
    Totals,
    "team:tests",
    ["user_key"],
    [Input("toy.payments", ["user_key", "user_id", "amount"])],
    totals,
)


def row(number: int, user: str, amount: float = 1.5, note: str = "ok") -> list[object]:
    return [f"p{number}", "2024-01-01", user, amount, note]


def as_csv(rows: Sequence[Sequence[object]], delimiter: str = ",", end: str = "\n", bom: str = "") -> str:
    lines = [HEADER.replace(",", delimiter), *(delimiter.join(map(str, one)) for one in rows)]
    return bom + "".join(line + end for line in lines)


def as_lines(rows: Sequence[Sequence[object]]) -> str:
    return "".join(json.dumps(dict(zip(COLUMNS, one, strict=True))) + "\n" for one in rows)


def parquet(rows: list[list[object]]) -> bytes:
    out = io.BytesIO()
    names = ["id", "at", "user_id", "amount", "note"]
    pl.DataFrame(rows, names, orient="row").write_parquet(out)
    return out.getvalue()


def every_form() -> dict[str, bytes]:
    """Ada and Bob in files of every kind, each with payments of their own."""
    numbers = iter(range(1000))

    def both() -> list[list[object]]:
        return [row(next(numbers), user) for user in (ADA, BOB, ADA)]

    document = json.dumps([dict(zip(["id", "at", "user_id", "amount", "note"], one, strict=True)) for one in both()])
    return {
        "plain.csv": as_csv(both()).encode(),
        "bom.csv": as_csv(both(), ";", "\r\n", "\ufeff").encode(),
        "wide.csv": as_csv(both(), "\t", bom="\ufeff").encode("utf-16-le"),
        "quoted.csv": as_csv([[f'"{cell}"' for cell in one] for one in both()]).encode(),
        "bad.csv": as_csv([*both(), ["p", "never", ADA, "much", f"of {ADA}, said"]]).encode(),
        "packed.csv.gz": gzip.compress(as_csv(both()).encode()),
        "archive.zip": zipped(
            {"one.csv": as_csv(both()).encode(), "two.csv": as_csv([row(next(numbers), BOB)]).encode()}
        ),
        "lines.jsonl": as_lines(both()).encode(),
        "document.json": document.encode(),
        "rows.parquet": parquet(both()),
        "note.csv": as_csv([row(next(numbers), BOB, note=f"sent to {ADA}.")]).encode(),
        "strange.txt": f"what is this of {ADA}?\n".encode(),
    }
