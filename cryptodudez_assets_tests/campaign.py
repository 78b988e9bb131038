"""A campaign of kills: `cryptodudez` commands die by SIGKILL, with their whole process group, at random moments, again and again.

In the end a home must hold what one holds in which nothing was ever interrupted: every table, model, export and online row,
compared by content. What is interrupted is here; how many kills are spent is up to the test and the benchmark.
"""

import hashlib
import io
import os
import shutil
import signal
import sqlite3
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from time import monotonic

import dagster._cli
import polars as pl

from cryptodudez_assets import cli
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator import simulate
from cryptodudez_assets.simulator.sizes import Size
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.users import LATEST_US
from cryptodudez_assets_tests.builders import INCIDENTAL, open_lake, rows_of, take_in
from cryptodudez_assets_tests.processes import process

PATIENCE_SECONDS = 600
DAY_US = 24 * 3600 * 1_000_000
SAMPLES = Size(coins=3, crypto_days=900, tweets=48, stock_symbols=3, stock_days=400)
"""Just enough for both models to be trained."""

# Beside what two runs over the same files differ in: when a product was made, of which of a table's states, by which run.
ALSO_INCIDENTAL = ["settled_at", "trained_at", "training_snapshot", "run", "looked_at", "published_at", "modified_at"]
ABOUT_STATES = "catalog.tables"
FIRST_RUN = "first run"

Order = Sequence[str]
Picture = dict[str, list[str]]
"""Every table, model, export and view online by name, each as lines."""


@dataclass(frozen=True)
class Scenario:
    """Work on a home. `prepare` sets the scene and says what is then ordered, one command after the other."""

    name: str
    prepare: Callable[[Settings], Sequence[Order]]
    on_finished_home: bool = True


@dataclass
class Toll:
    """What a campaign cost, and where homes ended up differing."""

    kills: int = 0
    survived: int = 0
    differing: list[str] = field(default_factory=list)


