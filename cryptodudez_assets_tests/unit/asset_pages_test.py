"""What the page of an asset says in Dagster's UI before it was ever made: what its columns are made of, where its reports are."""

import dagster as dg
import pytest

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.drift import SAMPLES
from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.definitions import defs
from cryptodudez_assets.defs.column_lineage import FEW, columns
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.source_assets import raw_key, table_keys
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import Source

SOURCES = list(all_sources().values())
GRAPH = defs().resolve_asset_graph()
MODEL = models_of_kind(SignalModel)[0]
A = dg.AssetKey(["market", "a"])


def described(key: str) -> dict[str, str]:
    schema = GRAPH.get(key_of(key)).metadata["dagster/column_schema"]
    return {column.name: column.description for column in schema.columns}


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.name)
def test_a_source_s_columns_name_the_raw_columns_that_they_are_read_from(source: Source):
    read = {name for layout in source.layouts for name in layout.columns}

    for key in table_keys(source):
        lineage = GRAPH.get(key).metadata["dagster/column_lineage"].deps_by_column
        assert set(lineage) <= set(polars_schema(source.contract).names())
        deps = {dep for found in lineage.values() for dep in found}
        assert {dep.asset_key for dep in deps} == {raw_key(source)}
        assert {dep.column_name for dep in deps} <= read


def test_they_are_those_that_the_expressions_of_all_layouts_read():
    raw = dg.AssetKey(["raw", "crypto_prices"])
    candles = GRAPH.get(key_of("market.crypto_prices")).metadata["dagster/column_lineage"].deps_by_column
    assert [*candles["event_ts"]] == [*candles["known_ts"]] == [dg.TableColumnDep(raw, "Date")]
    added = {"file_id", "file_row"}  # where a row stood
    assert set(candles) == {*polars_schema(all_sources()["crypto_prices"].contract).names()} - added
    # Of the folder's name, which is in no file, nothing is made of a column.
    assert "symbol" not in GRAPH.get(key_of("market.stock_market")).metadata["dagster/column_lineage"].deps_by_column


def test_the_columns_say_it_in_words_with_links_since_the_ui_draws_none():
    raw, tweets, days = (
        f"From [{key}](/assets/{key}): " for key in ("raw/crypto_prices", "social/elon_tweets", "features/stock_daily")
    )
    assert described("market.crypto_prices")["close"].endswith(f"\n\n{raw}`Close`.")
    assert f"{tweets}`author`; " in described("features.tweet_daily")["author"]
    assert described("online.stock_daily")["log_return_1d"].endswith(f"{days}`log_return_1d`.")


def test_what_is_made_of_much_is_said_once_of_the_table():
    schema = dg.TableSchema([dg.TableColumn("x", description="Sum."), dg.TableColumn("y")])
    deps = [dg.TableColumnDep(A, f"c{number}") for number in range(FEW + 1)]

    told = columns(schema, {"x": [*deps, *deps], "y": deps[:1]})

    assert [one.description for one in told["dagster/column_schema"].columns] == [
        "Sum.",
        "From [market/a](/assets/market/a): `c0`.",
    ]
    assert told["made of"].value == "[market/a](/assets/market/a): `c0`, `c1`, `c2`, `c3`, `c4`, `c5`"


PAGES = {
    ("studies.dogecoin", "report"): "dogecoin.html",
    ("studies.mood", "report"): "mood.html",
    ("studies.trends", "report"): "trends.html",
    ("reports.order_book_incidents", "report"): "order_book_incidents.html",
    (MODEL.report, "report"): f"{MODEL.name}.html",
    **{(MODEL.drift, f"report_of_{sample}"): f"{MODEL.name}_drift_of_{sample}.html" for sample in SAMPLES},
}


@pytest.mark.parametrize(("asset", "label"), PAGES, ids=str)
def test_reports_are_linked_from_their_assets_where_the_api_is_now(
    asset: str, label: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CRYPTODUDEZ_API_URL", "https://signals.example/api/")

    link = defs().resolve_asset_graph().get(key_of(asset)).metadata[label]

    assert link == dg.MetadataValue.url(f"https://signals.example/api/reports/{PAGES[asset, label]}")
