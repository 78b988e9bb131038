"""A declaration that cannot be taken is left out and named with its place, everywhere, and the rest runs."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from cryptodudez_assets import declared_models, derived, features, sources
from cryptodudez_assets.cli import main
from cryptodudez_assets.declared_models import all_models
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.declarations_check import NAME
from cryptodudez_assets.defs.reconciling import NAME as SENSOR
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.features import all_views, left_out, view_named
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.upkeep.maintenance import maintain
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests import toy_source
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.ether import ETHER
from serving.dashboard import data_page
from serving.dashboard.data import gather
from serving.dashboard.signal_page import render

TOY = Path(toy_source.__file__).read_text()
VIEW = """
from datetime import timedelta
import pandera.polars as pa
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Input

class PairFeatures(FeatureContract):
    '''Pairs.'''
    symbol: str = pa.Field(description="Symbol.")
    close: float = pa.Field(description="Close.")

VIEW = FeatureView(
    name="pairs", contract=PairFeatures, owner="team:x", key=["symbol"],
    inputs=[Input("market.crypto_prices", ["symbol", "close"])],
    transform=lambda frames: frames["market.crypto_prices"], window=None, ttl=timedelta(days=1),
)
"""
NAMED, TABLED = 'name="gas_prices"', 'table="market.gas_prices"'


def changed(old: str, new: str, text: str = TOY) -> str:
    assert old in text
    return text.replace(old, new)


BROKEN_SOURCES = {
    "a sign too much": (TOY + "\nSOURCE = (", "never closed"),
    "an indent": ("x = 1\n  y = 2\n", ":2: IndentationError"),
    "no text at all": (b"SOURCE = \xff\xfe", "SyntaxError"),
    "null bytes": (b"a = 1\0", "null bytes"),
    "an exception": (TOY + "\n\nraise RuntimeError('no such day')\n", "RuntimeError: no such day"),
    "an end of the process": ("import sys\nsys.exit(3)\n", ":2: SystemExit: 3"),
    "a missing module": ("import no_such_module\n", ":1: ModuleNotFoundError"),
    "a misspelt name": (changed("pl.Float64", "pl.Flaot64"), "has no attribute 'Flaot64'"),
    "a missing argument": (changed('    key=["block"],\n', ""), "missing 1 required positional argument: 'key'"),
    "a column that the contract lacks": (changed('key=["block"]', 'key=["blok"]'), "lacks: ['blok']"),
    "a name for something else": ("SOURCE = 3\n", ":1: SOURCE is a int, expected a Source"),
    "another name": (changed("SOURCE = Source(", "SORCE = Source("), "it declares a Source as SORCE: call it SOURCE"),
    "a name that is no folder": (changed(NAMED, 'name="../gas"'), "name='../gas': expected letters"),
    "no name": (changed(NAMED, "name=None"), "name=None: expected letters"),
    "a table of the platform's own": (changed(TABLED, 'table="catalog.files"'), "is kept for the platform's own"),
    "a table without a namespace": (changed(TABLED, 'table="gas"'), "expected two names with a dot between"),
    "a table of another source": (
        changed(NAMED, 'name="other"')
        .replace(TABLED, 'table="market.elon"')
        .replace("market.elon", "social.elon_tweets"),
        "the table 'social.elon_tweets' is declared in cryptodudez_assets/sources/elon_tweets.py",
    ),
    "a name of another source": (changed(NAMED, 'name="elon_tweets"'), "the source 'elon_tweets' is declared in"),
    "an owner that is none": (changed('owner="', 'owner="nobody, '), "expected team:name or an e-mail address"),
    "a guest of nobody": (
        changed(NAMED, NAMED + ', shares_raw_with="gas"'),
        "it shares the raw folder of 'gas', and there is no such source",
    ),
    "an expression that is none": (changed('pl.col("Gwei")', '"Gwei"'), "is 'Gwei', expected an expression"),
    "no layouts": (
        TOY + "\nfrom dataclasses import replace\nSOURCE = replace(SOURCE, layouts=[])\n",
        "at least one Layout",
    ),
}
BROKEN_VIEWS = {
    "a sign too much": (VIEW + "\nVIEW = (", "never closed"),
    "an exception": (VIEW + "\n1 / 0\n", "ZeroDivisionError"),
    "another name": (changed("VIEW = FeatureView", "view = FeatureView", VIEW), "call it VIEW"),
    "the name of another view": (
        changed('name="pairs"', 'name="tweet_daily"', VIEW),
        "the view 'tweet_daily' is declared in",
    ),
    "a circle": (
        changed('"market.crypto_prices", [', '"features.pairs", [', VIEW),
        "it reads what is made from itself",
    ),
    "a column known too early": (
        changed(
            '"market.crypto_prices", ["symbol", "close"]', '"social.elon_tweets", ["likes"], known="event_ts"', VIEW
        ),
        "the contract",
    ),
    "no inputs": (VIEW.replace("inputs=[Input", "inputs=[] and [Input"), "at least one Input"),
    "days as a number": (changed("timedelta(days=1)", "3", VIEW), "ttl=3: expected a timedelta"),
    "a window as a number": (changed("window=None", "window=7", VIEW), "window=7: expected a timedelta"),
    "one key": (changed('key=["symbol"]', 'key="symbol"', VIEW), "key='symbol': expected a list of columns"),
    "a column that is not there": (
        changed('["symbol", "close"]', '["symbol", "clos"]', VIEW),
        "market.crypto_prices has no column clos; it has close",
    ),
}

TABLE = """
from datetime import timedelta
import pandera.polars as pa
import polars as pl
from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.derived import Csv, Daily, Derived, Input

