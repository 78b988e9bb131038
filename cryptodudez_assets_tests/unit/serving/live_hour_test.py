"""The hour that the live panel keeps is that of the best observations, however they come, and takes no more room."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.recorder.record import Origin
from cryptodudez_assets.recorder.telling import Told
from serving.live.hour import DIGITS, MOST_BOOKS, NOT_KNOWN, SECONDS, Batch, BookHour, Hour, precedence, state_of

END = 1_700_003_600


def told(second: int, spread: float | None = 0.1, source: Origin | None = Origin.WS, **more: object) -> Told:
    fields = {"bid": 1.0, "ask": 2.0, "is_gap": False, "staleness_ms": 100, **more}
    return Told(second=second, book="btc_mxn", spread=spread, source=source, **fields)  # type: ignore[arg-type]


@dataclass
class Way:
    """Observations in the order in which they come, some of them in batches."""

    observations: list[Told]
    cuts: list[int]


observation = st.builds(
    told,
    # Around both ends of the hour, and an hour before: what claims the same slots.
    st.sampled_from([END - SECONDS * k + by for k in (0, 1, 2) for by in (-3, -2, -1, 0)]),
    st.none() | st.floats(0, 9),
    st.sampled_from([*Origin, None]),
    is_gap=st.booleans(),
    staleness_ms=st.none() | st.integers(0, 3000),
)


@given(st.lists(st.lists(observation, min_size=1, max_size=6), max_size=8), st.data())
def test_the_best_observation_of_each_second_of_the_newest_hour_is_kept(parts: list[list[Told]], data: st.DataObject):
    book, best = BookHour(), dict[int, Told]()
    for part in parts:
        once = list({one.second: one for one in part}.values())
        if data.draw(st.booleans()):
            for one in once:
                book.add(one)
        else:
            in_order = sorted(once, key=lambda one: one.second)
            book.add_all(Batch.of(in_order))
        for one in once:
            if one.second not in best or precedence(one) > precedence(best[one.second]):
                best[one.second] = one

    newest = max(best, default=0)
    held = {second: one for second, one in best.items() if second > newest - SECONDS and not _displaced(second, best)}
    kept = book.until(newest)
    assert (kept is None) == (not held)
    if kept is not None:
        assert kept["first"] == min(held)
        assert len(kept["spreads"]) == len(kept["states"]) == newest - min(held) + 1
        for place, (spread, state) in enumerate(zip(kept["spreads"], kept["states"], strict=True)):
            one = held.get(kept["first"] + place)
            assert state == (state_of(one) if one else NOT_KNOWN)
            assert spread == (None if one is None or one.spread is None else round(one.spread, DIGITS))
        assert book.newest is not None
        assert book.newest.second == newest


def _displaced(second: int, best: dict[int, Told]) -> bool:
    return any(other > second and other % SECONDS == second % SECONDS for other in best)


def test_what_recorders_know_better_wins_in_this_order():
    order = [
        told(END, source=Origin.WS, staleness_ms=10),
        told(END, source=Origin.WS, staleness_ms=900),
        told(END, source=Origin.TICKER),
        told(END, source=Origin.REST),
        told(END, source=None),
        told(END, source=Origin.CARRIED, staleness_ms=None),
        told(END, source=Origin.CARRIED, is_gap=True),
    ]
    ranks = [precedence(one) for one in order]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == len(ranks)


def test_books_are_bounded():
    hour = Hour()
    kept = [hour.book(f"a{number}_mxn") for number in range(MOST_BOOKS + 5)]
    assert kept.count(None) == 5
    assert len(hour.books) == MOST_BOOKS
    assert hour.book("a0_mxn") is kept[0]
