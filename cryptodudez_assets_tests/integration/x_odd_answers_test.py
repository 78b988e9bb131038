"""A venue that answers oddly: a fetch ends, keeps what was paid for, and repeats no token."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cryptodudez_assets.feeds.x import FEED
from cryptodudez_assets.fetching.access import access_of
from cryptodudez_assets.fetching.compliance import honour
from cryptodudez_assets.fetching.run import Fetched
from cryptodudez_assets.simulator.venues.x import x_server
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.venues.http import Missing
from cryptodudez_assets.venues.x import client
from cryptodudez_assets.venues.x.client import XClient
from cryptodudez_assets.venues.x.compliance import ComplianceClient
from cryptodudez_assets.venues.x.protocol import Compliance
from cryptodudez_assets_tests.builders import open_lake, take_in
from cryptodudez_assets_tests.x_home import ELON, TOKEN, bring, days_ago, landed_posts, open_home

SECRET = "sesame-open-sesame"  # noqa: S105
Answers = Callable[[str, dict[str, str]], tuple[int, dict[str, str], Any]]


@contextmanager
def answering(answer: Answers) -> Iterator[tuple[str, list[str]]]:
    """A server that answers so; gives its address and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if not url.path.endswith("usage/tweets"):
                asked.append(self.path)
            status, headers, body = answer(url.path, {name: told[0] for name, told in parse_qs(url.query).items()})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/2", asked
    finally:
        server.shutdown()
        server.server_close()


def fetched(folder: Path, answer: Answers, token: str = SECRET) -> tuple[Fetched, list[str], Any]:
    with answering(answer) as (url, asked):
        home = open_home(folder, url, token=token)
        return bring(home, days_ago(3), days_ago(2), user=[ELON]), asked, home


def page(*posts: dict[str, Any], token: str = "") -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"data": [*posts], "meta": {"result_count": len(posts), **({"next_token": token} if token else {})}}


def usage(path: str, usage: int = 0) -> tuple[int, dict[str, str], Any] | None:
    at = datetime.now(UTC).strftime("%Y-%m-%dT00:00:00.000Z")
    if path.endswith("usage/tweets"):
        return 200, {}, {"data": {"daily_project_usage": {"usage": [{"date": at, "usage": usage}]}}}
    return None


@pytest.mark.parametrize("token", [f"{SECRET}\n", f"{SECRET}\r", "se\nsame", "sésame-öffne-dich", f" {SECRET}"])
def test_a_token_that_cannot_be_one_is_refused_without_a_call_and_never_repeated(tmp_path: Path, token: str) -> None:
    asked: list[str] = []
    with pytest.raises(Missing, match="CRYPTODUDEZ_X_TOKEN") as refused:
        fetched(tmp_path / "home", lambda path, _: asked.append(path) or page(), token)  # type: ignore[func-returns-value]
    assert "same" not in str(refused.value)
    assert asked == []


def test_a_token_that_the_venue_repeats_is_neither_kept_nor_told(tmp_path: Path) -> None:
    echo = {"x-echo": f"Bearer {SECRET}"}
    done, _, _ = fetched(tmp_path / "a", lambda path, _: usage(path) or (200, echo, page(post(1))[2]))
    assert not done.failed
    kept = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert any("x-echo" in path.read_text("utf-8", "replace") for path in kept)
    assert not any(SECRET.encode() in path.read_bytes() for path in kept)
    refused = {"title": "Forbidden", "detail": f"not with {SECRET} " + "and so on " * 200}
    done, _, _ = fetched(tmp_path / "b", lambda path, _: usage(path) or (403, {}, refused))
    (reason,) = set(done.failed.values())
    assert "not with …" in reason
    assert SECRET not in reason
    assert len(reason) < 1000
    told = {**page(post(1))[2], "errors": [{"detail": f"nor {SECRET}"}]}
    done, _, _ = fetched(tmp_path / "c", lambda path, _: usage(path) or (200, {"content-encoding": SECRET}, told))
    assert "packed as '…'" in str(done.failed)
    assert SECRET not in str(done.failed)


@pytest.mark.parametrize(
    "stamps", ["99999999T999999Z_" * 4, "20261120T000000Z_20261120T000000Z_20261101T000000Z_20261101T000000Z_"]
)
def test_a_file_that_is_named_like_no_answer_is_passed_over(tmp_path: Path, stamps: str) -> None:
    with answering(lambda path, _: usage(path) or page(post(1))) as (url, asked):
        home = open_home(tmp_path / "home", url)
        assert not bring(home, days_ago(3), days_ago(3), user=[ELON]).failed
        (there,) = {
            Path(home.settings.lake) / one.key for one in home.store.list("raw/x_posts") if "request" not in one.key
        }
        there.with_name(f"{stamps[:-1]}.json").write_text("{}")
        assert not bring(home, days_ago(2), days_ago(2), user=[ELON]).failed
    assert len(asked) == 2


def test_a_recent_search_of_long_ago_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with answering(lambda path, _: usage(path) or page()) as (url, asked):
        done = bring(open_home(tmp_path / "home", url), days_ago(20), days_ago(2), recent=["ether"])
    assert "begin later (--from)" in next(iter(done.failed.values()))
    assert asked == []


