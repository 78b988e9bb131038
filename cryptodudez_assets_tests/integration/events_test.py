"""From a file that is put into a bucket to its rows, by what the bucket tells: through Pub/Sub and SQS, whatever goes wrong in between."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import dagster as dg
import pytest

from cryptodudez_assets.defs import event_sensor, source_sensors
from cryptodudez_assets.defs.event_sensor import NAME, Cursor
from cryptodudez_assets.defs.source_assets import catalogue_key
from cryptodudez_assets.defs.source_sensors import SOURCE_TAG
from cryptodudez_assets.lake.bucket_events import draining
from cryptodudez_assets.lake.bucket_events.draining import DEAD_LETTERS
from cryptodudez_assets.lake.bucket_events.queue import LEASE_SECONDS
from cryptodudez_assets.lake.status import status_of
from cryptodudez_assets.notifications.notifier import open_outbox
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests import event_ticks
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.integration.conftest import free_ports, google_bucket
from cryptodudez_assets_tests.pubsub_stand_in import PubSubStandIn, pubsub_stand_in
from cryptodudez_assets_tests.rig import Rig
from cryptodudez_assets_tests.telling_buckets import Google, TellingBucket, amazon_bucket
from cryptodudez_assets_tests.toy_source import SOURCE

pytestmark = [pytest.mark.servers, pytest.mark.slow]
HEADER = "Block,Time,Gwei\n"
PATIENCE_SECONDS, UP_SECONDS = 60, 240
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
A_TICK = timedelta(seconds=60)
"""More than Dagster gives one."""


def content(block: int) -> str:
    return f"{HEADER}{block},2021-01-01 00:00:13,41.5\n"


@pytest.fixture(scope="module")
def pubsub() -> Iterator[PubSubStandIn]:
    with pubsub_stand_in() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def google(pubsub: PubSubStandIn) -> Iterator[str]:
    with google_bucket(pubsub.address) as endpoint:
        yield endpoint


@pytest.fixture(params=[pytest.param("google", marks=pytest.mark.long), "amazon"])  # runs on Google's are slow
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> TellingBucket:
    """A bucket with a lake of the test's own, and settings for it in the environment."""
    endpoint = request.getfixturevalue(request.param)
    one: TellingBucket
    if request.param == "google":
        pubsub = request.getfixturevalue("pubsub")
        pubsub.kept.clear()
        one = Google(
            {
                "CRYPTODUDEZ_LAKE": f"gs://lake/{tmp_path.name}",
                "CRYPTODUDEZ_GS_ENDPOINT": endpoint,
                "CRYPTODUDEZ_EVENTS": "pubsub://tests/lake",
                "CRYPTODUDEZ_EVENTS_ENDPOINT": f"http://{pubsub.address}",
            },
            pubsub,
        )
    else:
        one = amazon_bucket(endpoint, tmp_path.name)
    for name, value in one.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(draining, "WAIT_SECONDS", 1.0)
    return one


class Events:
    """The platform on that bucket, and its sensor of events."""

    def __init__(self, home: Path, bucket: TellingBucket) -> None:
        self.bucket, self.cursor = bucket, cast("str | None", None)
        self.lake = open_lake(Settings(home=home, settle_seconds=0))
        self.rig = Rig(self.lake, [SOURCE])
        self.folder = self.lake.settings.lake.partition("://lake/")[2]

    def put(self, name: str, block: int) -> str:
        key = f"raw/gas_prices/{name}"
        before, until = self.bucket.left(), time.monotonic() + PATIENCE_SECONDS
        self.lake.store.write(key, io.BytesIO(content(block).encode()))
        while self.bucket.left() == before:
            assert time.monotonic() < until, "the bucket does not tell it"
            time.sleep(0.02)
        return key

    def tick(self) -> dg.SensorResult:
        sensor = next(one for one in self.rig.definitions.sensors or () if one.name == NAME)
        result = sensor(dg.build_sensor_context(self.rig.instance, cursor=self.cursor))
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return result

    def asked(self) -> list[str]:
        """The keys that a tick asks a run for, which is carried out."""
        requests = self.tick().run_requests or []
        for request in requests:
            assert self.rig.carry_out(request).success
        return [key for request in requests for key in keys_of(request)]

    def blocks(self) -> list[int]:
        return sorted(self.rig.rows("market.gas_prices")["block"])

    def all_is_acknowledged(self) -> bool:
        """Within some ticks: what runs write to the bucket is told, too."""
        return any(self.tick() and not self.bucket.left() for _ in range(10))

    def hand_out_again(self) -> None:
        self.bucket.hand_out_again(Cursor.parse(self.cursor).taken)


def keys_of(request: dg.RunRequest) -> list[str]:
    (op,) = request.run_config["ops"].values()
    return list(op["config"]["keys"])


def work_of(result: dg.SensorResult) -> list[str]:
    """Of run keys what does not change with the time of day."""
    return [str(one.run_key).partition("-")[0] for one in result.run_requests or ()]


def said(result: dg.SensorResult) -> str:
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