class CoinDays(Contract):
    '''Days.'''
    day: pl.Date = pa.Field(description="Day.")
    coins: pl.Int64 = pa.Field(description="Coins.")

DERIVED = Derived(
    "analysis.coin_days", CoinDays, "team:x", key=["day"],
    inputs=[Input("market.crypto_prices", ["symbol", "event_ts"], reaches=timedelta(0))],
    sql="coin_days.sql", partitions=Daily("day"), exports=[Csv()],
)
"""
POLARS = changed(
    "DERIVED =",
    "def made(frames):\n    return frames\n\nDERIVED =",
    changed('sql="coin_days.sql"', "transform=made", TABLE),
)
SQL = "SELECT event_ts::DATE AS day, count(*) AS coins FROM market.crypto_prices GROUP BY ALL"
BROKEN_TABLES = {
    "a column too few": (TABLE, SQL.replace(", count(*) AS coins", ""), "coin_days.sql: the result lacks coins"),
    "a column too many": (TABLE, SQL.replace("SELECT", "SELECT 1 AS x,"), "has x, which the contract does not know"),
    "another type": (TABLE, SQL.replace("count(*)", "avg(1.5)"), "coins is Float64, the contract says Int64"),
    "a table that is no input": (TABLE, SQL + " UNION ALL SELECT day, 1 FROM social.elon_tweets", "sees its inputs only"),
    "a column that is not read": (TABLE, SQL.replace("count(*)", "max(volume)"), "sees its inputs only"),
    "a file": (TABLE, SQL + " UNION ALL SELECT day, 1 FROM '/etc/passwd'", "coin_days.sql: "),
    "a file that is read": (TABLE, SQL.replace("count(*)", "(SELECT count(*) FROM read_text('/etc/passwd'))"), "neither files"),
    "a clock": (TABLE, SQL.replace("event_ts::DATE", "now()::DATE"), "now() differs from run to run"),
    "a clock without brackets": (TABLE, SQL.replace("event_ts::DATE", "current_date"), "current_date differs from run"),
    "chance": (TABLE, SQL.replace("count(*)", "(random() * 9)::BIGINT"), "random() differs from run to run"),
    "a sample": (TABLE, SQL + " USING SAMPLE 3 ROWS", "a sample differs"),
    "a comment alone": (TABLE, "-- later", "coin_days.sql: expected one SELECT, found no statement"),
    "two statements": (TABLE, f"{SQL}; {SQL}", "expected one SELECT, found 2"),
    "no question": (TABLE, "DROP TABLE market.crypto_prices", "coin_days.sql: expected one SELECT, found something else"),
    "no SQL": (TABLE, "SELEC day", "coin_days.sql: expected one SELECT: syntax error"),
    "no file": (changed("coin_days.sql", "elsewhere.sql", TABLE), SQL, "sql='elsewhere.sql': there is no such file"),
    "an input without that column": (changed('"symbol", "event_ts"', '"symbl", "event_ts"', TABLE), SQL, "has no column symbl"),
    "no days": (changed('Daily("day")', 'Daily("coins")', TABLE), SQL, "'coins' is to tell the day of a row"),
    "another name": (changed("DERIVED =", "derived =", TABLE), SQL, "call it DERIVED"),
    "a name of the platform's": (changed("analysis.", "ml.", TABLE), SQL, "ml is kept for the platform's own"),
    "a Polars transform of a column that is not there": (
        changed('sql="coin_days.sql"', "transform=lambda frames: frames", TABLE).replace('"symbol"', '"symbl"'),
        SQL,
        "has no column symbl; it has symbol",
    ),
    "a source's table": (changed("analysis.coin_days", "market.crypto_prices", TABLE), SQL, "is a source's, too"),
    "a key that is not there": (changed('key=["day"]', 'key=["hour"]', TABLE), SQL, "lacks ['hour']"),
    "itself": (
        changed('Input("market.crypto_prices", ["symbol", "event_ts"]', 'Input("analysis.coin_days", ["day"]', TABLE).replace(
            "reaches=timedelta(0)", 'reaches="all"'
        ),
        "SELECT day, 1 AS coins FROM analysis.coin_days",
        "it reads what is made from itself",
    ),
    "Polars, an input without that column": (changed('"symbol"', '"symbl"', POLARS), SQL, "has no column symbl"),
    "an input without that time": (changed("reaches", 'time="at", reaches', POLARS), SQL, "has no column at"),
    "a time that is none": (changed("reaches", 'time="symbol", reaches', POLARS), SQL, "time='symbol', a String: expected"),
    "a reach into the past": (changed("timedelta(0)", "timedelta(days=-1)", POLARS), SQL, "no change reaches days before it"),
    "a word": (changed("timedelta(0)", '"everything"', TABLE), SQL, "reaches='everything': expected"),
    "neither transform nor SQL": (changed('sql="coin_days.sql", ', "", TABLE), SQL, "expected a transform or sql"),
    "a column that CSV cannot hold": (
        changed("coins: pl.Int64", "coins: pl.List(pl.Int64)", TABLE),
        SQL.replace("count(*)", "list(1)"),
        "csv cannot hold coins",
    ),
    "a column of an export": (changed("Csv()", 'Csv(columns={"a": "b"})', TABLE), SQL, "an export names 'b'"),
}  # fmt: skip

MODEL = """
from cryptodudez_assets.declared_models.signal import Coin, SignalModel, SignalOptions

