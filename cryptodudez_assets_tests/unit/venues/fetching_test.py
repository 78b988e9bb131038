"""The client of what is fetched, against a server over real HTTP: patient where that helps, bounded, and silent about secrets."""

import asyncio
import gzip
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cryptodudez_assets.venues import governor as governing
from cryptodudez_assets.venues.fetching import Http, Trouble, by_status
from cryptodudez_assets.venues.governor import Governor
from cryptodudez_assets.venues.http import Failed
from cryptodudez_assets.venues.pages import Answer, Patience, Request
from cryptodudez_assets_tests.scripted_venue import Reply, Venue, listening, rows

QUICK = Patience(attempts=4, first_wait=0.01, longest_wait=2, read_timeout=0.5, whole_answer=1)
BUSY = Reply(b"{}", 503)
THINGS = Request("api/things", {"of": "x y", "limit": "2"})


@pytest.fixture
def venue() -> Iterator[Venue]:
    with listening(Venue()) as there:
        yield there


def governor(folder: Path, limits: tuple[tuple[int, float], ...] = ((1000, 1.0),)) -> Governor:
    return Governor(folder / "requests.json", limits)


def ask(
    venue: Venue, folder: Path, *, times: int = 1, weight: int = 1, told: list[str] | None = None, **options
) -> Answer:  # type: ignore[no-untyped-def]
    limits = options.pop("limits", ((1000, 1.0),))

    async def run() -> Answer:
        said = told if told is not None else []
        client = Http("Toyland", options.pop("url", venue.url), **{"patience": QUICK, "tell": said.append, **options})
        try:
            for _ in range(times):
                answer = await client.ask(THINGS, governor(folder, limits), weight)
        finally:
            await client.close()
        return answer

    return asyncio.run(run())


def test_an_answer_is_the_bytes_that_came_and_tells_how_it_was_asked_for(venue: Venue, tmp_path: Path):
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    headers = {"Date": "Sun, 01 Mar 2026 12:00:00 GMT", "Set-Cookie": "secret=1", "X-Weight": "7", "X-Simulated": "yes"}
    venue.script.append(Reply(b"[1, 2 ]\n", headers=headers))

    answer = ask(venue, tmp_path, headers={"Authorization": "Bearer hunter2"})

    assert (answer.body, answer.status, answer.server_time, answer.told_at) == (b"[1, 2 ]\n", 200, at, at)
    assert answer.url == f"{venue.url}/api/things?of=x+y&limit=2"
    assert answer.headers["x-weight"] == "7"
    assert answer.is_simulated
    assert "hunter2" not in repr(answer)
    assert "set-cookie" not in answer.headers
    assert venue.asked[0].headers["authorization"] == "Bearer hunter2"


@pytest.mark.parametrize(
    "fault",
    [BUSY, Reply(status=429), Reply(rows(*range(50)), cut=10), Reply(seconds=0.8), Reply(b"", 500)],
    ids=["busy", "too many", "cut off", "silent", "broken"],
)
def test_what_may_be_better_soon_is_asked_again(venue: Venue, tmp_path: Path, fault: Reply):
    venue.script.extend([fault, fault])
    told: list[str] = []

    assert ask(venue, tmp_path, told=told).body == b"[]"
    assert len(venue.asked) == 3
    assert [line.endswith("asking again") for line in told] == [True, True]


def test_patience_ends(venue: Venue, tmp_path: Path):
    venue.always = BUSY
    with pytest.raises(
        Failed, match=r"^Toyland, api/things: gave up after 4 attempts: status 503 Service Unavailable$"
    ):
        ask(venue, tmp_path)
    assert len(venue.asked) == 4


def test_whoever_cannot_be_reached_is_asked_nothing_more(venue: Venue, tmp_path: Path):
    there = "127.0.0.1:1"
    with pytest.raises(Failed, match=f"gave up after 4 attempts: no connection to {there}: ") as raised:
        ask(venue, tmp_path, url=f"http://{there}")
    assert raised.value.for_all


@pytest.mark.parametrize("as_date", [False, True])
def test_nobody_asks_before_the_time_that_the_venue_names_by_its_own_clock(venue: Venue, tmp_path: Path, as_date: bool):
    """Its clock is an hour ahead of ours."""
    server = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    after = f"{server + timedelta(seconds=1):%a, %d %b %Y %H:%M:%S GMT}" if as_date else "1"
    venue.script.append(
        Reply(status=429, headers={"Retry-After": after, "Date": f"{server:%a, %d %b %Y %H:%M:%S GMT}"})
    )

    ask(venue, tmp_path)

    assert venue.asked[1].at - venue.asked[0].at >= 1
    assert venue.asked[1].at - venue.asked[0].at < 1.5


def test_a_ban_that_is_longer_than_patience_is_told_and_holds_for_everybody(venue: Venue, tmp_path: Path):
    venue.script.append(Reply(status=429, headers={"Retry-After": "120"}))

    with pytest.raises(Failed, match="it asks to come back in 120 seconds") as failed:
        ask(venue, tmp_path)
    assert failed.value.for_all

    with pytest.raises(Failed, match=r"nobody may ask for 1[12]\d seconds"):
        ask(venue, tmp_path)
    assert len(venue.asked) == 1


def test_no_more_is_asked_than_the_limit_allows(venue: Venue, tmp_path: Path):
    ask(venue, tmp_path, times=7, weight=2, limits=((6, 0.5),))

    times = [asked.at for asked in venue.asked]
    assert max(sum(begin <= at < begin + 0.45 for at in times) for begin in times) <= 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_what_will_not_change_is_told_at_once(venue: Venue, tmp_path: Path, status: int):
    venue.script.append(Reply(status=status))
    with pytest.raises(Failed, match=f"Toyland, api/things: status {status}") as failed:
        ask(venue, tmp_path)
    assert (failed.value.status, len(venue.asked)) == (status, 1)


