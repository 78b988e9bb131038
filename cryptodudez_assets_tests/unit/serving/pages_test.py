"""The pages behind the first: what is in their tables and files, what their addresses may say, and what they say where nothing is."""

import asyncio
import io
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import httpx
import polars as pl
import pytest
from click.testing import CliRunner
from litestar import Litestar
from litestar.testing import TestClient

from cryptodudez_assets.declared_models import all_models
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import take_in
from cryptodudez_assets_tests.dashboard_states import skilled, unskilled
from cryptodudez_assets_tests.ether import ETHER
from cryptodudez_assets_tests.findings_builder import CHOSEN, predictions
from serving.dashboard import dagster, dashboard, data_page, market_page, models_page
from serving.dashboard.kept import MOST, Kept
from serving.dashboard.prices import days_of
from serving.dashboard.tables import Table, cell
from serving.errors import HANDLERS

HEADER = b"SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
CANDLES = HEADER + b"".join(
    f"1,{name},{symbol},2021-01-{day:02} 23:59:59,{day + 3},{day},{day + 1},{day + 2},100,1000\n".encode()
    for symbol, name in (("ETH", "Ethereum"), ("BTC", "<b>Bitcoin"))
    for day in (1, 2, 5)
)
NOW = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)


@pytest.fixture
def filled(lake: Lake, drop: Callable[[str, str, bytes], object]) -> Lake:
    """Three days of two coins, and two lines that are none."""
    drop("crypto_prices", "a.csv", CANDLES + b"banana,,,garbage\n2,x,y,<script>,1,1,1,1,1,1\n")
    take_in(lake, all_sources()["crypto_prices"])
    return lake


@pytest.fixture
def client(filled: Lake) -> Iterator[TestClient[Litestar]]:
    with TestClient(
        Litestar([dashboard(filled.settings, {}, all_models().values())], exception_handlers=HANDLERS)
    ) as client:
        yield client


def told(answer: httpx.Response) -> pl.DataFrame:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return pl.read_csv(io.StringIO(answer.text))


def test_the_market_has_every_coin_and_the_days_of_one(client: TestClient[Litestar]):
    coins = told(client.get("/tables/market/coins.csv"))
    days = told(client.get("/tables/market/days.csv?coin=ETH&range=all"))

    assert sorted(coins["coin"]) == ["BTC", "ETH"]
    assert coins["close"].to_list() == [7.0, 7.0]
    assert coins["day_percent"].to_list() == [75.0, 75.0]  # from 4 on the newest day before
    assert days["day"].to_list() == ["2021-01-05", "2021-01-02", "2021-01-01"]
    page = client.get("/market?coin=ETH&range=all").text
    assert 'aria-label="Price of ETH from 1 January 2021 to 5 January 2021' in page
    assert "/tables/market/days.csv?coin=ETH&amp;range=all" in page


def test_missing_days_and_broken_rules_are_told(client: TestClient[Litestar]):
    missing = told(client.get("/tables/data/missing_days.csv"))
    rules = told(client.get("/tables/data/quarantine.csv?source=crypto_prices"))
    sources = told(client.get("/tables/data/sources.csv")).filter(pl.col("source") == "crypto_prices")

    assert missing.filter(pl.col("coin") == "ETH").rows() == [("ETH", "2021-01-03", "2021-01-04", 2)]
    assert rules["rows"].sum() >= 2
    assert set(rules["source"]) == {"crypto_prices"}
    assert sources.select("files", "rows", "rows_set_aside", "is_old").rows() == [(1, 6, 2, True)]
    assert told(client.get("/tables/data/files.csv?source=users")).is_empty()
    assert told(client.get("/tables/data/files.csv"))["file"].to_list() == ["a.csv"]


def test_what_stands_behind_a_table_gives_the_same_when_a_person_asks_it(filled: Lake, monkeypatch):
    from cryptodudez_assets.cli import main

    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(filled.settings.home))
    market, data = market_page.gather(filled, "ETH", "1m"), data_page.gather(filled, "crypto_prices")
    asked = [*market.tables.values(), *data.asked]
    assert {one.name for one in asked} >= {"coins", "days", "quarantine", "files", "missing_days"}
    for table in asked:
        words = shlex.split(table.command)
        assert words[0] == "cryptodudez"
        answer = CliRunner().invoke(main, words[1:])
        assert answer.exit_code == 0, answer.output
        assert answer.output.splitlines()[0].split(",") == table.rows.columns
        assert len(answer.output.splitlines()) == len(table.rows) + 1


