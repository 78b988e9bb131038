"""What producers and readers do with a twin: files into its bucket, rows out of its tables, what Dagster wrote down, the API's answers.

How a twin is started, and which processes it has, is in `twin.py`. This looks rarely and cheaply, since what it costs is measured
with everything else: a table is read when its pointer has changed.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any, Generic, LiteralString, Protocol, TypeVar

import polars as pl
import psycopg
from dagster._core.scheduler.instigation import TickData
from dagster._serdes import deserialize_value

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.file_entries import files_of
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.settings import PREFIX, Settings
from cryptodudez_assets.sources import all_sources

HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
SOURCE, TABLE = "crypto_prices", "market.crypto_prices"
FIRST_DAY = date(2014, 1, 1)
PATIENCE_SECONDS = 1800
LOOK_SECONDS = 1.0


def candle(number: int, symbol: str = "TWIN") -> str:
    """A file with one candle of a made-up coin, of another day for each number."""
    day = FIRST_DAY + timedelta(days=number % 2500)
    return f"{HEADER}1,{symbol.title()}coin,{symbol}{number // 2500},{day} 23:59:59,2,1,1.5,1.5,{100 + number},1000\n"


def name_of(number: int) -> str:
    """Of the file with this candle."""
    return f"twin-{number:06}.csv"


class Made(Protocol):
    """A twin, as far as it matters here: of processes (`twin.py`), or of pods (`twin_of_pods.py`)."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings by which everything is reached."""

    @property
    def addresses(self) -> Mapping[str, str]:
        """Of its servers, by what they are."""

    def is_over(self) -> bool:
        """Whether it has ended."""

    def is_ready(self) -> bool:
        """Whether all servers listen."""

    def said(self) -> str:
        """What it said."""


M = TypeVar("M", bound=Made)


