"""The online store: the same on SQLite, PostgreSQL and Redis."""

import random
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from cryptodudez_assets.feature_store.online import OnlineStore, open_online_store
from cryptodudez_assets.feature_store.point_in_time import History, join_as_of
from cryptodudez_assets_tests.toy_views import FORECAST, MOOD, TTL, WEATHER, after, row, rows

OSLO = {"place": "Oslo", "number": 1}
TICK = timedelta(microseconds=1)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a Redis server on a socket of its own."""
    pytest.importorskip("redis", reason="no Redis client: the extra `redis` is not installed")
    server = shutil.which("redis-server") or shutil.which("valkey-server")
    if server is None:
        pytest.skip("no Redis server: neither redis-server nor valkey-server is on the path")
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    command = [server, "--port", "0", "--unixsocket", str(folder / "socket"), "--dir", str(folder), "--save", ""]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    deadline = time.monotonic() + 30
    while not (folder / "socket").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"no Redis came up:\n{(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.05)
    yield f"unix://{folder / 'socket'}"
    process.kill()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'online.db'}"
    if request.param == "postgresql":
        return str(request.getfixturevalue("database"))
    return f"{request.getfixturevalue('redis_url')}?db={random.randrange(16)}"


@pytest.fixture
def online(url: str) -> Iterator[OnlineStore]:
    store = open_online_store(url)
    for view in (WEATHER, FORECAST, MOOD):
        store.drop(view.name)
    yield store
    store.close()


def write(store: OnlineStore, *values: dict[str, Any]) -> None:
    store.write(WEATHER, rows(WEATHER, *values))


def count(store: OnlineStore, now: datetime, **key: Any) -> Any:
    return store.read(WEATHER, [OSLO | key], ["count"], now)[0]["count"]


def test_all_types_come_back_as_they_were(online: OnlineStore):
    write(online, row(0))
    (found,) = online.read(WEATHER, [OSLO], WEATHER.features, after(1))
    assert found == {name: row(0)[name] for name in ["event_ts", "known_ts", *WEATHER.features]}
    assert {name: type(value) for name, value in found.items()} == {name: type(row(0)[name]) for name in found}
    assert found["seen"].tzinfo is UTC


@pytest.mark.parametrize("value", [0.1, -0.0, 1e22, 5e-324, 1.7976931348623157e308, 3.0])
def test_numbers_come_back_to_the_last_bit(online: OnlineStore, value: float):
    write(online, row(0, degrees=value))
    (found,) = online.read(WEATHER, [OSLO], ["degrees"], after(1))
    assert repr(found["degrees"]) == repr(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_not_a_number_is_null(online: OnlineStore, value: float | None):
    write(online, row(0, degrees=value))
    assert online.read(WEATHER, [OSLO], ["degrees"], after(1))[0]["degrees"] is None


@pytest.mark.parametrize(
    "text", ["", " ", "é €\u2028 \U0001f680", "nul\0, \"quote\", \\, 'x'", "1 2 3", "%s; DROP TABLE"]
)
def test_text_comes_back_as_it_was_in_keys_too(online: OnlineStore, text: str):
    write(online, row(0, words=text, place=text), row(0))
    (found,) = online.read(WEATHER, [OSLO | {"place": text}], ["words"], after(1))
    assert found["words"] == text


def test_unknown_keys_and_nulls_get_nulls_in_the_order_asked(online: OnlineStore):
    write(online, row(0, count=1), row(0, number=2, count=2), row(0, number=3, count=None))
    keys = [{"place": "Oslo", "number": number} for number in (2, 9, None, 1, 2, 3)]
    found = online.read(WEATHER, keys, ["count", "wet"], after(1))
    assert [one["count"] for one in found] == [2, None, None, 1, 2, None]
    assert [one["wet"] for one in found] == [True, None, None, True, True, True]
    assert found[1] == dict.fromkeys(["event_ts", "known_ts", "count", "wet"])
    assert online.read(WEATHER, [], ["count"], after(1)) == []


def test_the_newest_stays_in_whatever_order_rows_come(online: OnlineStore):
    written = [row(event, known, count=i) for i, (event, known) in enumerate([(1, 1), (3, 4), (2, 9), (3, 5), (3, 3)])]
    for batch in ([written[0]], written[2:4], [written[1]], written, [written[4]]):
        write(online, *batch)
        write(online, *batch)
    assert count(online, after(9)) == 3


def test_of_the_same_times_the_last_written_stays(online: OnlineStore):
    write(online, row(1, count=1), row(1, count=2))
    assert count(online, after(1)) == 2
    write(online, row(1, count=3))
    assert count(online, after(1)) == 3


@pytest.mark.parametrize(
    ("now", "served"),
    [
        (after(2), True),
        (after(2) - TICK, False),
        (after(1) + TTL, True),
        (after(1) + TTL + TICK, False),
        (after(2).astimezone(), True),
    ],
)
def test_the_bounds_are_those_of_the_past(online: OnlineStore, now: datetime, served: bool):
    written = row(1, 2, count=7)
    write(online, written)
    assert count(online, now) == (7 if served else None)
    past = History("v", WEATHER.key, ["count"], TTL, rows(WEATHER, written))
    asked = pl.DataFrame([OSLO | {"now": now.astimezone(UTC)}], schema_overrides={"now": pl.Datetime("us", "UTC")})
    assert join_as_of(asked, "now", [past])["v__count"].item() == (7 if served else None)


def test_what_is_announced_is_not_served_before_it_happens(online: OnlineStore):
    write(online, row(2, 1, count=7))
    assert [count(online, now) for now in (after(1), after(2) - TICK, after(2))] == [None, None, 7]


def test_a_view_without_key_has_one_row(online: OnlineStore):
    online.write(MOOD, rows(MOOD, row(1, mood=0.1), row(2, mood=0.2)))
    online.write(MOOD, rows(MOOD, row(0, mood=0.3)))
    assert [one["mood"] for one in online.read(MOOD, [{}, {"other": 1}], ["mood"], after(2))] == [0.2, 0.2]


def test_views_are_kept_apart_and_dropped_alone(online: OnlineStore):
    write(online, row(0, count=1))
    online.write(FORECAST, rows(FORECAST, row(0, count=2)))
    online.drop(WEATHER.name)
    assert count(online, after(0)) is None
    assert online.read(FORECAST, [OSLO], ["count"], after(0))[0]["count"] == 2


def test_rows_without_key_or_time_and_no_rows_are_nothing(online: OnlineStore):
    nobody = rows(WEATHER, row(0)).with_columns(place=pl.lit(None, pl.String))
    never = rows(WEATHER, row(0)).with_columns(known_ts=pl.lit(None, pl.Datetime("us", "UTC")))
    for frame in (nobody, never, rows(WEATHER)):
        online.write(WEATHER, frame)
    assert count(online, after(0)) is None


def test_many_rows_at_once(online: OnlineStore):
    write(online, *(row(0, number=number, count=number) for number in range(5000)))
    keys = [{"place": "Oslo", "number": number} for number in range(0, 5000, 7)]
    assert [one["count"] for one in online.read(WEATHER, keys, ["count"], after(1))] == list(range(0, 5000, 7))


def test_another_opening_sees_it(online: OnlineStore, url: str):
    write(online, row(0, count=5))
    other = open_online_store(url)
    assert count(other, after(0)) == 5
    other.close()


def test_threads_may_share_a_store(online: OnlineStore):
    def work(number: int) -> list[Any]:
        for event in range(20):
            write(online, row(event / 10, number=number, count=event))
        return [count(online, after(5), number=number)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [[19]] * 4


def test_processes_open_write_and_read_at_once(online: OnlineStore, url: str):
    code = """
        import sys
        from cryptodudez_assets.feature_store.online import open_online_store
        from cryptodudez_assets_tests.toy_views import WEATHER, after, row, rows
        me, store = int(sys.argv[2]), open_online_store(sys.argv[1])
        for event in range(40):
            store.write(WEATHER, rows(WEATHER, *(row((event + me) % 40 / 10, number=n, count=(event + me) % 40) for n in range(50))))
            found = store.read(WEATHER, [{"place": "Oslo", "number": n} for n in range(50)], ["count"], after(9))
            assert all(one["count"] >= (event + me) % 40 for one in found), found
            assert all(one["event_ts"] == after(one["count"] / 10) for one in found), found
    """
    command = [sys.executable, "-c", textwrap.dedent(code), url]
    processes = [
        subprocess.Popen([*command, str(number * 13)], stderr=subprocess.PIPE, text=True) for number in range(3)
    ]
    assert [process.communicate(timeout=120)[1] for process in processes] == ["", "", ""]
    assert count(online, after(9), number=49) == 39


def test_a_read_takes_less_than_a_millisecond(online: OnlineStore, url: str):
    if not url.startswith("sqlite"):
        pytest.skip("a promise of the store in this process only")
    write(online, *(row(0, number=number) for number in range(5000)))

    def seconds(number: int) -> float:
        began = time.perf_counter()
        online.read(WEATHER, [OSLO | {"number": number}], WEATHER.features, after(1))
        return time.perf_counter() - began

    assert sorted(seconds(number) for number in range(500))[250] < 0.001


def test_postgres_is_connected_to_again(database: str):
    online = open_online_store(database)
    write(online, row(0, count=1))
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND datname = current_database()"
        )
    assert count(online, after(0)) == 1
    online.close()
