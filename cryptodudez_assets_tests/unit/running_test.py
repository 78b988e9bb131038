"""Which recorder `cryptodudez up` runs: of a simulated exchange beside sample data, of Bitso only what a setting names."""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from cryptodudez_assets import running
from cryptodudez_assets.feeds import all_feeds
from cryptodudez_assets.lake.samples import fix_last_day
from cryptodudez_assets.running import fetching_words, recording_words, servers_of, stand_ins_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.supervisor import Server
from cryptodudez_assets_tests.toy_feed import FEED

ALWAYS = ["code server", "daemon", "Dagster UI", "API"]


def started(settings: Settings, folder: Path) -> dict[str, Server]:
    return {one.name: one for one in servers_of(settings, folder, "127.0.0.1", 3000, 8000)}


def words_after(option: str, server: Server) -> list[str]:
    return [word for before, word in zip(server.command, server.command[1:], strict=False) if before == option]


def test_beside_sample_data_a_simulated_exchange_is_recorded_and_that_is_said(settings: Settings, tmp_path: Path):
    fix_last_day(settings, date(2024, 1, 1))
    servers = started(settings, tmp_path)

    assert list(servers) == [*ALWAYS, "simulated exchange", "recorder"]
    exchange, recorder = servers["simulated exchange"], servers["recorder"]
    [port] = words_after("--port", exchange)
    assert exchange.address == ("127.0.0.1", int(port))
    assert recorder.after == (exchange.address,)
    assert words_after("--book", recorder) == ["btc_mxn", "usd_mxn"]
    assert words_after("--rest-url", recorder) == [f"http://127.0.0.1:{port}/v3"]
    assert words_after("--ws-url", recorder) == [f"ws://127.0.0.1:{port}/ws"]
    assert words_after("--instance", recorder) == ["simulated"]
    assert not exchange.is_needed
    assert not recorder.is_needed
    assert "simulated exchange" in recording_words(settings)


def test_real_data_are_not_recorded_unless_a_setting_says_so(settings: Settings, tmp_path: Path):
    assert list(started(settings, tmp_path)) == ALWAYS
    assert recording_words(settings) == ""

    wanted = settings.model_copy(update={"record_books": "MXN_BTC, usd_mxn btc_mxn"})
    recorder = started(wanted, tmp_path)["recorder"]
    assert words_after("--book", recorder) == ["btc_mxn", "usd_mxn"]
    assert "--rest-url" not in recorder.command
    assert recording_words(wanted) == "recording btc_mxn, usd_mxn of Bitso"


def test_beside_sample_data_the_setting_names_the_books_that_are_simulated(settings: Settings, tmp_path: Path):
    fix_last_day(settings, date(2024, 1, 1))
    servers = started(settings.model_copy(update={"record_books": "eth_mxn"}), tmp_path)
    assert words_after("--books", servers["simulated exchange"]) == words_after("--book", servers["recorder"])
    assert words_after("--book", servers["recorder"]) == ["eth_mxn"]


def test_what_is_no_book_is_named_with_the_setting(settings: Settings, tmp_path: Path):
    with pytest.raises(ValueError, match="CRYPTODUDEZ_RECORD_BOOKS: 'bitcoin' is no book"):
        started(settings.model_copy(update={"record_books": "btc_mxn,bitcoin"}), tmp_path)


@pytest.mark.parametrize("url", ["http://127.0.0.1/ws", "ws://", "ws://user:secret@host/ws", "wss://host/ws?x"])
def test_the_address_of_a_websocket_is_looked_at(tmp_path: Path, url: str):
    with pytest.raises(ValidationError) as refused:
        Settings(home=tmp_path, bitso_ws_url=url)
    assert "secret" not in str(refused.value)
    assert Settings(home=tmp_path, bitso_ws_url="ws://127.0.0.1:8900/ws").bitso_ws_url == "ws://127.0.0.1:8900/ws"


@pytest.fixture
def binance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed of that name is declared, whatever is declared besides."""
    declared = {**all_feeds(), "binance": replace(FEED, name="binance", venue="Binance")}
    monkeypatch.setattr(running, "all_feeds", lambda: declared)


@pytest.mark.usefixtures("binance")
def test_beside_sample_data_a_feed_that_is_on_asks_a_simulated_venue(settings: Settings, tmp_path: Path):
    fix_last_day(settings, date(2024, 1, 1))
    on = settings.model_copy(update={"feeds": "binance"})

    [(name, url)] = stand_ins_of(on).items()
    servers = {one.name: one for one in servers_of(on, tmp_path, "127.0.0.1", 3000, 8000, {name: url})}

    [port] = words_after("--port", servers["simulated binance"])
    assert url == f"http://127.0.0.1:{port}"
    assert not servers["simulated binance"].is_needed
    assert "--like" not in servers["simulated binance"].command
    assert fetching_words(on, {name: url}) == "fetching from a simulated Binance"
    assert stand_ins_of(on.model_copy(update={"binance_url": "http://127.0.0.1:1"})) == {}
    assert stand_ins_of(settings) == {}


@pytest.mark.usefixtures("binance")
def test_the_simulated_venue_goes_on_where_the_samples_end(settings: Settings, tmp_path: Path):
    for number, name in enumerate(("tiny-7", "small-7")):
        truth = settings.samples / name / "truth" / "truth.json"
        truth.parent.mkdir(parents=True)
        truth.write_text("{}")
        os.utime(truth, (1000 + number, 1000 + number))
    servers = servers_of(settings, tmp_path, "127.0.0.1", 3000, 8000, {"binance": "http://127.0.0.1:8910"})
    [venue] = [one for one in servers if one.name == "simulated binance"]
    assert words_after("--like", venue) == [str(settings.samples / "small-7")]


@pytest.mark.usefixtures("binance")
def test_without_sample_data_a_feed_that_is_on_asks_the_venue_itself(settings: Settings):
    on = settings.model_copy(update={"feeds": "binance"})
    assert stand_ins_of(on) == {}
    assert fetching_words(on, {}) == "fetching from Binance"
    assert fetching_words(settings, {}) == ""
    with pytest.raises(ValueError, match="there is no feed 'binanec'"):
        stand_ins_of(settings.model_copy(update={"feeds": "binanec"}))
