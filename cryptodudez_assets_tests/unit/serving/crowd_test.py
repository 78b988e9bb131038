"""Who is let in, and who goes for it, with connections that are only said to be."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.crowd import Bounds, Crowd, client_of

SMALL = Bounds(connections=6)  # three of a client


@dataclass(eq=False)
class Said:
    """A connection that says what it is told to."""

    crowd: Crowd
    client: tuple[str, int] | None
    rank: int | None
    due: float
    ended: list[str] = field(default_factory=list)

    def overdue(self) -> None:
        self.end("late")

    def end(self, why: str) -> None:
        self.ended.append(why)
        self.crowd.note(why)
        self.crowd.leave(self)


newcomers = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0, 1, 2, 3, None]), st.integers(0, 9)))


@given(newcomers)
def test_there_are_never_too_many_and_least_is_lost(arriving: list[tuple[str, int | None, int]]):
    crowd, inside = Crowd(SMALL), list[Said]()
    for host, rank, due in arriving:
        one = Said(crowd, (host, 1), rank, due)
        neighbours = [each for each in inside if each.client == one.client]
        full = neighbours if len(neighbours) == SMALL.share else inside if len(inside) == SMALL.most else []
        admitted = crowd.admit(one)
        gone = [each for each in inside if each.ended]
        inside = [each for each in [*inside, *([one] if admitted else [])] if not each.ended]

        may_go = [(each.rank, each.due if each.rank else 0) for each in full if each.rank is not None]
        assert admitted == (not full or bool(may_go))
        assert [(each.rank, each.due if each.rank else 0) for each in gone] == sorted(may_go)[:1]
        assert set(gone) <= set(full)
        assert len(inside) <= SMALL.most
        assert all(sum(each.client == (host, 1) for each in inside) <= SMALL.share for host in "abc")


def test_of_those_that_asked_nothing_the_first_goes():
    crowd = Crowd(SMALL)
    said = [Said(crowd, ("a", 1), 0, due) for due in (3, 1, 2, 9)]
    for one in said:
        assert crowd.admit(one)
    assert [one.ended for one in said] == [["made room for others"], [], [], []]


def test_who_is_late_is_ended_and_told_once_a_minute(caplog: pytest.LogCaptureFixture):
    crowd = Crowd(SMALL)
    said = [Said(crowd, ("a", 1), 0, due) for due in (1, 2, 100)]
    for one in said:
        crowd.admit(one)
    for now in (1.5, 2.5, 3.5):
        crowd.sweep(now)
    assert [one.ended for one in said] == [["late"], ["late"], []]
    crowd.sweep(1.5 + 61)
    assert [record.getMessage() for record in caplog.records] == ["connections ended: 1 late"] * 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:1:2:3::4", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2:3::4", "2001:db8:1:3:3::4", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("fe80::1%eth0", "fe80::1", True),
    ],
)
def test_an_address_of_ipv6_stands_for_its_network(one: str, other: str, same: bool):
    assert (client_of((one, 1)) == client_of((other, 2))) is same


def test_without_an_address_there_is_one_client():
    assert client_of(None) == client_of(None)