class Campaign:
    """Homes at one path, each begun from the same base."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.settings = Settings(home=folder / "home", settle_seconds=0)
        self._saved = {False: folder / "landed", True: folder / "finished"}
        self._random, self._began = Random(seed), datetime.now(UTC)
        simulate(folder / "samples", SAMPLES)
        lake = open_lake(self.settings)
        for name, source in all_sources().items():
            if not source.shares_raw_with:
                list(land(lake, name, sorted((folder / "samples" / name).iterdir())))
        shutil.copytree(self.settings.home, self._saved[False])
        began = monotonic()
        self._finish(["run"])
        self._calm = {FIRST_RUN: (monotonic() - began, picture(self.settings, self._began))}
        shutil.copytree(self.settings.home, self._saved[True])

    def carry_out(self, scenario: Scenario, kills: int, toll: Toll) -> None:
        """Do the scenario once in peace, and again with so many tries to kill; both homes must hold the same."""
        longest, expected = self._in_peace(scenario)
        orders = self._begin(scenario)
        while toll.kills < kills and toll.survived < 4 * kills:
            process = start(self.settings, orders[0])
            process.join(self._random.uniform(0.01, 0.5) * longest)
            if process.is_alive():
                kill(process)
                toll.kills += 1
            else:
                toll.survived += 1
                orders = self._begin(scenario)  # there is nothing left to be killed
        self._end(orders)
        found = picture(self.settings, self._began)
        toll.differing += [f"{scenario.name}: {line}" for line in differences(expected, found)]

    def _in_peace(self, scenario: Scenario) -> tuple[float, Picture]:
        """How long it takes uninterrupted, and what a home then holds."""
        if scenario.name not in self._calm:
            began = monotonic()
            self._end(self._begin(scenario))
            self._calm[scenario.name] = monotonic() - began, picture(self.settings, self._began)
        return self._calm[scenario.name]

    def _begin(self, scenario: Scenario) -> Sequence[Order]:
        shutil.rmtree(self.settings.home)
        shutil.copytree(self._saved[scenario.on_finished_home], self.settings.home)
        return scenario.prepare(self.settings)

    def _end(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self._finish(order)
        if orders[-1] != ["run"]:
            self._finish(["run"])

    def _finish(self, order: Order) -> None:
        process = start(self.settings, order)
        process.join(PATIENCE_SECONDS)
        said = log_of(self.settings).read_text()
        if process.exitcode != 0 and "nothing open in quarantine" not in said:
            raise AssertionError(f"{' '.join(order)} ended with {process.exitcode}: {said}")


def second_landing(settings: Settings) -> Sequence[Order]:
    """Two more days of coins, a correction of one, another scrape of tweets."""
    lake = open_lake(settings)
    last = datetime(2021, 12, 31, 23, 59, 59)
    rows = "".join(
        f"1,{name},{symbol},{last + timedelta(days=day)},3,1,2,{2 + day / 10},100,1000\n"
        for day in range(3)
        for name, symbol in (("Ethereum", "ETH"), ("Bitcoin", "BTC"))
    )
    put(lake, "crypto_prices", "more.csv", "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n" + rows)
    observed = rows_of(lake, "social.elon_tweet_observations")["file_id"][0]
    put(lake, "elon_tweets", "again.csv", more_likes(text_of(lake, "elon_tweets", observed)))
    return [["run"]]


def replay_of_an_edited_copy(settings: Settings) -> Sequence[Order]:
    """A file with bad rows, of which one is good in the edited copy."""
    lake = open_lake(settings)
    file_id = quarantine.rows_of(lake.tables, "crypto_prices").collect()["file_id"][0]
    header, *lines = text_of(lake, "crypto_prices", file_id).splitlines(keepends=True)
    width = header.count(",")
    edited = settings.home / "edited.csv"
    edited.write_text(header + "".join(line for line in lines if line.count(",") == width))
    return [["quarantine", "replay", "crypto_prices", "--file", file_id, "--edited", str(edited)]]


def upkeep(settings: Settings) -> Sequence[Order]:
    """Many small files to be joined."""
    lake, source = open_lake(settings), all_sources()["crypto_prices"]
    for number in range(3):
        put(
            lake,
            "crypto_prices",
            f"small-{number}.csv",
            "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
            f"1,Small,SML,2019-06-{number + 1:02} 23:59:59,3,1,2,2,100,1000\n",
        )
        take_in(lake, source)
    return [["dagster", "job", "execute", "-m", "cryptodudez_assets.definitions", "-j", "maintenance"]]


SCENARIOS = (
    Scenario(FIRST_RUN, lambda settings: [["run"]], on_finished_home=False),
    Scenario("second landing", second_landing),
    Scenario("replay of an edited copy", replay_of_an_edited_copy),
    Scenario("upkeep", upkeep),
)


def put(lake: Lake, source: str, name: str, text: str) -> None:
    """Lay a file into the raw zone."""
    lake.store.write(f"raw/{source}/{name}", io.BytesIO(text.encode()))


def text_of(lake: Lake, source: str, file_id: str) -> str:
    """The text of a catalogued member of an archive."""
    files = rows_of(lake, "catalog.files").filter(source=source, file_id=file_id)
    entry = files.filter(pl.col("member").is_not_null()).row(0, named=True)
    with lake.store.open(lake.store.key(entry["uri"])) as content, zipfile.ZipFile(content) as archive:
        return archive.read(entry["member"]).decode()


def more_likes(text: str) -> str:
    """The same tweets, seen later: each with ten times the likes."""
    tweets = pl.read_csv(io.StringIO(text), infer_schema=False)
    likes = next(name for name in ("nlikes", "likes_count") if name in tweets.columns)
    return tweets.with_columns(pl.col(likes) + "0").write_csv()


def start(settings: Settings, order: Order) -> BaseProcess:
    """Start a command in a process group of its own."""
    told = {f"CRYPTODUDEZ_{name.upper()}": str(value) for name, value in settings.model_dump().items() if value}
    begun = process(be, order, told | {"DAGSTER_HOME": str(settings.home / "dagster")}, log_of(settings))
    begun.start()
    while begun.is_alive() and os.getpgid(begun.pid or 0) != begun.pid:
        time.sleep(0.001)
    return begun


def be(order: Order, told: dict[str, str], log: Path) -> None:
    """Be the command line: `cryptodudez …`, or `dagster …`."""
    os.setsid()
    os.environ.update(told)
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    entry, args = (dagster._cli.main, order[1:]) if order[0] == "dagster" else (cli.main, order)
    sys.argv = [order[0], *args]
    entry()


def log_of(settings: Settings) -> Path:
    """Where a command says what it does."""
    return settings.home.with_name("said")


def kill(process: BaseProcess) -> None:
    """Kill the whole process group, without a warning."""
    with suppress(ProcessLookupError):  # it ended just now
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()


def picture(settings: Settings, began: datetime) -> Picture:
    """All that a home holds, without what is incidental. Times since `began` are those of the campaign itself."""
    lake = open_lake(settings)
    shown = {name: _lines(rows_of(lake, name), began) for name in lake.tables.names() if name != ABOUT_STATES}
    for path in sorted(settings.home.glob("exports/**/*.parquet")):
        shown[f"export {path.name}"] = _lines(pl.read_parquet(path), began)
    for folder in sorted((settings.home / "models").iterdir()):
        shown[f"model {folder.name}"] = _model(Registry(settings, folder.name))
    with closing(sqlite3.connect(settings.home / "online.db")) as online:
        columns = ["view", "key", "event", "known", "features"]
        published = "view LIKE '% published'"  # a bookmark
        rows = online.execute(f"SELECT {', '.join(columns)} FROM online WHERE NOT {published}").fetchall()
    shown["online"] = _lines(
        pl.DataFrame(rows, columns, orient="row").with_columns(
            pl.from_epoch(name, time_unit="us").dt.replace_time_zone("UTC") for name in ("event", "known")
        ),
        began,
    )
    return shown


def _lines(rows: pl.DataFrame, began: datetime) -> list[str]:
    rows = rows.drop([*INCIDENTAL, *ALSO_INCIDENTAL], strict=False)
    times = [name for name, dtype in rows.schema.items() if dtype == pl.Datetime("us", "UTC")]
    told = [
        pl.when(pl.col(name) >= began).then(pl.lit("now")).otherwise(pl.col(name).cast(pl.String)) for name in times
    ]
    rows = rows.with_columns(expression.alias(name) for expression, name in zip(told, times, strict=True))
    if "precedence" in rows.columns:  # of lists of users it is when they were catalogued, counted backwards
        latest = LATEST_US - round(began.timestamp() * 1_000_000)
        is_now = pl.col("precedence").is_between(latest - DAY_US, latest)
        precedence = pl.when(is_now).then(pl.lit("now")).otherwise(pl.col("precedence").cast(pl.String))
        rows = rows.with_columns(precedence.alias("precedence"))
    return sorted(map(repr, rows.select(sorted(rows.columns)).iter_rows()))


def _model(registry: Registry) -> list[str]:
    versions = [
        f"{manifest.label} {manifest.recipe} {registry.stage(version)} {manifest.metrics} {manifest.verdict.skill} "
        f"{hashlib.sha256(registry.read(version, 'model.onnx')).hexdigest()}"
        for version in registry.versions()
        for manifest in [registry.manifest(version)]
    ]
    return [*versions, f"{len(registry.promotions())} promotions"]


def differences(expected: Picture, found: Picture) -> list[str]:
    """Where two pictures differ, a line for each thing."""
    told = []
    for name in sorted(expected.keys() | found.keys()):
        here, there = (set(one.get(name, ["nothing"])) for one in (expected, found))
        if expected.get(name) != found.get(name):
            told.append(f"{name}: lacks {sorted(here - there)[:2]}, has {sorted(there - here)[:2]}")
    return told