MODEL = SignalModel(
    name="xmr_signal", coin=Coin("XMR", "Monero", terms=("monero",)), others=("eth_log_return_1d",), serves="/signal/xmr",
)
"""
BROKEN_MODELS = {
    "a coin by its name": (changed('Coin("XMR", "Monero", terms=("monero",))', '"XMR"', MODEL), "coin='XMR': expected a Coin"),
    "one term": (changed('("monero",)', '"monero"', MODEL), "coin.terms='monero': expected a tuple"),
    "a list of terms": (changed('("monero",)', '["monero"]', MODEL), "coin.terms=['monero']: expected a tuple"),
    "one other": (changed('("eth_log_return_1d",)', '"eth_log_return_1d"', MODEL), "others='eth_log_return_1d': expected a tuple"),
    "options as a dict": (changed("serves=", "options={'folds': 3}, serves=", MODEL), "expected a SignalOptions"),
    "an option that there is not": (
        changed("serves=", "options=SignalOptions(horizon=3), serves=", MODEL),
        "SignalOptions(horizon=3): there is no such option",
    ),
    "an option out of range": (
        changed("serves=", "options=SignalOptions(horizon_days=0), serves=", MODEL),
        "SignalOptions(horizon_days=0): should be greater than or equal to 1",
    ),
    "another that there is not": (
        changed("eth_log_return_1d", "eth_return", MODEL),
        "others name 'eth_return', which features.xmr_predictors_daily does not have; it has such as eth_",
    ),
    "another name": (changed("MODEL =", "MODLE =", MODEL), "call it MODEL"),
}  # fmt: skip


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Put a file beside the sources or views, or in the place of one that is there."""
    before = dict(sys.modules)
    packages = (sources, features, derived, declared_models)
    for package in packages:
        monkeypatch.setattr(package, "__path__", list(package.__path__))

    def forget() -> None:
        all_sources.cache_clear()
        all_views.cache_clear()
        all_derived.cache_clear()
        declared_models.declared_models.cache_clear()
        declared_models.all_models.cache_clear()
        importlib.invalidate_caches()

    def put(package, name: str, content: str | bytes) -> Path:
        folder = tmp_path / package.__name__
        folder.mkdir(exist_ok=True)
        if str(folder) not in package.__path__:
            package.__path__.append(str(folder))
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        forget()
        return path

    yield put
    for name in set(sys.modules) - set(before):
        if name.startswith(tuple(package.__name__ for package in packages)):
            del sys.modules[name]
    forget()


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "home"))

    def run(*words: str, code: int = 0):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == code, done.output + repr(done.exception)
        assert "Traceback" not in done.output
        return done

    return run


