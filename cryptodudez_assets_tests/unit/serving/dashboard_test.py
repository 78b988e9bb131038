"""The dashboard without a browser: what is gathered, what is said about it, and what is served to whom."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from cryptodudez_assets.declared_models.signal import Coin
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.samples import fix_last_day
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.signal.signal import OF_PLANTED
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import take_in
from cryptodudez_assets_tests.dashboard_states import register, skilled, unskilled
from cryptodudez_assets_tests.ether import ETHER
from cryptodudez_assets_tests.findings_builder import CHOSEN, findings
from serving.dashboard import Board, NoDecision, Today, dashboard, data_page
from serving.dashboard.data import gather
from serving.dashboard.frame import ago, percent
from serving.dashboard.plot import date_ticks, log_ticks
from serving.dashboard.prices import RANGES
from serving.dashboard.signal_page import render

NOTHING = NoDecision("eth_signal cannot answer: no version was promoted yet")


def page_of(lake: Lake, today: Today | NoDecision = NOTHING) -> str:
    return render(gather(lake, ETHER, lambda: today))


def client_of(lake: Lake, today: Today | NoDecision = NOTHING) -> TestClient[Litestar]:
    return TestClient(Litestar([dashboard(lake.settings, {ETHER: lambda: today})]))


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_an_empty_platform_says_what_to_do(lake: Lake):
    page = page_of(lake)

    assert "No decision yet" in page
    assert "make demo" in page
    assert "cryptodudez run" in page
    assert not lake.settings.home.joinpath("models").exists()  # looking at it makes nothing


def test_skill_is_shown_with_its_evidence(lake: Lake):
    text = text_of(page_of(lake, skilled(lake)))

    assert "Ethereum BUY Why most by " in text
    assert "How sure high confidence, probability 62%" in text
    assert "Why believe it Skill: every test is passed" in text
    assert "BUY a rise 62%" in text
    assert "+8.1 points" in text
    assert "Track record of eth_signal-1 Skill" in text
    assert "not in use" not in text
    assert text.count("Passed") == 4
    assert "4 of 4 passed" in text
    assert "tale" not in text


def test_without_skill_it_says_why_not_and_shows_the_model_that_waits(lake: Lake):
    text = text_of(page_of(lake, unskilled(lake)))

    assert (
        "Ethereum HODL Why its data are too old to say more How sure low confidence, probability 24% How fresh" in text
    )
    assert "The model alone would say BUY." in text
    assert "Stale. It stands on data that are" in text
    assert "Why not to trade on it The base rates are in use" in text
    assert "Nothing: the base rates are in use." in text
    assert "Track record of eth_signal-2 not in use: no skill" in text
    assert text.count("Failed") == 3


@pytest.mark.parametrize("reach", RANGES)
def test_the_legend_names_the_turns_that_are_marked(lake: Lake, reach: str):
    today = skilled(lake)
    page = render(gather(lake, ETHER, lambda: today, reach))
    figure = page[page.index('<figure class="prices">') : page.index("</figure>")]

    for said in ("BUY", "SELL"):
        assert (f"turned to {said}" in text_of(figure)) == (f'class="mark {said.lower()} ' in figure)
    assert "turned to" in text_of(figure) or reach == "1m"


def test_sample_data_are_said_to_be_simulated(lake: Lake):
    assert "simulated" not in text_of(page_of(lake))
    fix_last_day(lake.settings, date(2026, 11, 26))
    assert "simulated by the demo, up to 26 November 2026." in text_of(page_of(lake))


def test_a_planted_signal_is_told_on_the_first_screen(lake: Lake):
    today = skilled(lake)
    fix_last_day(lake.settings, date(2026, 11, 26))
    for notes, words in (([], "sample data"), ([OF_PLANTED], "planted by the demo")):
        first = page_of(lake, replace(today, notes=notes)).partition("<figure")[0]
        assert words in text_of(first)


def test_what_is_stale_says_what_to_do(lake: Lake):
    today = unskilled(lake)
    assert "Land newer files of crypto_prices with cryptodudez land" in text_of(page_of(lake, today))
    fix_last_day(lake.settings, date(2021, 7, 5))
    text = text_of(page_of(lake, today))
    assert "for a signal of today begin with another CRYPTODUDEZ_HOME and cryptodudez demo" in text


def test_without_a_decision_it_says_why_and_offers_the_demo_to_an_empty_lake_only(
    lake: Lake, drop: Callable[[str, str, bytes], object]
):
    why = NoDecision("eth_signal cannot answer: too little to train on: 277 days")
    empty = text_of(page_of(lake, why))
    assert "Eth_signal cannot answer: too little to train on: 277 days." in empty
    assert "make demo" in empty
    assert "Nothing yet of binance archives," in empty

    candles = b"SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n1,Ethereum,ETH,banana,2,1,1.5,1.5,1,1\n"
    drop("crypto_prices", "a.csv", candles)
    take_in(lake, all_sources()["crypto_prices"])
    landed = text_of(page_of(lake, why))
    assert "too little to train on" in landed
    assert "Land more files" in landed
    assert "make demo" not in landed


def test_baselines_stand_beside_the_model_at_the_judged_cost(lake: Lake):
    text = text_of(page_of(lake, unskilled(lake)))

    holding = next(one for one in findings().baselines if one.name == "buy_and_hold").backtest(10.0)
    assert f"buy and hold – – – {holding.total_return:+.0%}" in text


def test_a_newer_candidate_is_shown_behind_the_champion(lake: Lake):
    today = skilled(lake)
    register(lake, CHOSEN, findings().best.verdict, skill=False)

    records = gather(lake, ETHER, lambda: today).records

    assert [(one.manifest.version, one.in_use) for one in records] == [(1, True), (2, False)]


def test_a_later_review_replaces_the_verdict(lake: Lake):
    today = skilled(lake)
    registry = register(lake, "base_rates", Verdict(skill=False, words="None."))
    registry.review(1, Verdict(skill=False, words="It was luck."))

    assert "It was luck." in page_of(lake, today)


@pytest.mark.parametrize("file", ["manifest.json", "manifest.sha256", "findings.json", "predictions.parquet"])
@pytest.mark.parametrize("content", [b"{}", b"<script>", b"\xff", b""])
def test_a_version_that_was_tampered_with_is_named_and_the_rest_is_shown(lake: Lake, file: str, content: bytes):
    today = skilled(lake)
    registry = register(lake, CHOSEN, findings().best.verdict, skill=False)
    Path(registry.uri(2, file)).write_bytes(content)

    picture = gather(lake, ETHER, lambda: today)

    assert [one.manifest.version for one in picture.records] == [1]
    assert "not to be trusted eth_signal-2: " in text_of(render(picture))


@pytest.mark.parametrize("content", [b"x{", b"[]", b'{"promotions": [{"version": "../../x"}]}', b"\xff"])
def test_stages_that_were_tampered_with_leave_a_page(lake: Lake, content: bytes):
    skilled(lake)
    (lake.settings.home / "models" / "eth_signal" / "stages.json").write_bytes(content)
    text = text_of(page_of(lake))
    assert "stages.json is not what the registry writes there" in text
    assert "validation error" not in text


def test_what_others_wrote_cannot_become_markup(lake: Lake):
    today = replace(skilled(lake), verdict="<script>alert(1)</script>", reasons=["<b>"], receipt_id='"><i>')

    page = page_of(lake, today)

    assert "<script>alert" not in page
    assert "<b>" not in page
    assert '"><i>' not in page


def test_the_page_needs_nothing_from_elsewhere_and_nothing_inline(lake: Lake):
    page = page_of(lake, skilled(lake))

    assert set(re.findall(r"https?://[^/\"]+", page)) == set()
    assert "<style" not in page
    assert not re.search(r"\sstyle=|\son\w+=", page)
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/assets/board.js" defer>']


def test_it_is_served_with_a_strict_policy(lake: Lake):
    with client_of(lake) as client:
        answer = client.get("/")
        style = client.get("/assets/style.css")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert style.headers["content-type"].startswith("text/css")


def test_the_page_is_gathered_once_in_a_while(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    asked = []
    board = Board(lake, ETHER, lambda: asked.append(1))
    clock = [100.0]
    monkeypatch.setattr("serving.dashboard.kept.time.monotonic", lambda: clock[0])

    async def look() -> None:
        await asyncio.gather(board.page(), board.page(), board.page())
        assert len(asked) == 1
        clock[0] += 31
        await board.page()
        assert len(asked) == 2

    asyncio.run(look())


def test_reports_are_served_and_nothing_else(lake: Lake):
    reports = Path(lake.settings.lake) / "reports"
    reports.mkdir(parents=True)
    (reports / "dogecoin.html").write_text("<p>Wow</p>")
    (reports / "notes.txt").write_text("secret")
    (reports.parent / "up.html").write_text("secret")
    with client_of(lake) as client:
        found = client.get("/reports/dogecoin.html")
        others = [
            client.get(f"/reports/{name}").status_code
            for name in ("notes.txt", "..%2fup.html", "%2e%2e/up.html", "../up.html", "%00.html", "", "none.html")
        ]
        page = client.get("/").text

    assert found.text == "<p>Wow</p>"
    assert "script-src" not in found.headers["content-security-policy"]  # falls to `default-src 'none'`
    assert set(others) == {404}
    assert "/reports/dogecoin.html" in page


def test_freshness_and_quarantine_are_told(lake: Lake, drop: Callable[[str, str, bytes], object]):
    from cryptodudez_assets.sources import all_sources
    from cryptodudez_assets_tests.builders import take_in

    candles = b"SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
    candles += b"1,Ethereum,ETH,2021-01-01 23:59:59,2,1,1.5,1.5,100,1000\nbanana,,,garbage\n"
    drop("crypto_prices", "a.csv", candles)
    take_in(lake, all_sources()["crypto_prices"])

    data = data_page.gather(lake, "")
    health = next(one for one in data.sources if one.name == "crypto_prices")

    assert (health.status.valid, health.open_rows, health.open_files, health.status.pending) == (1, 1, 0, 0)
    assert health.freshness.newest is not None
    assert health.freshness.newest.date() == date(2021, 1, 1)
    assert health.written_at is not None
    assert datetime.now(UTC) - health.written_at < timedelta(minutes=1)
    assert "2021-01-01" in data_page.render(data, "http://127.0.0.1:3000")


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.4, 3, [0.5, 1, 2]), (1, 1, [1]), (0.09, 40_000, [0.1, 1, 10, 100, 1000, 10_000]), (2, 5, [1, 2, 5])],
)
def test_ticks_of_growth_are_round(low: float, high: float, ticks: list[float]):
    assert log_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize("n", [1, 2, 40, 365, 3000])
def test_dates_below_a_chart_are_few_and_within(n: int):
    days = [date(2018, 3, 5) + timedelta(days=i) for i in range(n)]

    for count in (3, 7):
        ticks = date_ticks(days[0], days[-1], count)
        assert len(ticks) <= count
        assert all(days[0] <= tick <= days[-1] for tick in ticks)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=5), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=1800), "1,800 days"),
    ],
)
def test_ages_read_well(age: timedelta, words: str):
    assert ago(age) == words
    assert percent(-0.5) == "−50%"


def test_the_first_signal_has_a_page_of_its_name_too_and_others_are_told(lake: Lake):
    with client_of(lake) as client:
        assert client.get("/dashboard/eth_signal").text == client.get("/").text
        missing = client.get("/dashboard/btc_signal")
    assert missing.status_code == 404
    assert "no signal of this name has a page; there are: eth_signal" in missing.text


def test_pages_of_several_signals_lead_to_each_other(lake: Lake):
    bitcoin = replace(ETHER, name="btc_signal", coin=Coin("BTC", "Bitcoin", ("bitcoin",)))
    today = skilled(lake)
    with TestClient(Litestar([dashboard(lake.settings, {ETHER: lambda: today, bitcoin: lambda: NOTHING})])) as client:
        first, other = client.get("/").text, client.get("/dashboard/btc_signal").text

    assert '<span class="asset">Ethereum</span>' in first
    assert '<a href="/dashboard/btc_signal">Bitcoin</a>' in first
    assert '<span class="asset">Bitcoin</span>' in other
    assert '<a href="/">Ethereum</a>' in other