def test_one_refusal_for_all_is_enough(tmp_path: Path) -> None:
    refused = {"title": "Unauthorized", "detail": "Unauthorized"}
    with answering(lambda path, _: usage(path) or (401, {}, refused)) as (url, asked):
        done = bring(open_home(tmp_path / "home", url), days_ago(3), days_ago(2), user=[ELON, "12", "13", "14", "15"])
    assert len(done.failed) == 5
    assert len(asked) == 1


def post(number: int, at: str | None = None, **more: str) -> dict[str, Any]:
    written = at or (datetime.now(UTC) - timedelta(days=2, seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {"id": str(1_900_000_000_000_000_000 + number), "text": "hello", "created_at": written, **more}


@pytest.mark.parametrize("posts", [[post(1)], [], [{"id": "1900000000000000001", "text": "hello"}]])
def test_pages_without_end_are_told_as_such(tmp_path: Path, posts: list[dict[str, Any]]) -> None:
    done, asked, _ = fetched(tmp_path / "home", lambda path, _: usage(path) or page(*posts, token="again"))  # noqa: S106
    assert "without end" in done.failed[next(iter(done.failed))]
    assert len(asked) < 5


@pytest.mark.parametrize("at", ["2026-11-20T10:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00"])
def test_what_was_paid_for_lands_however_odd_its_times(tmp_path: Path, at: str) -> None:
    told = [post(1), post(2, at)]
    done, _, home = fetched(tmp_path / "home", lambda path, _: usage(path) or page(*told))
    assert not done.failed
    assert len(landed_posts(home)) == 2


def test_a_post_of_another_time_does_not_end_the_paging(tmp_path: Path) -> None:
    old = post(3, "0001-01-02T00:00:00Z")

    def answer(path: str, asked: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        is_first = asked.get("end_time", "") > (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return usage(path) or (page(post(1), old, token="more") if is_first else page(post(2)))  # noqa: S106

    done, asked, home = fetched(tmp_path / "home", answer)
    assert not done.failed
    assert len(asked) == 2
    assert len(landed_posts(home)) == 3


def test_half_a_pair_of_code_units_in_a_text_is_no_fault_of_a_page(tmp_path: Path) -> None:
    body = json.dumps(page(post(1))[2]).replace("hello", "cut \\ud83d").encode()
    done, asked, home = fetched(tmp_path / "home", lambda path, _: usage(path) or (200, {}, body))
    assert not done.failed
    assert len(asked) == 1
    assert len(landed_posts(home)) == 1
    worse = body.replace(b'"id": "19', b'"id": "\\ud83d19')
    assert worse != body
    done, _, _ = fetched(tmp_path / "worse", lambda path, _: usage(path) or (200, {}, worse))
    assert not done.failed


@pytest.mark.parametrize("counted", [10**25, 10**9, -5])
def test_a_count_that_cannot_be_spends_nothing(tmp_path: Path, counted: int) -> None:
    done, asked, home = fetched(tmp_path / "home", lambda path, _: usage(path, counted) or page(post(1)))
    assert not done.failed
    assert len(asked) == 1
    assert XClient(access_of(home.settings, FEED)).spending.standing().elsewhere == 0


def test_a_timeline_that_ends_before_its_span_is_not_taken_for_all_of_it(tmp_path: Path) -> None:
    with x_server(token=TOKEN, accounts=1, posts_a_day=400) as server:
        home = open_home(tmp_path / "home", server.url)
        bring(home, days_ago(20), days_ago(1), user=[ELON])
        keys = [one.key for one in home.store.list("raw/x_posts") if not one.key.endswith(".request.json")]
    begins = min(key.rsplit("/", 1)[1].split("_")[1] for key in keys)
    assert f"{days_ago(20):%Y%m%d}" < begins
    # Today's posts are among the newest 3,200, too, and are not asked for: up to 400 by midnight.
    assert 2700 < len(set(landed_posts(home))) <= 3200


def test_an_attempt_that_was_lost_is_not_made_again_on_the_next_day(tmp_path: Path) -> None:
    """X counts a post once a day: on the next one it would be paid for twice, and only once kept back."""
    lost: list[str] = []

    def reset(path: str, _: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        counted = usage(path)
        if counted is None:
            lost.append(path)
        return counted or (503, {}, {})

    with answering(reset) as (url, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_end_of_day", lambda moment: moment)
        done = bring(open_home(tmp_path / "home", url), days_ago(3), days_ago(2), user=[ELON])
    assert "paid for twice" in next(iter(done.failed.values()))
    assert len(lost) == 1


def test_posts_that_are_only_set_aside_are_asked_about(tmp_path: Path) -> None:
    source = all_sources()["bitcoin_tweets"]
    with x_server(token=TOKEN) as server:
        lake = open_lake(open_home(tmp_path / "home", server.url).settings)
        folder = Path(lake.settings.lake) / "raw" / source.name
        folder.mkdir(parents=True)
        bad = {"id": 1187859741222608896, "date": "yesterday", "text": "tulips", "user": "ossip"}
        short = {**bad, "id": 21, "place": {"id": 12}}
        (folder / "posts.json").write_text(json.dumps(bad) + "\n" + json.dumps(short) + "\n")
        take_in(lake, source)
        asked: list[str] = []

        class Client(ComplianceClient):
            async def gone(self, ids: Any) -> list[Compliance]:
                asked.extend(ids)
                return []

        told = honour(lake, access_of(lake.settings, FEED), lambda _: [], Client).told
    assert set(asked) == {"1187859741222608896", "21"}
    assert told == f"asked about {len(asked)} posts: all may be kept"