@pytest.fixture
def events(tmp_path: Path, bucket: TellingBucket) -> Events:
    return Events(tmp_path / "home", bucket)


def test_a_file_that_is_put_into_the_bucket_is_in_the_table_after_a_tick_and_its_run(events: Events):
    names = ["a.csv", "day=1/b c+ü%41.csv"]
    keys = [events.put(name, block) for block, name in enumerate(names, 1)]
    (request,) = events.tick().run_requests or ()
    assert keys_of(request) == sorted(keys)
    assert request.tags[SOURCE_TAG] == SOURCE.name
    assert events.bucket.left() >= len(names), "nothing is acknowledged before what was asked for is stored"
    assert events.rig.carry_out(request).success
    assert events.blocks() == [1, 2]
    assert not events.tick().run_requests
    assert events.all_is_acknowledged()


def test_what_is_told_again_later_or_in_another_order_is_ingested_once(events: Events):
    key = events.put("a.csv", 1)
    for generation, created in (("9", True), ("1", True), ("9", True), ("3", False)):
        events.bucket.tell(f"{events.folder}/{key}", generation, created=created)
    assert events.asked() == [key]
    events.hand_out_again()
    cursor, events.cursor = events.cursor, None  # lost: what was taken is not acknowledged
    result = events.tick()
    assert not result.run_requests
    assert "1 known by now" in said(result)
    assert events.cursor != cursor
    events.put("a.csv", 2)  # a new version, told before, and behind, the old one is told again
    events.bucket.tell(f"{events.folder}/{key}", "1")
    assert events.asked() == [key]
    assert events.blocks() == [1, 2]


def test_an_object_that_is_gone_is_asked_no_run_for(events: Events):
    events.lake.store.delete(events.put("a.csv", 1))
    events.bucket.tell(f"{events.folder}/raw/gas_prices/never.csv")
    result = events.tick()
    assert not result.run_requests
    assert "2 gone by now" in said(result)


def test_what_cannot_be_read_is_kept_aside_told_once_an_hour_and_holds_nothing_up(
    events: Events, monkeypatch: pytest.MonkeyPatch
):
    key = events.put("a.csv", 1)
    events.bucket.tell_nonsense()
    events.bucket.tell_nonsense()
    for minutes in (5, 55, 65):
        monkeypatch.setattr(event_sensor, "now", lambda at=NOON + timedelta(minutes=minutes): at)
        (request,) = events.tick().run_requests or ()
        assert keys_of(request) == [key]
        events.hand_out_again()
        events.cursor = None
    letters = [json.load(events.lake.store.open(one.key)) for one in events.lake.store.list(DEAD_LETTERS)]
    assert [(one["body"], one["why"].startswith("no ")) for one in letters] == [("hello", True)] * 2
    told = [one.event for one in open_outbox(events.lake.settings).deliveries() if one.event.rule == "dead_letter"]
    assert [one.subject for one in told] == [events.lake.settings.events] * 2
    assert f"{events.lake.store.uri(DEAD_LETTERS)}/" in told[0].text
    assert "hello" not in told[0].text
    assert events.all_is_acknowledged()


def test_what_lands_while_a_run_is_under_way_waits_in_the_cursor(events: Events, monkeypatch: pytest.MonkeyPatch):
    waited_for = []
    monkeypatch.setattr(
        event_sensor,
        "drain",
        lambda *told, is_patient: (waited_for.append(is_patient), draining.drain(*told, is_patient=is_patient))[1],
    )
    job = events.rig.definitions.resolve_implicit_global_asset_job_def()
    run = events.rig.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={SOURCE_TAG: SOURCE.name}
    )
    keys = [events.put("a.csv", 1)]
    assert not events.tick().run_requests
    keys.append(events.put("b.csv", 2))
    assert "2 keys wait for a run" in said(events.tick())
    assert events.all_is_acknowledged()
    events.rig.instance.report_run_failed(run)
    assert events.asked() == keys
    assert events.blocks() == [1, 2]
    assert waited_for[:2] == [True, False]  # so that no time is lost when the run has ended
    assert events.tick()
    assert waited_for[-1]


