"""A new feed costs one file: declared, it has an asset with days, checks, a schedule and a command, and what it fetches becomes a table."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from cryptodudez_assets import feeds, sources
from cryptodudez_assets.cli import main
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.derived_assets import days_of
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.source_assets import feed_key, raw_key
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.samples import fix_last_day
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.venues.http import Missing
from cryptodudez_assets.venues.pages import Access, Client
from cryptodudez_assets_tests import toy_feed
from cryptodudez_assets_tests.builders import readings_source
from cryptodudez_assets_tests.rig import Rig, checks_of
from cryptodudez_assets_tests.scripted_venue import Reply, listening
from cryptodudez_assets_tests.tide_office import TideOffice
from cryptodudez_assets_tests.toy_derived.coin_days import DERIVED as COIN_DAYS
from cryptodudez_assets_tests.toy_derived.coin_runs import DERIVED as COIN_RUNS

# The name of a feed that has settings.
FEED = replace(toy_feed.FEED, name="x")
SOURCE = readings_source()
KEY = feed_key(FEED)
ASKED = {"ops": {"fetched__x": {"config": {"chosen": {"harbour": ["bremen"]}}}}}


@pytest.fixture
def office() -> Iterator[TideOffice]:
    with listening(TideOffice()) as there:
        yield there


@pytest.fixture
def rig(lake: Lake, office: TideOffice, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setenv("CRYPTODUDEZ_FEEDS", "x")
    monkeypatch.setenv("CRYPTODUDEZ_X_URL", office.url)
    return Rig(lake, [SOURCE], feeds=[FEED])


def day(ago: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d}"


def test_the_declaration_alone_makes_asset_checks_schedule_and_sensor(rig: Rig):
    node = rig.graph.get(KEY)

    assert rig.graph.get(raw_key(SOURCE)).parent_keys == {KEY}
    assert node.partitions_def == dg.DailyPartitionsDefinition("2010-01-01", end_offset=1)
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert {key.name for key in rig.graph.asset_check_keys if key.asset_key == KEY} == {"answered", "nothing_missing"}
    [schedule] = [one for one in rig.definitions.schedules or () if one.name == "x_feed"]
    assert (schedule.cron_schedule, schedule.default_status) == ("5 * * * *", dg.DefaultScheduleStatus.RUNNING)
    assert "x_feed_made_up_for" in {one.name for one in rig.definitions.sensors or ()}


def test_days_of_feeds_and_of_derived_tables_may_begin_apart(rig: Rig):
    late = replace(FEED, first_day=date(2017, 7, 14))
    everything = build_definitions([*all_sources().values(), SOURCE], [COIN_DAYS], lake=rig.resource, feeds=[late])
    dg.Definitions.validate_loadable(everything)


def test_days_of_derived_tables_may_begin_apart(rig: Rig):
    assert COIN_RUNS.partitions.start > COIN_DAYS.partitions.start
    everything = build_definitions([*all_sources().values()], [COIN_RUNS, COIN_DAYS], lake=rig.resource)
    dg.Definitions.validate_loadable(everything)
    of_both = {everything.resolve_asset_graph().get(key_of(one.table)).partitions_def for one in (COIN_RUNS, COIN_DAYS)}
    assert of_both == {days_of(COIN_DAYS)}


def test_what_is_missing_before_anything_can_be_asked_is_told_and_fails_nothing(rig: Rig, lake: Lake):
    def penniless(access: Access) -> Client:
        raise Missing("no token: set CRYPTODUDEZ_X_TOKEN")

    rig = Rig(lake, [SOURCE], feeds=[replace(FEED, client=penniless)])
    rig.drop("a.json", json.dumps([{"sensor": "a", "time": "2026-01-01T00:00", "value": 1.0}]))

    result = rig.materialize([KEY])

    assert result.success
    assert result.get_asset_materialization_events() == []
    assert rig.ingest().success
    assert rig.rows("lab.readings").height == 1


def test_a_feed_that_is_off_asks_nobody_and_has_no_schedule(
    rig: Rig, office: TideOffice, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CRYPTODUDEZ_FEEDS", "")
    off = build_definitions([SOURCE], lake=rig.resource, feeds=[FEED])

    result = rig.materialize([KEY])

    assert not [one for one in off.schedules or () if "feed" in one.name]
    assert not [one for one in off.sensors or () if "feed" in one.name]
    assert result.success
    assert result.get_asset_materialization_events() == []
    assert all(check.passed for check in checks_of(result).values())
    assert office.asked == []


def test_what_is_fetched_becomes_a_table(rig: Rig, office: TideOffice):
    result = rig.materialize([KEY], ASKED)
    ingested = rig.ingest()

    assert result.success
    told = {one.partition: one.materialization.metadata for one in result.get_asset_materialization_events()}
    assert set(told) == {None, *map(day, range(10))}
    assert told[None]["answers"].value == len(office.asked) == 3
    assert ingested.success
    assert rig.rows("lab.readings").height == sum(office.told.values())
    ignored = rig.rows("catalog.files").filter(status="ignored")
    assert set(ignored["reason"]) == {"tells how the answer beside it was asked for"}
    assert ignored.height == 3


def test_a_range_of_days_is_one_run_that_asks_for_these(rig: Rig, office: TideOffice):
    tags = {"dagster/asset_partition_range_start": day(8), "dagster/asset_partition_range_end": day(5)}

    result = rig.materialize([KEY], ASKED, tags)

    assert result.success
    asked = {(one.parameters["harbour"], one.parameters["until"]) for one in office.asked}
    assert asked == {("bremen", f"{datetime.fromisoformat(day(4)).replace(tzinfo=UTC).timestamp():.0f}")}
    assert min(office.told)[1] == f"{day(8)}T00:00"


def test_who_does_not_answer_fails_the_asset_and_is_told(rig: Rig, office: TideOffice):
    office.refuses = Reply(status=451)

    result = rig.materialize([KEY])

    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "the tide office, tides: status 451" in str(failure.step_failure_data)


def test_checks_tell_whether_it_answers_and_what_is_missing(rig: Rig, office: TideOffice):
    [sensor] = [one for one in rig.definitions.sensors or () if one.name == "x_feed_made_up_for"]
    assert isinstance(sensor(dg.build_sensor_context(rig.instance)), dg.RunRequest)
    office.refuses = Reply(status=451)
    rig.materialize([KEY])
    office.refuses = None
    lacking = _checks(rig)
    rig.materialize([KEY])

    whole = _checks(rig)

    assert [lacking[name].passed for name in ("answered", "nothing_missing")] == [False, False]
    assert lacking["answered"].description == "the tide office never answered"
    assert "hamburg: " in str(lacking["nothing_missing"].description)
    assert [whole[name].passed for name in ("answered", "nothing_missing")] == [True, True]


def _checks(rig: Rig) -> dict[str, dg.AssetCheckResult]:
    """What the feed's checks say, each asked by itself."""
    found = {}
    for one in rig.definitions.asset_checks or ():
        for key in one.check_keys:
            if key.asset_key == KEY:
                found[key.name] = one(lake=rig.resource)
    return found