@pytest.mark.parametrize(("content", "reason"), BROKEN_SOURCES.values(), ids=BROKEN_SOURCES)
def test_a_source_that_cannot_be_taken_is_named_and_the_others_are_there(
    declare: Callable[..., Path], content: str | bytes, reason: str
) -> None:
    others = set(all_sources())
    path = declare(sources, "gas.py", content)

    (one,) = [found for found in left_out() if found.file == str(path)]

    assert reason in str(one)
    assert "\n" not in str(one)
    assert others - {"elon_tweets"} <= set(all_sources()) <= others


@pytest.mark.parametrize(("content", "reason"), BROKEN_VIEWS.values(), ids=BROKEN_VIEWS)
def test_a_view_that_cannot_be_taken_is_named_and_the_others_are_there(
    declare: Callable[..., Path], content: str, reason: str
) -> None:
    others = set(all_views())
    path = declare(features, "pairs.py", content)

    (one,) = [found for found in left_out() if found.file == str(path)]

    assert reason in str(one)
    assert others - {"tweet_daily"} <= set(all_views()) <= others


@pytest.mark.parametrize(("content", "sql", "reason"), BROKEN_TABLES.values(), ids=BROKEN_TABLES)
def test_a_derived_table_that_cannot_be_taken_is_named_and_the_others_are_there(
    declare: Callable[..., Path], content: str, sql: str, reason: str
) -> None:
    others = set(all_derived())
    declare(derived, "coin_days.sql", sql)
    path = declare(derived, "coin_days.py", content)

    (one,) = [found for found in left_out() if found.file == str(path)]

    assert reason in str(one)
    assert "\n" not in str(one)
    assert set(all_derived()) == others