def test_days_that_the_archive_lacks_are_of_fetched_candles(filled: Lake):
    from cryptodudez_assets.contracts.base import polars_schema
    from cryptodudez_assets.contracts.candle_days import CandleDays
    from cryptodudez_assets.lake.iceberg.spec import TableSpec

    at = [datetime(2021, 1, day, 23, 59, 59, tzinfo=UTC) for day in (2, 3)]
    rows = pl.DataFrame(
        {
            "coin": "ETH",
            "pair": "ETHUSDT",
            "high": [9.0, 8.0],
            "low": 1.0,
            "close": 6.0,
            "volume": 5.0,
            "event_ts": at,
            "known_ts": at,
        }
    )
    with filled.tables.changing(TableSpec("market.candle_days", CandleDays, (), ("event_ts",))) as change:
        change.add(rows.cast(dict(polars_schema(CandleDays))))

    days = days_of(filled, "ETH", "all").rows.reverse()

    assert days.select(pl.col("day").dt.day(), "open", "high", "close").rows() == [
        (1, 2.0, 4.0, 3.0),
        (2, 3.0, 5.0, 4.0),  # as the archive has it
        (3, 4.0, 8.0, 6.0),  # it opens where the day before closed
        (5, 6.0, 8.0, 7.0),
    ]


def test_versions_are_told_with_their_verdicts(lake: Lake):
    unskilled(lake)
    models = models_page.gather(lake, [ETHER], "eth_signal")
    page = models_page.render(models)

    assert [(one.label, one.stage, one.verdict.skill) for one in models.versions] == [
        ("eth_signal-2", "candidate", False),
        ("eth_signal-1", "champion", False),
    ]
    assert "The base rates are in use: no candidate" in page
    assert models.tables["versions"].rows["version"].to_list() == ["eth_signal-2", "eth_signal-1"]
    assert "Live record of the Ethereum signal" in page
    assert "No signal that was served has been written down yet" in page


def test_tables_of_the_signal_s_page_are_files(lake: Lake):
    today = skilled(lake)
    with TestClient(
        Litestar([dashboard(lake.settings, {ETHER: lambda: today})], exception_handlers=HANDLERS)
    ) as client:
        page = client.get("/").text
        linked = set(re.findall(r'href="(/tables/signal/[^"]*)"', page))
        files = {path.rpartition("/")[2]: told(client.get(path)) for path in linked}
        missing = client.get("/tables/signal/eth_signal/decisions-eth_signal-2.csv")

    assert files.keys() == {"moved.csv", "decisions-eth_signal-1.csv", "baselines-eth_signal-1.csv"}
    assert len(files["decisions-eth_signal-1.csv"]) == len(predictions(True)[CHOSEN])
    assert files["moved.csv"]["effect"].to_list() == [effect for _, effect in today.moved]
    assert files["baselines-eth_signal-1.csv"]["name"][0] == "eth_signal-1"
    assert missing.status_code == 404
    assert "there are: days.csv, moved.csv, decisions-eth_signal-1.csv" in missing.text


def test_broken_rules_are_drawn_over_days():
    days = [date(2026, 11, 1), date(2026, 11, 1), date(2026, 11, 4)]
    rules = pl.DataFrame({"day": days, "source": ["a", "b", "a"], "rule": "x", "rows": [3, 4, 1], "open": 0})

    def page(rows: pl.DataFrame) -> str:
        return data_page.render(data_page.Data(NOW, "", [], [Table("quarantine", "Q", rows, "")], []), "http://ui")

    drawn = page(rules)
    assert "Broken rules by day from 1 November 2026 to 4 November 2026, at most 7." in drawn
    for words in ("1 Nov 2026: broken rules 7", "2 Nov 2026: broken rules 0", "4 Nov 2026: broken rules 1"):
        assert words in drawn
    assert "Broken rules by day" not in page(rules.head(2))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/?range=decade", "there are: 1m, 1y, all"),
        ("/market?range=", "there are: 1m, 1y, all"),
        ("/market?coin=<script>", "there are: BTC, ETH"),
        ("/market?coin=' OR 1=1 --", "there are: BTC, ETH"),
        ("/tables/market/none.csv", "there are: coins.csv, days.csv"),
        ("/tables/market/coins", "there are: coins.csv, days.csv"),
        ("/data?source=nothing", "binance_archives"),
        ("/models?model=nothing", "eth_signal"),
        ("/system?status=nothing", "FAILURE"),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(client: TestClient[Litestar], path: str, words: str):
    answer = client.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert words in answer.text


@pytest.mark.parametrize("path", ["/market", "/data", "/models", "/system"])
def test_pages_of_an_empty_lake_say_what_to_do(lake: Lake, path: str):
    nobody = lake.settings.model_copy(update={"dagster_url": "http://127.0.0.1:9"})
    with TestClient(Litestar([dashboard(nobody, {}, all_models().values())])) as client:
        answer = client.get(path)

    assert answer.status_code == 200
    assert "cryptodudez" in answer.text
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_without_an_address_of_dagster_nobody_is_asked_and_nothing_leads_there(client: TestClient[Litestar]):
    assert "Dagster is not asked from here" in client.get("/system").text
    assert client.get("/tables/system/runs.csv").status_code == 404
    assert "in Dagster" not in client.get("/data").text