def test_where_looks_take_long_a_tick_ends_and_what_is_left_waits_for_the_next_run(
    events: Events, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(event_sensor, "LOOK_SECONDS", -1.0)  # over before the first one
    keys = [events.put(f"{number}.csv", number) for number in (1, 2, 3)]
    assert [events.asked() for _ in keys] == [[key] for key in keys]
    assert events.blocks() == [1, 2, 3]
    assert events.all_is_acknowledged()


def test_a_listing_finds_what_no_event_told_and_says_how_far_behind_it_is(
    events: Events, monkeypatch: pytest.MonkeyPatch
):
    events.put("a.csv", 1)
    monkeypatch.setattr(source_sensors, "UNDER_WAY", timedelta(days=1))
    assert not events.rig.tick().asset_events, "its event may be under way"
    monkeypatch.setattr(source_sensors, "UNDER_WAY", timedelta(days=-1))
    result = events.rig.tick()
    (told,) = result.asset_events
    assert isinstance(told, dg.AssetObservation)
    assert told.asset_key == catalogue_key(SOURCE)
    assert told.metadata["untold_by_events"].value == 1
    assert told.metadata["seconds_behind_events"].value > -1
    (request,) = result.run_requests or ()
    assert events.rig.carry_out(request).success
    assert events.blocks() == [1]


def test_listings_are_rare_where_events_tell_and_only_there(events: Events, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRYPTODUDEZ_RECONCILE_SECONDS", "777")
    seconds = {one.name: one.minimum_interval_seconds for one in Rig(events.lake, [SOURCE]).definitions.sensors or ()}
    assert (seconds["gas_prices_files"], seconds[NAME]) == (777, 3)
    monkeypatch.delenv("CRYPTODUDEZ_EVENTS")
    seconds = {one.name: one.minimum_interval_seconds for one in Rig(events.lake, [SOURCE]).definitions.sensors or ()}
    assert seconds["gas_prices_files"] == 3
    assert NAME not in seconds


@pytest.mark.parametrize("bucket", ["google"], indirect=True)
class TestPubSub:
    """What only this stand-in lets a test do."""

    def test_a_lease_outlives_two_ticks_and_ends(self, events: Events, pubsub: PubSubStandIn):
        key = events.put("a.csv", 1)
        first = events.tick()
        pubsub.pass_time(2 * A_TICK.total_seconds())
        events.cursor = None
        assert not events.tick().run_requests
        pubsub.pass_time(LEASE_SECONDS)
        again = events.tick()
        assert [keys_of(one) for one in again.run_requests or ()] == [[key]]
        assert work_of(again) == work_of(first), "Dagster runs nothing twice in ten minutes"

    @pytest.mark.long
    def test_an_acknowledgement_that_is_refused_keeps_nothing_from_being_asked_for(
        self, events: Events, pubsub: PubSubStandIn
    ):
        events.put("a.csv", 1)
        events.asked()
        pubsub.refuses = True
        key = events.put("b.csv", 2)
        try:
            assert events.asked() == [key]
        finally:
            pubsub.refuses = False
        assert events.blocks() == [1, 2]
        assert events.bucket.left() > 0
        pubsub.pass_time(LEASE_SECONDS + 1)
        assert events.all_is_acknowledged()


@pytest.mark.long
@pytest.mark.parametrize("dies_when", [event_ticks.ASKED, event_ticks.STORED])
def test_a_tick_that_is_killed_between_request_and_acknowledgement_loses_nothing(
    events: Events, tmp_path: Path, dies_when: str
):
    key = events.put("a.csv", 1)
    command = [sys.executable, "-m", event_ticks.__name__, str(events.lake.settings.home), str(tmp_path), dies_when]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    ((run_key, keys, taken),) = map(json.loads, (tmp_path / event_ticks.ASKED).read_text().splitlines())
    assert keys == [key]
    assert events.bucket.left() > 0, "it died before it could acknowledge"
    cursor = tmp_path / "cursor"
    events.cursor = cursor.read_text() if cursor.exists() else None
    if dies_when == event_ticks.ASKED:
        assert events.cursor is None
        assert not events.tick().run_requests, "who died has it on lease"
        events.bucket.hand_out_again(taken)
        (request,) = events.tick().run_requests or ()
        assert keys_of(request) == keys
        assert str(request.run_key).partition("-")[0] == run_key.partition("-")[0]
        assert events.rig.carry_out(request).success
    else:
        assert events.rig.materialize([catalogue_key(SOURCE), dg.AssetKey(["market", "gas_prices"])]).success
    assert events.all_is_acknowledged()
    assert events.blocks() == [1]


@pytest.mark.long
@pytest.mark.parametrize("bucket", ["amazon"], indirect=True)
def test_under_up_files_are_in_the_table_though_nobody_lists(events: Events, tmp_path: Path):
    """With Dagster's own daemon: it stores the cursor, launches the runs, and calls the sensor again."""
    home = events.lake.settings.home
    rare = {"CRYPTODUDEZ_HOME": str(home), "CRYPTODUDEZ_RECONCILE_SECONDS": "86400"}
    first, second = map(str, free_ports(2))
    command = [str(Path(sys.executable).with_name("cryptodudez")), "up", "--port", first, "--api-port", second]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | rare, stdout=log, stderr=log)
    try:
        for number in (1, 2):  # the first may be found by the one listing at the start
            row = f"{number},Testcoin,TST,2021-01-0{number} 23:59:59,2,1,1.5,1.5,100,1000\n"
            written = io.BytesIO(f"SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n{row}".encode())
            events.lake.store.write(f"raw/crypto_prices/{number}.csv", written)
            wait_until(lambda number=number: status_of(events.lake, "crypto_prices").valid == number, tmp_path / "log")
        wait_until(lambda: not events.bucket.left(), tmp_path / "log")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def wait_until(is_so: Callable[[], bool], log: Path) -> None:
    until = time.monotonic() + UP_SECONDS
    while not is_so():
        assert time.monotonic() < until, log.read_text()
        time.sleep(2)  # looking costs the machine more than waiting
