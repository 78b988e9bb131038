"""Features as they were served and as the feature store gives them: equal to the last bit, or it is noticed, or it is said why not."""

from collections.abc import Callable
from datetime import timedelta
from math import inf, nextafter

import pytest

from cryptodudez_assets.defs.model_checks import build_model_checks
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.receipts import Receipt
from cryptodudez_assets.models.signal.record.comparing import NO_SNAPSHOT, OTHER_FEATURES, SNAPSHOT_GONE
from cryptodudez_assets.models.signal.record.keeping import update
from cryptodudez_assets.models.signal.record.looking import LOOKED_BACK, look
from cryptodudez_assets.models.signal.record.summary import record_of
from cryptodudez_assets_tests.ether import ETHER, NAMES, PRICES
from cryptodudez_assets_tests.live_records import MARKET, Row, answered, brought, landed, row_of, snapshots_online
from cryptodudez_assets_tests.serving_builders import champion

N = 100
RECEIPTS = 10_000
Answer = Callable[..., Receipt]


@pytest.fixture
def manifest(lake: Lake) -> Manifest:
    landed(lake, N)
    found = champion(lake.settings).champion()
    assert found is not None
    return found


@pytest.fixture
def answer(lake: Lake, manifest: Manifest) -> Answer:
    """Answers of a minute ago, unless said otherwise."""

    def one(day: int = N - 1, **told: object) -> Receipt:
        return answered(
            manifest, day, **{"made_at": now() - timedelta(minutes=1), "snapshots": snapshots_online(lake)} | told
        )

    return one


def skewed(day: int) -> Row:
    """One value is off by the least that there is."""
    row = row_of(day)
    place = next(place for place, value in enumerate(row) if value is not None)
    return [nextafter(value, inf) if value is not None and at == place else value for at, value in enumerate(row)]


def checked(lake: Lake):
    [check] = [
        one
        for one in build_model_checks(all_views().values())
        for key in one.check_keys
        if key.name == "online_is_offline"
    ]
    return check(lake=LakeResource(home=str(lake.settings.home)))


def test_ten_thousand_are_equal_and_one_bit_turns_the_check_red(lake: Lake, manifest: Manifest) -> None:
    snapshots, at = snapshots_online(lake), now() - timedelta(minutes=1)
    told = [
        answered(manifest, number % N, at, snapshots=snapshots, why=f"the {number}th") for number in range(RECEIPTS)
    ]
    brought(lake, told)

    found = look(lake, ETHER)
    assert (found.compared, found.differing, found.not_compared, found.mismatch_rate) == (RECEIPTS, [], {}, 0.0)
    assert update(lake, ETHER) is not None
    assert record_of(lake, ETHER).online.compared == RECEIPTS

    planted = answered(manifest, 50, at, snapshots=snapshots, inputs=skewed(50))
    brought(lake, [planted])
    result = checked(lake)
    assert not result.passed
    assert result.metadata["mismatch_rate"].value == 1 / (RECEIPTS + 1)
    assert result.metadata["receipts"].value == [planted.id]
    assert update(lake, ETHER) is not None
    online = record_of(lake, ETHER).online
    assert (online.compared, online.differing, online.differing_share) == (RECEIPTS + 1, 1, 1 / (RECEIPTS + 1))


def test_what_was_corrected_since_is_no_mismatch(lake: Lake, answer: Answer) -> None:
    brought(lake, [answer()])
    other = MARKET.with_features(MARKET.features + 1)
    landed(lake, N, other)
    assert look(lake, ETHER).differing == []
    brought(lake, [answer(made_at=now(), inputs=row_of(N - 1, other)), answer(made_at=now(), why="stale")])
    found = look(lake, ETHER)
    assert (found.compared, len(found.differing)) == (3, 1), "the old values are none that the new snapshot has"


def test_rows_that_were_online_before_that_was_noted_are_no_mismatch(lake: Lake, answer: Answer) -> None:
    before = snapshots_online(lake)
    other = MARKET.with_features(MARKET.features + 1)
    landed(lake, N, other)
    brought(lake, [answer(made_at=now(), inputs=row_of(N - 1, other), snapshots=before)])
    assert look(lake, ETHER).differing == []


def test_old_features_are_found_however_old_and_null_is_a_value(lake: Lake, answer: Answer) -> None:
    """A view that lags by more than its time to live is served, with a word."""
    row = row_of(N - 1)
    place = next(place for place, value in enumerate(row) if value is not None)
    lacking = [None if at == place else value for at, value in enumerate(row)]
    brought(lake, [answer(day=N + 9, inputs=row), answer(day=N + 9, inputs=lacking)])
    found = look(lake, ETHER)
    assert (found.compared, len(found.differing)) == (2, 1)


def test_what_cannot_be_compared_is_counted_with_the_reason(lake: Lake, manifest: Manifest, answer: Answer) -> None:
    gone = {**snapshots_online(lake), PRICES.history: 42}
    other = manifest.model_copy(update={"files": {"model.onnx": "f" * 64}})
    brought(
        lake,
        [
            answer(),
            answer(why="no snapshot", snapshots={}),
            answer(why="gone", snapshots=gone),
            answer(why="short", inputs=[0.0] * (len(NAMES) - 1)),
            answered(other, N - 1, now(), snapshots=gone),
        ],
    )
    found = look(lake, ETHER)
    assert (found.compared, found.differing) == (1, [])
    assert found.not_compared == {NO_SNAPSHOT: 1, SNAPSHOT_GONE: 1, OTHER_FEATURES: 2}
    assert checked(lake).passed


def test_it_looks_at_the_last_days_and_remembers_what_snapshots_that_are_gone_said(
    lake: Lake, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought(lake, [answer(inputs=skewed(N - 1))])
    assert update(lake, ETHER) is not None
    with monkeypatch.context() as patch:
        patch.setattr(
            "cryptodudez_assets.models.signal.record.comparing._Past.between", lambda *_: []
        )  # as if upkeep had forgotten them
        assert len(look(lake, ETHER).differing) == 1
    assert look(lake, ETHER, now() + LOOKED_BACK).compared == 0
    assert record_of(lake, ETHER).online.differing == 1, "what was found stays in the record"