def test_what_no_schedule_asked_for_is_made_up_for_at_once_and_only_once(rig: Rig):
    [sensor] = [one for one in rig.definitions.sensors or () if one.name == "x_feed_made_up_for"]

    first = sensor(dg.build_sensor_context(rig.instance))
    rig.materialize([KEY])
    second = sensor(dg.build_sensor_context(rig.instance))

    assert isinstance(first, dg.RunRequest)
    assert isinstance(second, dg.SkipReason)
    assert "answered at" in str(second.skip_message)


@pytest.fixture
def command(tmp_path: Path, office: TideOffice, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Commands of a project to which somebody added two files, in a home of the test's own."""
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "home"))
    office.simulated = False
    before = set(sys.modules)
    readings = "from cryptodudez_assets_tests.builders import readings_source\nSOURCE = readings_source()\n"
    tides = Path(toy_feed.__file__).read_text().replace("https://tides.example", office.url)
    for package, name, text in ((sources, "readings.py", readings), (feeds, "tides.py", tides)):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / name).write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])

    def forget() -> None:
        importlib.invalidate_caches()
        feeds.all_feeds.cache_clear()
        sources.all_sources.cache_clear()

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, words)
        assert done.exit_code == code, done.output + repr(done.exception)
        return done.output

    forget()
    yield run
    for name in set(sys.modules) - before:
        if name.startswith((f"{feeds.__name__}.tides", f"{sources.__name__}.readings")):
            del sys.modules[name]
    monkeypatch.undo()
    forget()


def test_two_files_are_all_it_takes_for_a_command(command: Callable[..., str], office: TideOffice):
    assert "tides" in command("fetch", "--help")
    told = command("fetch", "tides", "--help")
    assert "--harbour" in told
    assert "cryptodudez fetch tides --from" in told

    told = command("fetch", "tides", "--from", day(6), "--to", day(5), "--harbour", "bremen")

    assert "1 answer, " in told
    [asked] = office.asked
    assert asked.parameters["harbour"] == "bremen"
    assert "nothing to ask the tide office for" in command(
        "fetch", "tides", "--from", day(6), "--to", day(5), "--harbour", "bremen"
    )
    assert len(office.asked) == 1
    known = json.loads(command("status", "--json", "--files"))
    assert known["sources"]["readings"]["files"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "2026-02-30"), "does not match the format"),
        (("--from", "2026-02-02", "--to", "2026-02-01"), "--to 2026-02-01 is before --from 2026-02-02"),
    ],
)
def test_what_cannot_be_asked_for_is_told(command: Callable[..., str], words: tuple[str, ...], told: str):
    assert told in command("fetch", "tides", *words, code=2)


def test_a_name_that_cannot_be_is_told_in_a_line(command: Callable[..., str], office: TideOffice):
    told = command("fetch", "tides", "--harbour", "../x", code=1)
    assert "'../x': expected letters, digits" in told
    assert office.asked == []


def test_what_is_refused_is_told_and_the_exit_code_says_so(command: Callable[..., str], office: TideOffice):
    office.refuses = Reply(status=451)
    assert "not all of hamburg, bremen: the tide office, tides: status 451" in command("fetch", "tides", code=1)


def test_beside_sample_data_only_a_simulated_venue_is_asked(
    command: Callable[..., str], lake: Lake, office: TideOffice
):
    fix_last_day(lake.settings, datetime(2026, 1, 1, tzinfo=UTC).date())
    assert "the data of this home are simulated" in command("fetch", "tides", code=1)
    assert office.asked == []
