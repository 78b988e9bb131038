"""The standing check that names what is listed and does not become known, and how it comes to run."""

import os
import time
import warnings
from datetime import UTC, datetime, timedelta

import dagster as dg

from cryptodudez_assets.defs.source_assets import catalogue_key
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.unknown import look_for_unknown
from cryptodudez_assets_tests.builders import READINGS, csv, take_in
from cryptodudez_assets_tests.rig import Rig, checks_of

CHECK = dg.AssetCheckKey(catalogue_key(READINGS), "everything_known")


def test_it_names_what_has_been_listed_for_over_an_hour(lake: Lake) -> None:
    rig = Rig(lake, [READINGS])
    fine = rig.drop("a.csv", csv("s", range(3)).decode())
    old, young = rig.drop("b.csv.part", "half"), rig.drop("c.csv.part", "half")
    ago = time.time() - 600
    for path, at in ((fine, ago), (old, 1), (young, ago)):
        os.utime(path, (at, at))
    check = checks_of(rig.ingest())["everything_known"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert check.description == "raw/readings/b.csv.part: by its name an unfinished download"
    assert check.metadata["unknown"].value == 1
    assert rig.tick().skip_reason.skip_message == "0 new of 3 listed in raw/readings, 2 unfinished downloads"
    old.unlink()
    young.unlink()
    assert checks_of(rig.materialize([catalogue_key(READINGS)]))["everything_known"].passed


def test_it_is_asked_every_hour_though_nothing_lands(lake: Lake) -> None:
    definitions = Rig(lake, [READINGS]).definitions
    instance = dg.DagsterInstance.ephemeral()
    at, cursor, asked = datetime(2026, 1, 1, 12, 5, tzinfo=UTC), None, []
    for _ in range(6):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            told = dg.evaluate_automation_conditions(
                definitions,
                instance,
                asset_selection=dg.AssetSelection.checks(CHECK),
                evaluation_time=at,
                cursor=cursor,
            )
        asked.append(sum(one.true_subset.size for one in told.results if one.key == CHECK))
        cursor, at = told.cursor, at + timedelta(minutes=20)
    assert asked == [0, 1, 0, 0, 1, 0]


def test_a_look_lists_no_more_than_it_may_and_each_hour_others(lake: Lake, drop, monkeypatch) -> None:
    for number in range(6):
        drop("readings", f"{number}.csv", csv(f"s{number}", range(2)))
    take_in(lake)
    drop("readings", "0.csv.part", b"")
    drop("readings", "4.csv.part", b"")
    named = []
    for hour in range(3):
        at = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        monkeypatch.setattr("cryptodudez_assets.lake.metastore.unknown.now", lambda at=at: at)
        look = look_for_unknown(lake, "readings", timedelta(hours=1), limit=3)
        assert look.listed <= 3
        assert not look.complete
        named += [one.key for one in look.unknown]
    assert "raw/readings/0.csv.part" in named
    assert "raw/readings/4.csv.part" in named