@pytest.mark.parametrize(("content", "reason"), BROKEN_MODELS.values(), ids=BROKEN_MODELS)
def test_a_model_that_cannot_be_taken_is_named_and_the_others_are_there(
    declare: Callable[..., Path], content: str, reason: str
) -> None:
    others, views = set(all_models()), set(all_views())
    path = declare(declared_models, "xmr_signal.py", content)

    (one,) = [found for found in left_out() if found.file == str(path)]

    assert reason in str(one)
    assert "\n" not in str(one)
    assert set(all_views()) == views
    assert others <= set(all_models())
    assert build_definitions(list(all_sources().values()), list(all_derived().values()))


def test_a_mistake_in_one_takes_no_other_that_reads_the_same(declare: Callable[..., Path]) -> None:
    declare(derived, "coin_days.sql", SQL)
    declare(derived, "coin_days.py", TABLE)
    wrong = declare(derived, "wrong.py", changed("analysis.coin_days", "market.crypto_prices", TABLE))
    assert [found.file for found in left_out()] == [str(wrong)]
    assert "analysis.coin_days" in all_derived()


def test_the_line_at_fault_is_named(declare: Callable[..., Path]) -> None:
    path = declare(sources, "gas.py", TOY + "\n\nraise RuntimeError('here')\n")
    (one,) = left_out()
    assert path.read_text().splitlines()[one.line - 1] == "raise RuntimeError('here')"


def test_what_a_sound_source_says_is_taken(declare: Callable[..., Path]) -> None:
    declare(sources, "gas.py", TOY)
    declare(features, "pairs.py", VIEW)
    declare(derived, "coin_days.sql", SQL)
    declare(derived, "coin_days.py", TABLE)
    assert not left_out()
    assert "analysis.coin_days" in all_derived()
    assert "gas_prices" in all_sources()
    assert "pairs" in all_views()


def test_sources_of_one_folder_wait_for_each_other(declare: Callable[..., Path]) -> None:
    declare(sources, "gas.py", TOY)
    guest = declare(sources, "fees.py", 'SOURCE = Source(shares_raw_with="gas_prices"\n')
    assert {one.file: one.reason for one in left_out()}.keys() == {str(guest), str(guest.with_name("gas.py"))}


def test_every_command_names_it_and_the_rest_runs(declare: Callable[..., Path], command, tmp_path: Path) -> None:
    path = declare(sources, "gas.py", TOY + "\nSOURCE = (\n")
    coin = tmp_path / "coin.csv"
    coin.write_text(
        "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n1,T,TST,2021-01-01 23:59:59,2,1,1.5,1.5,100,1000\n"
    )
    for words in (
        ["land", "crypto_prices", str(coin)],
        ["status"],
        ["sql", "select 1"],
        ["quarantine", "list"],
        ["verify"],
    ):
        said = command(*words).stderr
        assert said.count(f"source left out: {path}:") == 1, words

    done = command("run", "--select", "crypto_prices", code=1)

    failed = [line for line in done.stdout.splitlines() if line.startswith("failed")]
    assert [line.split(": ")[1] for line in failed] == ["catalog/tables declarations"]
    assert f"{path}:" in command("status").stdout
    told = json.loads(command("status", "--json").stdout)
    assert told["left_out"][0]["file"] == str(path)
    assert told["sources"]["crypto_prices"]["valid"] == 1
    assert "left out" in command("land", "gas_prices", str(coin), code=2).output


def test_the_code_location_loads_with_a_check_that_fails_and_passes_again(
    declare: Callable[..., Path], lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryptodudez_assets.definitions import defs

    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(lake.settings.home))
    path = declare(sources, "gas.py", TOY + "\nSOURCE = (\n")
    answers = [_declarations(defs, None)]
    cursor = answers[0][1]
    assert _declarations(defs, cursor)[0] is None  # told once
    path.write_text(TOY)
    declare(sources, "other.py", "")
    answers.append(_declarations(defs, cursor))

    (failed, _), (passed, _) = answers
    assert failed.severity == dg.AssetCheckSeverity.ERROR
    assert (failed.passed, passed.passed) == (False, True)
    assert f"{path}:" in failed.description