def test_a_venue_judges_its_own_answers(venue: Venue, tmp_path: Path):
    def judge(answer: Answer) -> Trouble | None:
        if answer.body.startswith(b"half"):
            return Trouble("half an answer", again=True)
        return by_status(answer)

    venue.script.append(Reply(b"half"))
    assert ask(venue, tmp_path, judge=judge).body == b"[]"
    assert len(venue.asked) == 2


def test_nobody_is_led_elsewhere(venue: Venue, tmp_path: Path):
    with listening(Venue()) as other:
        venue.script.append(Reply(status=302, headers={"Location": other.url}))
        with pytest.raises(Failed, match="status 302 Found"):
            ask(venue, tmp_path, headers={"Authorization": "Bearer hunter2"})
        assert other.asked == []


def test_an_answer_without_end_is_not_taken(venue: Venue, tmp_path: Path):
    venue.script.append(Reply(bytes(5000)))
    with pytest.raises(Failed, match="an answer of more than 4000 bytes"):
        ask(venue, tmp_path, max_bytes=4000)


@pytest.mark.parametrize("url", ["http://venue.example", "http://10.0.0.1", "ftp://127.0.0.1", "venue.example"])
def test_only_https_or_this_machine_is_asked(tmp_path: Path, url: str):
    with pytest.raises(Failed, match="neither https nor on this machine"):
        ask(Venue(), tmp_path, url=url)


def test_without_a_place_to_count_nobody_is_asked(venue: Venue, tmp_path: Path):
    counts = governor(tmp_path)
    (tmp_path / "requests.json").mkdir()

    async def run() -> None:
        client = Http("Toyland", venue.url, patience=QUICK)
        try:
            await client.ask(THINGS, counts)
        finally:
            await client.close()

    with pytest.raises(Failed, match="requests cannot be counted, so none is made: Is a directory"):
        asyncio.run(run())
    assert venue.asked == []


def test_parameters_of_a_request_are_told_whole(venue: Venue, tmp_path: Path):
    ask(venue, tmp_path)
    told: Mapping[str, str] = venue.asked[0].parameters
    assert told == {"of": "x y", "limit": "2"}


NONSENSE = ["9" * 400, "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "-1", "\u00b2", "nan"]


@pytest.mark.parametrize("told", NONSENSE)
def test_times_that_are_none_end_nothing_and_no_ban_is_forgotten(venue: Venue, tmp_path: Path, told: str):
    venue.always = Reply(status=429, headers={"Retry-After": told, "Date": told})
    governor(tmp_path).lock(100)
    with pytest.raises(Failed, match="nobody may ask for"):
        ask(venue, tmp_path)
    governor(tmp_path).lock(0)

    with pytest.raises(Failed):
        ask(venue, tmp_path)

    if told == "9" * 400:
        assert governor(tmp_path).take() > 86_400


def test_what_unpacks_without_bound_is_refused(venue: Venue, tmp_path: Path):
    layers = gzip.compress(gzip.compress(b"[]"))
    for packed, body in {"gzip, gzip": layers, "zstd": b"\x28\xb5\x2f\xfd", "br": b""}.items():
        venue.script.append(Reply(body, headers={"Content-Encoding": packed}))
        with pytest.raises(Failed, match=f"an answer packed as '{packed}', expected gzip or deflate"):
            ask(venue, tmp_path)
    venue.script.append(Reply(gzip.compress(b"[]"), headers={"Content-Encoding": "gzip"}))
    assert ask(venue, tmp_path).body == b"[]"
    assert {one.headers["accept-encoding"] for one in venue.asked} == {"gzip, deflate"}


def dated(days: float) -> Reply:
    return Reply(headers={"Date": f"{datetime.now(UTC) + timedelta(days=days):%a, %d %b %Y %H:%M:%S GMT}"})


@pytest.mark.parametrize(("days", "is_live"), [(2.1, False), (30_000, False), (-2.1, True)])
def test_a_clock_that_cannot_be_right_is_not_believed(venue: Venue, tmp_path: Path, days: float, is_live: bool):
    venue.script.append(dated(days))

    with pytest.raises(Failed, match=r"its clock says .*, this machine's .*: expected less than 2 days") as failed:
        ask(venue, tmp_path, is_live=is_live)

    assert failed.value.for_all
    assert failed.value.status is None  # whether it was paid for is not known
    assert len(venue.asked) == 1


@pytest.mark.parametrize(("days", "is_live"), [(1.9, True), (-1.9, True), (-400, False)])
def test_a_clock_that_is_off_or_what_comes_out_of_a_cache_is(venue: Venue, tmp_path: Path, days: float, is_live: bool):
    venue.script.append(dated(days))
    assert ask(venue, tmp_path, is_live=is_live).server_time is not None


def test_whoever_waits_for_a_turn_is_told_how_long(venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    ask(venue, tmp_path, times=2, told=told, limits=((1, 0.3),))
    assert told == []  # of a moment nobody speaks
    monkeypatch.setattr(governing, "TOLD_SECONDS", 0.2)
    ask(venue, tmp_path / "other", times=2, told=told, limits=((1, 1.4),))
    [line] = told
    assert re.fullmatch("Toyland, api/things: its limit is reached, or it said so; asking in [01] s", line)
