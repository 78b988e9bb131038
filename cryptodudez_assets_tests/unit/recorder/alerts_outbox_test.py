"""What people get of several recorders that share an outbox, each with its own view of a book and its own deaths."""

from pathlib import Path

import pytest

from cryptodudez_assets.declared_rules.declaration import NoData, Threshold
from cryptodudez_assets.notifications.outbox import Outbox
from cryptodudez_assets.recorder.alert_rules import NoDataRule, SpreadRule
from cryptodudez_assets.recorder.alerts import SpreadAlerts
from cryptodudez_assets.recorder.record import Record
from cryptodudez_assets_tests.spreads import BOOK, START, records, runs

RULES = [
    SpreadRule("wide", BOOK, Threshold(0.5, clear_below=0.4, for_seconds=3, quiet_for=10)),
    NoDataRule("no_data", BOOK, NoData(gap_seconds=5, carried_seconds=60)),
]
GAP = None
DEAD: list[float | None] = []


class Watching:
    """Recorders that look at the same seconds; each puts what it has to say."""

    def __init__(self, folder: Path) -> None:
        self.outbox = Outbox(f"sqlite:///{folder / 'notifications.db'}", ["log"])
        self.told: list[tuple[str, str, int, int]] = []
        self.alerts: dict[str, SpreadAlerts] = {}

    def start(self, *names: str) -> None:
        for name in names:
            self.alerts[name] = SpreadAlerts(RULES, self.outbox.incidents(), name)

    def see(self, first: int, **spreads: list[float | None]) -> None:
        views = {name: {one.second: one for one in records(told, first)} for name, told in spreads.items()}
        for second in range(START + first, START + first + max(map(len, spreads.values()))):
            for name, view in views.items():
                self._put(name, [view[second]] if second in view else [])

    def _put(self, name: str, seen: list[Record]) -> None:
        events = self.alerts[name].observe(seen)
        new = self.outbox.put(events)
        if len(new) < len(events):
            self.alerts[name].adopt(self.outbox.incidents())
        self.told += [(one.rule, str(one.kind), one.started_at - START, one.at - START) for one in new]


@pytest.fixture
def watching(tmp_path: Path) -> Watching:
    made = Watching(tmp_path)
    made.start("a", "b")
    return made


def test_the_same_view_is_told_once(watching: Watching):
    seen = runs((0.1, 2), (0.8, 5), (0.1, 3), (GAP, 8), (0.1, 2))

    watching.see(0, a=seen, b=seen)

    assert watching.told == [
        *(("wide", "started", 2, 4), ("wide", "recovered", 2, 7)),
        *(("no_data", "started", 10, 14), ("no_data", "recovered", 10, 18)),
    ]


def test_a_view_that_is_a_second_behind_is_told_once(watching: Watching):
    watching.see(0, a=runs((0.8, 5), (0.1, 5)), b=runs((0.1, 1), (0.8, 5), (0.1, 4)))

    assert watching.told == [("wide", "started", 0, 2), ("wide", "recovered", 0, 5)]


def test_one_dies_in_the_incident_and_the_other_tells_that_it_is_over(watching: Watching):
    watching.see(0, a=runs((0.8, 4)), b=runs((0.8, 4)))
    watching.see(4, b=runs((0.8, 4), (0.1, 1)))
    watching.start("a")
    watching.see(9, a=runs((0.1, 3)), b=runs((0.1, 3)))

    assert watching.told == [("wide", "started", 0, 2), ("wide", "recovered", 0, 8)]


def test_both_die_in_the_incident_and_the_next_tells_that_it_is_over(watching: Watching):
    watching.see(0, a=runs((0.8, 4)), b=runs((0.8, 4)))
    watching.start("c")
    watching.see(100, c=runs((0.8, 3), (0.1, 1)))

    assert watching.told == [("wide", "started", 0, 2), ("wide", "recovered", 0, 103)]


def test_one_that_was_not_there_for_the_recovery_holds_the_cool_down(watching: Watching):
    watching.see(0, a=runs((0.8, 4), (0.1, 1)), b=runs((0.8, 4), (GAP, 4), (0.1, 1), (0.8, 30)))

    assert watching.told[:2] == [("wide", "started", 0, 2), ("wide", "recovered", 0, 4)]
    assert [told for told in watching.told if told[0] == "wide"][2] == ("wide", "started", 15, 17)


def test_one_of_which_the_outbox_took_no_start_tells_it_later(watching: Watching):
    """It saw the book go wide again while the rule had to be quiet, which it did not know."""
    watching.see(0, a=runs((0.8, 3), (0.1, 1)), b=runs((GAP, 4)))
    watching.see(4, a=DEAD, b=runs((0.8, 30)))

    assert watching.told == [("wide", "started", 0, 2), ("wide", "recovered", 0, 3), ("wide", "started", 14, 16)]