class TwinLake(Generic[M]):
    """The lake of a twin, from outside."""

    def __init__(self, made: M) -> None:
        own: dict[str, Any] = {
            name.removeprefix(PREFIX).lower(): told
            for name, told in made.environment.items()
            if name.startswith(PREFIX)
        }
        self.made = made
        self.lake = Lake.open(Settings(**own), all_sources())
        self._read: dict[str, tuple[str, pl.DataFrame]] = {}

    def put(self, name: str, text: str, source: str = SOURCE) -> float:
        """Lay a file into the raw zone; when it was there (seconds since 1970)."""
        self.lake.store.write(f"raw/{source}/{name}", BytesIO(text.encode()))
        return time.time()

    def rows(self, table: str) -> pl.DataFrame:
        """All of them as they are now; none where there is no such table."""
        pointer = next((one.metadata_location for one in self.lake.tables.pointers() if one.name == table), "")
        if table not in self._read or self._read[table][0] != pointer:
            scanned = self.lake.tables.scan(table) if pointer else None
            self._read[table] = pointer, pl.DataFrame() if scanned is None else scanned.collect()
        return self._read[table][1]

    def not_loaded(self, names: Iterable[str], source: str = SOURCE) -> set[str]:
        """Of these files those that the catalogue has not as loaded."""
        self.rows("catalog.files")  # so that it is read when something has changed
        files = self._read["catalog.files"][1]
        if not len(files):
            return set(names)
        loaded = files.filter(pl.col("source") == source, pl.col("status") == Status.LOADED)["uri"]
        return set(names) - {uri.removeprefix(f"{self.lake.settings.raw_zone}/{source}/") for uri in loaded}

    def landed(self, source: str) -> set[str]:
        """The names of the objects of a source."""
        return {one.key.removeprefix(f"raw/{source}/") for one in self.lake.store.list(f"raw/{source}")}

    def changed(self, table: str, since: float) -> float:
        """Seconds from then until the first commit to the table."""
        made = self.lake.tables.table(table)
        times = [] if made is None else [one.timestamp_ms / 1000 - since for one in made.snapshots()]
        return min((one for one in times if one > 0), default=float("nan"))

    def wrong(self, numbers: range) -> list[str]:
        """What is lost, doubled or does not add up of the files with these candles; nothing if each is there once, and its row."""
        of_source = files_of(self.lake.tables, SOURCE).select("uri", "status", "rows_read", "rows_valid").collect()
        names = pl.Series([name_of(number) for number in numbers])
        files = of_source.filter(pl.col("uri").str.split("/").list.last().is_in(names.implode()))
        loaded = files.filter(pl.col("status") == Status.LOADED)
        expected = pl.concat(pl.read_csv(candle(number).encode()) for number in numbers).select("Symbol", "Volume")
        rows = (
            self.rows(TABLE)
            .filter(pl.col("symbol").is_in(expected["Symbol"].unique().implode()))
            .select("symbol", "volume")
        )
        found = rows.join(
            expected.cast({"Volume": pl.Float64}),
            left_on=["symbol", "volume"],
            right_on=["Symbol", "Volume"],
            how="semi",
        )
        counts = {
            "entries in the catalogue": len(files),
            "different ones, loaded": loaded["uri"].n_unique(),
            "rows read": int(files["rows_read"].sum()),
            "valid rows": int(files["rows_valid"].sum()),
            "rows in the table": len(found),
            "different rows in the table": found.n_unique(),
        }
        wrong = [
            f"{number:,} {what} of {len(numbers):,} files" for what, number in counts.items() if number != len(numbers)
        ]
        return wrong + self.unbalanced(SOURCE)

    def unbalanced(self, source: str) -> list[str]:
        """Files of which rows read are not those in the table, in quarantine and duplicate."""
        rows = unbalanced_files(self.lake, self.lake.sources[source])
        return [f"does not add up: {row}" for row in rows.iter_rows(named=True)]

    def dagster(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """What Dagster's database answers."""
        with psycopg.connect(self.lake.settings.dagster) as connection:
            return connection.execute(query, values).fetchall()

    def ticks(self, since: float) -> list[tuple[str, str, float, float]]:
        """Ticks that began since then and have ended: the sensor, how it ended, when it began, how long it took in seconds."""
        asked = self.dagster(
            "SELECT tick_body FROM job_ticks WHERE timestamp >= %s",
            datetime.fromtimestamp(since, UTC).replace(tzinfo=None),
        )
        ticks = [deserialize_value(body, TickData) for (body,) in asked]
        return [
            (one.instigator_name, one.status.value, one.timestamp, one.end_timestamp - one.timestamp)
            for one in ticks
            if one.end_timestamp is not None
        ]

    def first_run(self, since: float, of: str = SOURCE) -> float:
        """Seconds from then until a run of this source was requested."""
        [(first,)] = self.dagster(
            "SELECT min(extract(epoch FROM r.create_timestamp)) FROM runs r JOIN run_tags t USING (run_id) "
            "WHERE t.key = 'cryptodudez/source' AND t.value = %s AND r.create_timestamp >= %s",
            of,
            datetime.fromtimestamp(since, UTC).replace(tzinfo=None),
        )
        return float("nan") if first is None else float(first) - since

    def signal(self) -> dict[str, Any] | None:
        """What is served of Ethereum now; None where there is no answer, or none yet."""
        return self.answer("dashboard and API", "/signal/eth")

    def serves(self, day: date) -> bool:
        """Whether the served signal stands on this day's close, which is known when the next day begins."""
        served = self.signal()
        return served is not None and served["as_of"][:10] == f"{day + timedelta(days=1)}"

    def answer(self, server: str, path: str) -> dict[str, Any] | None:
        """What a server answers; None where it does not."""
        try:
            key = self.lake.settings.api_key
            asked = urllib.request.Request(f"{self.made.addresses[server]}{path}")
            if key is not None:
                asked.add_header("X-API-Key", key.get_secret_value())
            with urllib.request.urlopen(asked, timeout=10) as answer:
                told: dict[str, Any] = json.loads(answer.read())
                return told
        except OSError:
            return None

    def wait(self, is_so: Callable[[], bool], what: str, patience: float = PATIENCE_SECONDS) -> None:
        """Until it is so."""
        until = time.monotonic() + patience
        while not is_so():
            assert not self.made.is_over(), f"the twin has ended: {self.said()}"
            assert time.monotonic() < until, f"{what}: not within {patience:.0f} s: {self.said()}"
            time.sleep(LOOK_SECONDS)

    def said(self) -> str:
        """The end of what the twin said."""
        return self.made.said()[-4000:]

    def wait_until_ready(self) -> None:
        """Until all servers listen, and the daemon's sensors tick."""
        self.wait(self.made.is_ready, "the servers")
        self.wait(lambda: any(name == "bucket_events" for name, *_ in self.ticks(0)), "the first tick")
