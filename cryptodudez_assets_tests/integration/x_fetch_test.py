"""Posts are fetched from a simulated X whole and once, within its limits and the budget, whatever goes wrong."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cryptodudez_assets.cli import main
from cryptodudez_assets.defs.source_assets import feed_key
from cryptodudez_assets.feeds.x import FEED
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.simulator.venues.x import Server, x_server
from cryptodudez_assets.sources.x_posts import SOURCE
from cryptodudez_assets.venues.http import Missing
from cryptodudez_assets.venues.x.protocol import DOLLAR, POST_MICROS, USER_MICROS
from cryptodudez_assets_tests.builders import csv, readings_source
from cryptodudez_assets_tests.rig import Rig
from cryptodudez_assets_tests.x_home import (
    ELON,
    TOKEN,
    bring,
    days_ago,
    landed_posts,
    open_home,
    posts_in_table,
    true_posts,
)

OTHER = readings_source()
FAULTS = {"429": 0.04, "5xx": 0.1, "reset": 0.1, "truncated": 0.1, "hang": 0.03, "partial": 0.05}


@pytest.fixture
def server() -> Iterator[Server]:
    with x_server(token=TOKEN, accounts=3, posts_a_day=60) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, server: Server) -> Lake:
    return open_home(tmp_path / "home", server.url)


def test_every_post_lands_once_and_is_not_asked_for_again(server: Server, home: Lake):
    first, last = days_ago(6), days_ago(2)
    done = bring(home, first, last)

    assert not done.failed
    assert posts_in_table(home) == sorted(true_posts(server, first, last))
    assert len(done.keys) == -(-len(landed_posts(home)) // 100)  # whole pages
    assert server.bill.micros == len(true_posts(server, first, last)) * POST_MICROS + USER_MICROS
    asked = server.limits.asked.total()

    assert not bring(home, first, last).keys
    assert server.limits.asked.total() == asked  # not even what X counted
    assert bring(home, days_ago(8), last).keys
    assert posts_in_table(home) == sorted(true_posts(server, days_ago(8), last))


@pytest.mark.parametrize("skew", [0.0, -7200.0, 100_000.0])
def test_faults_cost_neither_posts_nor_more_than_was_planned(tmp_path: Path, skew: float):
    first, last = days_ago(9), days_ago(5)
    busy = {"accounts": 6, "posts_a_day": 41, "limit": 12, "window_seconds": 2, "faults": FAULTS | {"skew": skew}}
    with x_server(token=TOKEN, seed=11, **busy) as server:
        users = [*server.world.accounts]
        expected = sorted(post for user in users for post in true_posts(server, first, last, user))
        budget = len(expected) * POST_MICROS + len(users) * USER_MICROS + 10 * POST_MICROS
        home = open_home(tmp_path / "home", server.url, dollars=str(budget / DOLLAR))
        times = 0
        while bring(home, first, last, user=users).failed and times < 5:
            times += 1

    assert posts_in_table(home) == expected
    assert server.bill.repeats > 0  # else no answer was lost on its way
    assert server.bill.micros <= budget
    assert not server.limits.refused
    assert server.limits.in_storms.total() <= 3 * server.limits.storms  # those that were on their way
    assert not server.strangers


def test_without_a_token_or_money_it_says_what_is_missing_and_asks_nothing(tmp_path: Path, server: Server):
    for dollars, token, told in [
        ("5", None, "CRYPTODUDEZ_X_TOKEN"),
        ("0", TOKEN, "CRYPTODUDEZ_X_DOLLARS_A_MONTH"),
    ]:
        home = open_home(tmp_path / f"home{dollars}", server.url, dollars, token)
        with pytest.raises(Missing, match=told):
            bring(home, days_ago(2), days_ago(1))
    assert not server.limits.asked


def test_a_spent_budget_refuses_the_next_call_and_says_so(tmp_path: Path, server: Server):
    home = open_home(tmp_path / "home", server.url, dollars="0.30")
    done = bring(home, days_ago(3), days_ago(2))
    asked = server.limits.asked["timeline"]

    assert "may cost $0.035: $0.30 of $0.30 spent; $0.00 left" in done.failed["user-44196397"]
    assert server.bill.micros == 0.30 * DOLLAR
    assert len(landed_posts(home)) == 58  # a page of what could be afforded, and the user
    with pytest.raises(Missing, match=r"\$0\.00 left in 20"):
        bring(home, days_ago(3), days_ago(2))
    assert server.limits.asked["timeline"] == asked


def test_a_clock_that_cannot_be_right_opens_no_other_month_s_budget(tmp_path: Path):
    with x_server(token=TOKEN, accounts=1, posts_a_day=60, faults={"skew": 40 * 86_400.0}) as server:
        home = open_home(tmp_path / "home", server.url)
        done = bring(home, days_ago(6), days_ago(2))
        assert server.bill.micros == 0
    assert not done.keys
    assert "expected less than 2 days between" in done.failed[f"user-{ELON}"]


def test_what_others_read_with_the_same_account_is_spent_too(tmp_path: Path, server: Server):
    server.bill.read(map(str, range(150)), [], server.now())
    home = open_home(tmp_path / "home", server.url, dollars="0.77")

    with pytest.raises(Missing, match=r"\$0\.75 read elsewhere with this account"):
        bring(home, days_ago(3), days_ago(2))


def test_nothing_more_is_asked_once_x_sells_no_more_this_month(tmp_path: Path):
    with x_server(token=TOKEN, accounts=4, posts_a_day=60, cap=100) as server:
        home = open_home(tmp_path / "home", server.url)
        done = bring(home, days_ago(4), days_ago(2), user=[*server.world.accounts])

    assert len(done.failed) == 4
    assert all("Usage cap exceeded" in told for told in done.failed.values())
    assert server.limits.asked["timeline"] <= 4 + 1  # one of each that was under way


def test_a_wrong_token_and_a_user_that_is_not_there_are_told(tmp_path: Path, server: Server):
    wrong = bring(open_home(tmp_path / "one", server.url, token="other"), days_ago(3), days_ago(2))  # noqa: S106
    assert "401: Unauthorized" in wrong.failed["user-44196397"]
    nobody = bring(open_home(tmp_path / "two", server.url), days_ago(3), days_ago(2), user=["1"])
    assert "Could not find user with id: [1]" in nobody.failed["user-1"]
    assert server.bill.micros == 0


def test_without_a_token_the_asset_says_so_and_the_rest_of_the_graph_runs(
    lake: Lake, server: Server, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {"FEEDS": "x", "X_URL": server.url, "X_DOLLARS_A_MONTH": "5", "SETTLE_SECONDS": "0"}.items():
        monkeypatch.setenv(f"CRYPTODUDEZ_{name}", value)
    rig = Rig(lake, [OTHER, SOURCE], feeds=[FEED])
    rig.drop("a.csv", csv("one", range(3)).decode())

    result = rig.materialize([feed_key(FEED)])
    rest = rig.ingest()

    assert result.success
    assert not result.get_asset_materialization_events()
    assert rest.success
    assert rig.rows(OTHER.table).height == 3
    assert not server.limits.asked


def asked_by_command(monkeypatch: pytest.MonkeyPatch, home: Lake, token: str) -> Result:
    told = {"HOME": home.settings.home, "X_URL": home.settings.x_url, "X_TOKEN": token, "X_DOLLARS_A_MONTH": 5}
    for name, value in told.items():
        monkeypatch.setenv(f"CRYPTODUDEZ_{name}", str(value))
    return CliRunner().invoke(main, ["fetch", "x"])


def test_the_command_says_what_is_wrong_and_nothing_of_what_did_not_land(home: Lake, monkeypatch: pytest.MonkeyPatch):
    result = asked_by_command(monkeypatch, home, "hunter2")

    assert result.exit_code == 1
    assert "X does not know the token in CRYPTODUDEZ_X_TOKEN" in result.output
    assert "landed" not in result.output
    assert "hunter2" not in result.output


def test_who_stops_the_command_is_told_that_it_goes_on(home: Lake, server: Server, monkeypatch: pytest.MonkeyPatch):
    server.force("hang", after=1)

    def stop() -> None:
        while not server.struck["hang"]:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    stops = threading.Thread(target=stop)
    stops.start()
    result = asked_by_command(monkeypatch, home, TOKEN)
    stops.join()

    assert result.exit_code == 1
    assert "the same command goes on behind it" in result.output
