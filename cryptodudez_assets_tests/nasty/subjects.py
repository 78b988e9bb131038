"""What nasty files are about: raw columns, records that are good, values that are not, and what a good record becomes."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Kind = Literal["text", "number", "integer", "time", "ignored"]
Record = dict[str, str]
START = datetime(2020, 1, 1, tzinfo=UTC)

NO_NUMBERS = [
    "five",
    "N/A",
    "null",
    "-",
    "$5",
    "5%",
    "1_000",
    "1.2.3",
    "1,234.5",
    "2,5",
    "1 000",
    "#REF!",
    "--1",
    "0,5 EUR",
]
NO_INTEGERS = [*NO_NUMBERS, "1.5", "9223372036854775808", "1e3"]
NO_TIMES = [
    "1/01/17 23:59",
    "never",
    "44197.99999",
    "1609545599",
    "2021-02-30 23:59:59",
    "2021-01-01",
    "2021-01-01 23:59:59 CET",
]
NO_TIMES += [
    "01.01.2021 23:59:59",
    "2021-13-01 23:59:59",
    "20210-01-01 23:59:59",
    "2021-01-01 25:00:00",
    "0",
    "2021-01-01 23:59:59+01",
]
NOT_FINITE = ["inf", "-inf", "NaN", "1e999"]


@dataclass(frozen=True)
class Subject:
    """A kind of file. `bad` are values that can be read and break a rule, by column; `required` columns may not be empty."""

    columns: Mapping[str, Kind]
    canonical: tuple[str, ...]
    record: Callable[[random.Random, str, int], Record]
    become: Callable[[Record], tuple[object, ...]]
    required: tuple[str, ...]
    bad: Mapping[str, tuple[str, ...]]

    def of(self, *kinds: Kind) -> list[str]:
        """The columns of these kinds."""
        return [name for name, kind in self.columns.items() if kind in kinds]

    @property
    def time(self) -> str:
        """The column with the time."""
        return self.of("time")[0]


def number(rng: random.Random) -> str:
    """A positive number in any form that is read."""
    value = round(rng.uniform(1, 900), rng.randint(0, 8))
    form = rng.choice(["{}", "{:.3f}", "{:.10f}", "{:e}", "{:.2E}", " {}", "{} ", "{}"])
    return form.format(value)


def _coin(rng: random.Random, name: str, number_: int) -> Record:
    low, middle, high = sorted((number(rng) for _ in range(3)), key=float)
    volume, cap = ((number(rng) if rng.random() < 0.7 else "0") for _ in range(2))
    day = START + timedelta(days=number_)
    told = {"SNo": str(number_), "Name": f"Coin {name}", "Symbol": name, "Date": f"{day:%Y-%m-%d} 23:59:59"}
    return told | {"High": high, "Low": low, "Open": middle, "Close": middle, "Volume": volume, "Marketcap": cap}


def _coin_becomes(record: Record) -> tuple[object, ...]:
    at = datetime.strptime(record["Date"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    prices = (float(record[name]) for name in ("Open", "High", "Low", "Close"))
    return (
        record["Symbol"],
        record["Name"],
        at,
        *prices,
        float(record["Volume"]) or None,
        float(record["Marketcap"]) or None,
    )


COINS = Subject(
    columns={"SNo": "ignored", "Name": "text", "Symbol": "text", "Date": "time"}
    | dict.fromkeys(("High", "Low", "Open", "Close", "Volume", "Marketcap"), "number"),
    canonical=("symbol", "name", "event_ts", "open", "high", "low", "close", "volume", "market_cap"),
    record=_coin,
    become=_coin_becomes,
    required=("Name", "Symbol", "Date", "High", "Low", "Open", "Close"),
    bad={
        "Close": ("-1", "0", "-0.0"),
        "Open": ("-0.5",),
        "Volume": ("-3",),
        "High": ("0.5",),
        "Symbol": ("S" * 21,),
        "Date": ("2021-01-01 00:00:00", "1600-01-01 23:59:59"),
    },
)


def _gauge(rng: random.Random, name: str, number_: int) -> Record:
    at = START + timedelta(minutes=7 * number_)
    told = {"station": name, "measured_at": f"{at:%Y-%m-%d %H:%M:%S}", "level": number(rng)}
    return told | {"visits": str(rng.randint(-9, 10**12)), "remark": rng.choice(["fine", "very well", "so so"])}


def _gauge_becomes(record: Record) -> tuple[object, ...]:
    at = datetime.strptime(record["measured_at"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return (record["station"], at, float(record["level"]), int(record["visits"]), record["remark"])


GAUGES = Subject(
    columns={"station": "text", "measured_at": "time", "level": "number", "visits": "integer", "remark": "text"},
    canonical=("station", "event_ts", "level", "visits", "remark"),
    record=_gauge,
    become=_gauge_becomes,
    required=("station", "measured_at", "level", "visits"),
    bad={},
)


def clean_sample(subject: Subject, n: int = 60) -> str:
    """A clean file, to draft a declaration from."""
    rng = random.Random(7)
    records = [subject.record(rng, f"S{i % 3}", i) for i in range(n)]
    return "\n".join([",".join(subject.columns), *(",".join(map(str.strip, one.values())) for one in records), ""])
