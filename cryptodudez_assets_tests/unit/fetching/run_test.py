"""Only what the lake does not have is asked for, whatever happened before; what comes is landed byte for byte."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cryptodudez_assets.fetching.landing import landed
from cryptodudez_assets.fetching.origin import RealData, origin_of, refuse_samples
from cryptodudez_assets.fetching.run import Fetched, fetch, missing, span_of
from cryptodudez_assets.lake.formats.archives import why_ignored
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.samples import fix_last_day
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.venues.http import Failed, Missing
from cryptodudez_assets.venues.pages import Access, Page, Patience, Series, Span
from cryptodudez_assets_tests.builders import readings_source
from cryptodudez_assets_tests.scripted_venue import Reply, listening
from cryptodudez_assets_tests.tide_office import TideOffice
from cryptodudez_assets_tests.toy_feed import FEED, Tides

QUICK = Patience(attempts=12, first_wait=0.001, longest_wait=1, read_timeout=2, whole_answer=2)
SOURCE = readings_source()


@pytest.fixture
def office() -> Iterator[TideOffice]:
    with listening(TideOffice()) as there:
        yield there


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    (tmp_path / "home").mkdir()
    return Lake.open(Settings(home=tmp_path / "home", lake="", catalog=""), {SOURCE.name: SOURCE})


def days_ago(number: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=number)


def bring(
    lake: Lake, office: TideOffice, feed=FEED, *, first=None, last=None, again=3, chosen=None, on_page=None
) -> Fetched:  # type: ignore[no-untyped-def]
    access = Access(lake.settings.home / "fetching", url=office.url, patience=QUICK)
    span, series = span_of(feed, first, last), feed.series(chosen or {})
    told = on_page or (lambda stretch, page: None)
    return fetch(lake, feed, lambda: missing(lake, feed, series, span, again), access, told)


def rows_in(lake: Lake) -> list[tuple[str, str]]:
    found = []
    for one in lake.store.list("raw/readings"):
        if not one.key.endswith(".request.json"):
            found += [(row["sensor"], row["time"]) for row in json.loads(lake.store.open(one.key).read())]
    return found


def test_answers_land_byte_for_byte_and_beside_each_how_it_was_asked_for(lake: Lake, office: TideOffice):
    done = bring(lake, office, first=days_ago(9), last=days_ago(5), chosen={"harbour": ["hamburg"]})

    assert len(done.keys) == 2
    assert not done.failed
    for key, asked in zip(done.keys, office.asked, strict=True):
        assert key.startswith("raw/readings/series=hamburg/")
        note = json.loads(lake.store.open(key.removesuffix(".json") + ".request.json").read())
        assert note["url"] == f"{office.url}/tides?" + "&".join(
            f"{name}={value}" for name, value in asked.parameters.items()
        )
        assert note["asked_for"] == {"harbour": "hamburg"}
        assert note["bytes"] == len(lake.store.open(key).read())
    assert len(rows_in(lake)) == len(set(rows_in(lake))) == 5 * 24


def test_what_is_final_is_not_asked_for_again_but_recent_days_are(lake: Lake, office: TideOffice):
    bring(lake, office, chosen={"harbour": ["hamburg"]})
    office.asked.clear()

    bring(lake, office, chosen={"harbour": ["hamburg"]})

    [asked] = office.asked
    assert datetime.fromtimestamp(int(asked.parameters["first"]), UTC).date() == days_ago(3)
    office.asked.clear()
    assert bring(lake, office, chosen={"harbour": ["hamburg"]}, last=days_ago(4)).stretches == []
    assert office.asked == []


def test_only_what_is_missing_between_two_stretches_is_asked_for(lake: Lake, office: TideOffice):
    for day in (9, 7):
        bring(lake, office, first=days_ago(day), last=days_ago(day), chosen={"harbour": ["bremen"]})
    office.asked.clear()

    bring(lake, office, first=days_ago(9), last=days_ago(7), chosen={"harbour": ["bremen"]})

    [asked] = office.asked
    assert int(asked.parameters["until"]) - int(asked.parameters["first"]) == 86_400


def test_with_faults_all_comes_once_and_in_as_few_answers(lake: Lake, office: TideOffice):
    office.faults = 0.5

    done = bring(lake, office, last=days_ago(4))

    assert not done.failed
    assert set(office.told.values()) == {1}
    assert sorted(rows_in(lake)) == sorted(office.told)
    assert len(done.keys) == 4


@pytest.mark.parametrize("skew", [timedelta(hours=-5), timedelta(hours=5)])
def test_an_hour_is_final_by_the_servers_clock(lake: Lake, office: TideOffice, skew: timedelta):
    office.skew = skew
    bring(lake, office, first=days_ago(1), chosen={"harbour": ["bremen"]})

    [there] = landed(lake, FEED, Series("bremen", {}))
    ours, theirs = datetime.now(UTC), datetime.now(UTC) + skew
    assert abs((there.told_at - theirs).total_seconds()) < 5
    assert there.final.until <= min(ours, theirs)


def test_that_there_is_nothing_is_an_answer_too_and_not_asked_for_again(lake: Lake, office: TideOffice):
    office.opened = datetime.now(UTC) + timedelta(days=1)

    for _ in range(2):
        done = bring(lake, office, last=days_ago(4), chosen={"harbour": ["bremen"]})

    assert done.stretches == []
    assert len(office.asked) == 1
    [key] = [one.key for one in lake.store.list("raw/readings") if not one.key.endswith(".request.json")]
    assert why_ignored(key) == "an answer that tells of nothing"
    assert lake.store.open(key).read() == b"[]"


def test_a_series_that_is_refused_does_not_keep_others_from_coming(lake: Lake, office: TideOffice):
    office_answer = office.answer

    def refusing(asked):  # type: ignore[no-untyped-def]
        return Reply(status=404) if asked.parameters["harbour"] == "atlantis" else office_answer(asked)

    office.answer = refusing  # type: ignore[method-assign]
    done = bring(lake, office, chosen={"harbour": ["atlantis", "bremen"]})

    assert done.failed == {"atlantis": "the tide office, tides: status 404 Not Found"}
    assert {sensor for sensor, _ in rows_in(lake)} == {"bremen"}


def test_who_refuses_everybody_is_not_asked_for_each_series(lake: Lake, office: TideOffice):
    office.refuses = Reply(status=429, headers={"Retry-After": "600"})

    done = bring(lake, office)

    assert set(done.failed) == {"hamburg", "bremen"}
    assert len(office.asked) <= 2


def test_what_ends_in_the_middle_goes_on_behind_what_landed(lake: Lake, office: TideOffice):
    def interrupt(stretch: object, page: Page) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(lake, office, last=days_ago(4), chosen={"harbour": ["bremen"]}, on_page=interrupt)
    bring(lake, office, last=days_ago(4), chosen={"harbour": ["bremen"]})

    assert set(office.told.values()) == {1}
    assert sorted(rows_in(lake)) == sorted(office.told)


def test_the_same_asked_twice_in_a_second_keeps_both_answers(lake: Lake, office: TideOffice):
    for _ in range(3):
        bring(lake, office, first=days_ago(0), last=days_ago(0), chosen={"harbour": ["bremen"]})

    assert len(list(landed(lake, FEED, Series("bremen", {})))) == 3


def test_what_is_missing_before_anything_can_be_asked_is_told(lake: Lake, office: TideOffice):
    class Penniless(Tides):
        async def pages(self, series: Series, span: Span):  # type: ignore[no-untyped-def]
            raise Missing("no token: set CRYPTODUDEZ_TIDES_TOKEN")
            yield

    with pytest.raises(Missing, match="set CRYPTODUDEZ_TIDES_TOKEN"):
        bring(lake, office, replace(FEED, client=Penniless))
    assert office.asked == []


def test_a_home_is_what_it_fetched_first(lake: Lake, office: TideOffice):
    assert origin_of(lake.settings) is None
    bring(lake, office, chosen={"harbour": ["bremen"]})
    assert origin_of(lake.settings) == "simulated"
    there = rows_in(lake)

    office.simulated = False
    done = bring(lake, office, chosen={"harbour": ["hamburg"]})

    assert "answers with real data, those of this home are simulated: nothing of it lands" in done.failed["hamburg"]
    assert rows_in(lake) == there


def test_beside_sample_data_no_public_address_is_asked(lake: Lake, office: TideOffice):
    fix_last_day(lake.settings, days_ago(1))
    office.url = ""
    with pytest.raises(Failed, match="the data of this home are simulated"):
        bring(lake, office)


def test_nothing_before_the_first_day_nor_of_the_time_to_come_is_asked_for():
    span = span_of(FEED, date(1990, 1, 1), days_ago(-5))

    assert span.first.date() == FEED.first_day
    assert span.until <= datetime.now(UTC)
    assert span_of(FEED).first.date() == days_ago(9)
    assert span_of(FEED, days_ago(-5), days_ago(-6)).seconds == 0


def test_no_sample_data_are_put_beside_what_a_venue_answered(lake: Lake, office: TideOffice):
    refuse_samples(lake.settings)
    office.simulated = False
    bring(lake, office, chosen={"harbour": ["bremen"]})
    with pytest.raises(RealData, match="sample data would mix with it"):
        refuse_samples(lake.settings)