def test_pages_are_compressed_for_who_takes_that(client: TestClient[Litestar]):
    for path in ("/market", "/assets/style.css"):
        assert client.get(path).headers["content-encoding"] == "gzip"
        assert "content-encoding" not in client.get(path, headers={"Accept-Encoding": "identity"}).headers


def test_what_landed_cannot_become_markup(client: TestClient[Litestar], filled: Lake):
    table = Table("x", "<i>", pl.DataFrame({"<u>": ["<script>alert(1)</script>"]}), "<command>")
    data = data_page.Data(NOW, "", [], [table], ["<left out>"])
    page = data_page.render(data, 'http://"><script>')

    for evil in ("<script>alert", "<i>", "<u>", "<command>", "<left out>", '"><script>'):
        assert evil not in page


def test_the_usual_coin_is_shown_where_none_is_asked_for(filled: Lake):
    shown = [market_page.gather(filled, coin, "1m", usual).coin for coin, usual in (("", "ETH"), ("BTC", "ETH"))]
    assert shown == ["ETH", "BTC"]
    assert market_page.gather(filled, "", "1m", "DOGE").coin in ("BTC", "ETH")


def test_cells_are_read_easily():
    values = [-0.0, None, True, NOW, NOW.date(), 1234, 0.000123456, 12.345, 1234.567, 1e9, ["a", "b"]]
    assert [cell(value) for value in values] == [
        *(
            "0",
            "–",
            "yes",
            "2026-11-28 20:00",
            "2026-11-28",
            "1,234",
            "0.0001235",
            "12.35",
            "1,234.57",
            "1,000,000,000",
            "a, b",
        )
    ]


def test_dagster_is_asked_as_its_schema_allows():
    schema_of = pytest.importorskip("dagster_graphql.schema", reason="Dagster's GraphQL is not installed")
    from graphql import parse, validate

    assert validate(schema_of.create_schema().graphql_schema, parse(dagster.QUESTION["query"])) == []


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response]) -> dagster.Told:
    post = httpx.Client(transport=httpx.MockTransport(answer)).post
    monkeypatch.setattr(dagster.httpx, "post", post)
    return dagster.asked("http://dagster", NOW)


def test_runs_sensors_and_daemons_are_told_with_how_long_ago(monkeypatch: pytest.MonkeyPatch):
    at = NOW.timestamp()
    tags = [{"key": "dagster/sensor_name", "value": "crypto_prices_sensor"}]
    run = {"runId": "0123456789", "jobName": "ingest", "status": "SUCCESS", "tags": tags}
    data = {
        "runsOrError": {"results": [run | {"creationTime": at - 60, "startTime": at - 50, "endTime": at - 20.5}]},
        "repositoriesOrError": {
            "nodes": [
                {
                    "sensors": [
                        {"name": "b", "sensorState": {"status": "STOPPED", "ticks": []}},
                        {
                            "name": "a",
                            "sensorState": {"status": "RUNNING", "ticks": [{"timestamp": at - 7, "status": "SKIPPED"}]},
                        },
                    ]
                }
            ]
        },
        "instance": {
            "daemonHealth": {
                "allDaemonStatuses": [
                    {"daemonType": "SENSOR", "healthy": True, "required": True, "lastHeartbeatTime": at - 3},
                    {"daemonType": "BACKFILL", "healthy": None, "required": False, "lastHeartbeatTime": None},
                ]
            }
        },
    }
    told = answering(monkeypatch, lambda request: httpx.Response(200, json={"data": data}))

    assert told.problem == ""
    assert told.runs.select("run", "by", "seconds", "waited").rows() == [
        ("01234567", "crypto_prices_sensor", 29.5, 10.0)
    ]
    assert told.sensors.select("sensor", "seconds_ago").rows() == [("a", 7.0), ("b", None)]
    assert told.daemons.select("daemon", "healthy", "seconds_ago").rows() == [("SENSOR", True, 3.0)]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"data": {}}),
        httpx.Response(200, json={"errors": []}),
        httpx.Response(200, json=[]),
        httpx.ConnectError("refused"),
    ],
    ids=str,
)
def test_where_dagster_does_not_answer_that_is_said(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response | Exception
):
    def say(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    told = answering(monkeypatch, say)

    assert told.problem
    assert told.runs.is_empty()


def test_of_many_looks_the_oldest_gives_way():
    made: list[int] = []
    kept = Kept[int, int](lambda key: made.append(key) or key)

    async def look() -> None:
        for key in range(MOST + 1):
            await kept.of(key)
        await kept.of(1)
        await kept.of(0)

    asyncio.run(look())
    assert made == [*range(MOST + 1), 0]