def _declarations(defs, cursor: str | None) -> tuple[dg.AssetCheckEvaluation | None, str]:
    definitions = defs()
    sensor = next(one for one in definitions.sensors if one.name == SENSOR)
    result = sensor(dg.build_sensor_context(dg.DagsterInstance.ephemeral(), cursor=cursor))
    events = [one for one in result.asset_events if one.check_name == NAME]
    return (events[0] if events else None), result.cursor


@pytest.mark.parametrize("name", ["crypto_daily", "market_factors_daily", "stock_rolling"])
def test_models_wait_for_a_view_that_is_left_out(name: str) -> None:
    """In a process of its own: models look at views when they are imported."""
    broken = f"import sys; sys.modules['cryptodudez_assets.features.{name}'] = None\n"
    asked = (
        "import cryptodudez_assets.cli, serving.app\n"
        "from cryptodudez_assets.definitions import defs\n"
        "from cryptodudez_assets.features import all_views, left_out\n"
        "keys = {key.to_user_string() for key in defs().resolve_asset_graph().materializable_asset_keys}\n"
        f"assert 'market/crypto_prices' in keys and 'features/{name}' not in keys\n"
        f"assert any('{name}.py' in one.file for one in left_out()), left_out()\n"
        "print(len(all_views()))\n"
    )
    done = subprocess.run([sys.executable, "-c", broken + asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) >= 9


def test_what_stands_for_a_view_has_its_tables_and_is_never_fresh() -> None:
    view = view_named("gone", ["symbol"], ["close"])
    assert (view.table, view.history, view.features, view.ttl.total_seconds()) == (
        "features.gone",
        "features.gone",
        ["close"],
        0,
    )


def test_nothing_of_a_source_that_is_left_out_is_dropped(declare: Callable[..., Path], command, tmp_path: Path) -> None:
    """Its table, its claims, its quarantine and its raw files outlive upkeep, a rebuilding and a run without it."""
    path = declare(sources, "gas.py", TOY)
    gas = tmp_path / "gas.csv"
    gas.write_text("Block,Time,Gwei\n100,2021-01-01 00:00:13,41.5\nbanana\n")
    command("land", "gas_prices", str(gas))
    command("run", "--select", "gas_prices")
    lake = open_lake(Settings())
    before = _kept(lake)
    assert [len(part) for part in before] == [1, 1, 1, 1]
    path.write_text(TOY + "\nSOURCE = (\n")
    sys.modules.pop(f"{sources.__name__}.gas")
    declare(sources, "other.py", "")

    command("run", code=1)
    list(maintain(lake, grace=timedelta(0)))
    said = command("rebuild", "quarantine.rows", code=1).output

    assert "gas_prices" in said
    assert "mend its declaration" in said
    assert _kept(lake) == before


def _kept(lake: Lake):
    rows = lake.tables.scan("market.gas_prices").collect().rows()
    aside = quarantine.rows_of(lake.tables, "gas_prices").collect().rows()
    raw = [found.key for found in lake.store.list("raw/gas_prices")]
    return rows, aside, raw, file_entries.files_of(lake.tables, "gas_prices").collect().rows()


def test_the_dashboard_names_it_and_shows_the_rest(declare: Callable[..., Path], lake: Lake) -> None:
    path = declare(sources, "gas.py", TOY + "\n\nraise RuntimeError('<b>no such day</b>')\n")
    for page in (render(gather(lake, ETHER, lambda: None)), data_page.render(data_page.gather(lake, ""), "http://ui")):
        assert f"{path}:" in page
        assert "&lt;b&gt;no such day" in page
        assert "crypto prices" in page.lower()
