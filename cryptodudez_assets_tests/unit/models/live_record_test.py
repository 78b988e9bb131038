"""The live record: each signal that was served is scored once, when its horizon is over, by the newest prices; or it says why not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.scored_signals import ScoredSignals
from cryptodudez_assets.contracts.served_receipts import ServedReceipts
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.upkeep.judging import judge_table
from cryptodudez_assets.models import shared_receipts
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.record.keeping import LOOKED_AT_AGAIN, update
from cryptodudez_assets.models.signal.record.served import DAMAGED, NO_FIRST_PRICE, NO_LAST_PRICE, OPEN
from cryptodudez_assets.models.signal.record.stored import SCHEMA, contract_hash, read
from cryptodudez_assets.models.signal.record.summary import FEW, record_of, summary
from cryptodudez_assets.products import standing as standing_module
from cryptodudez_assets.products.models import signal_products
from cryptodudez_assets.products.standing import standing
from cryptodudez_assets.rebuilding import CannotRebuild, rebuild
from cryptodudez_assets_tests.ether import ETHER
from cryptodudez_assets_tests.live_records import (
    COST,
    FIRST,
    HORIZON,
    MARKET,
    answered,
    landed,
    served,
    with_close,
)
from cryptodudez_assets_tests.serving_builders import champion
from cryptodudez_assets_tests.signal_lake import DAY

N = 100  # days that the lake has when an answer is given; its first close is that of day N, which is only going on
LAST = N + HORIZON
OVER = FIRST + (LAST + 1) * DAY
COSTS = 2 * np.log1p(-COST / 10_000)


@pytest.fixture
def manifest(lake: Lake) -> Manifest:
    """What serves on a lake that has the first days."""
    landed(lake, N)
    found = champion(lake.settings).champion()
    assert found is not None
    return found


def recorded(lake: Lake, at: datetime = OVER) -> list[dict[str, object]]:
    record = update(lake, ETHER, at)
    assert record is not None
    assert record.equals(read(lake, ETHER))
    judged = judge_table(lake, ETHER.record, ScoredSignals, ["receipt_id"], contract_hash(), everything=True)
    assert not judged.errors, judged
    return record.to_dicts()


def gain(market=MARKET) -> float:
    return float(np.log(market.closes[LAST] / market.closes[N]))


def test_it_is_scored_when_the_clock_is_past_its_horizon_and_once(lake: Lake, manifest: Manifest) -> None:
    receipt = served(lake, manifest, N)
    assert [one["unscored"] for one in recorded(lake, receipt.made_at + timedelta(minutes=1))] == [OPEN]
    landed(lake, LAST + 1)
    assert [one["unscored"] for one in recorded(lake, OVER - timedelta(seconds=1))] == [OPEN]

    [one] = recorded(lake)

    assert (one["receipt_id"], one["made_at"], one["decision"]) == (receipt.id, receipt.made_at, "BUY")
    assert (one["first_close"], one["last_close"]) == (FIRST + (N + 1) * DAY, OVER)
    assert one["net_return"] == one["net_buy_and_hold"] == pytest.approx(gain() + COSTS, abs=1e-12)
    rising = MARKET.closes[N - 1] > MARKET.closes[N - 31]
    assert one["momentum"] == ("BUY" if rising else "SELL")
    assert one["net_momentum"] == (one["net_return"] if rising else 0.0)
    labels = dict(training_set.read(lake, ETHER).rows.select("event_ts", "label").iter_rows())
    assert one["label"] == labels[FIRST + N * DAY] is not None
    assert (one["unscored"], one["scored_at"], one["restated_at"]) == (None, OVER, None)
    before = lake.tables.load(ETHER.record).current_snapshot()
    assert recorded(lake, OVER + 3 * DAY) == [one]
    assert lake.tables.load(ETHER.record).current_snapshot() == before, "nothing new is no commit"


@pytest.mark.parametrize("decision", ["SELL", "HODL"])
def test_by_itself_a_signal_that_does_not_buy_stays_out(lake: Lake, manifest: Manifest, decision: str) -> None:
    served(lake, manifest, N, decision)
    landed(lake, LAST + 1)
    [one] = recorded(lake)
    assert one["net_return"] == 0.0
    assert one["net_buy_and_hold"] == pytest.approx(gain() + COSTS, abs=1e-12)


@pytest.mark.parametrize(("n_days", "why"), [(N, NO_FIRST_PRICE), (LAST, NO_LAST_PRICE)])
def test_without_a_price_there_is_a_reason_and_a_score_once_it_came(
    lake: Lake, manifest: Manifest, n_days: int, why: str
) -> None:
    served(lake, manifest, N)
    landed(lake, n_days)
    assert [one["unscored"] for one in recorded(lake)] == [why]
    assert record_of(lake, ETHER).unscored == {why: 1}
    landed(lake, LAST + 1)
    later = OVER + 9 * DAY
    assert [(one["unscored"], one["scored_at"]) for one in recorded(lake, later)] == [(None, later)]


def test_the_newest_price_counts_and_what_was_said_stays(lake: Lake, manifest: Manifest) -> None:
    served(lake, manifest, N)
    landed(lake, LAST + 1)
    [first] = recorded(lake)
    flip = 0.5 if first["momentum"] == "BUY" else 2.0  # what momentum would say by the prices of later
    corrected = with_close(N - 1, flip, with_close(LAST, 1.1))
    landed(lake, LAST + 1, corrected)
    at = OVER + DAY

    [one] = recorded(lake, at)

    assert one["net_return"] == pytest.approx(gain(corrected) + COSTS, abs=1e-12) != first["net_return"]
    assert (one["scored_at"], one["restated_at"], one["first_net_return"]) == (OVER, at, first["net_return"])
    assert (one["decision"], one["momentum"]) == ("BUY", first["momentum"])
    assert record_of(lake, ETHER).restated == 1
    assert recorded(lake, at + DAY) == [one], "it is restated once"


def test_a_price_that_is_gone_takes_no_score_away(lake: Lake, manifest: Manifest) -> None:
    served(lake, manifest, N)
    landed(lake, LAST + 1)
    before = recorded(lake)
    landed(lake, N)
    assert recorded(lake, OVER + DAY) == before


def test_another_champion_answers_for_what_it_said_itself(lake: Lake, manifest: Manifest) -> None:
    served(lake, manifest, N, "BUY")
    successor = champion(lake.settings, seed=1).champion()
    assert successor is not None
    served(lake, successor, N, "SELL", hour=10)
    landed(lake, LAST + 1)
    found = [(one["model_version"], one["decision"], one["n_differing"]) for one in recorded(lake)]
    assert found == [("eth_signal-1", "BUY", 0), ("eth_signal-2", "SELL", 0)]
    told = record_of(lake, ETHER)
    assert (told.served, told.scored, told.days) == (2, 2, 1)
    assert told.earned[0].mean_net_return == 0.0, "the last answer of a day counts for it"


def test_one_that_was_brought_twice_is_one_and_one_that_was_changed_says_so(lake: Lake, manifest: Manifest) -> None:
    receipt = served(lake, manifest, N)
    served(lake, manifest, N, "HODL", hour=10)
    told = lake.tables.scan(shared_receipts.SPEC.name)
    assert told is not None
    frame = told.collect()
    changed = frame.with_columns(pl.col("receipt").str.replace_all("HODL", "SELL"))  # of the second alone
    with lake.tables.changing(shared_receipts.SPEC) as change:
        change.delete(AlwaysTrue()).add(pl.concat([changed, changed.filter(id=receipt.id)]))
    landed(lake, LAST + 1)

    found = recorded(lake)

    assert [(one["decision"], one["unscored"]) for one in found] == [("BUY", None), (None, DAMAGED)]
    assert record_of(lake, ETHER).unscored == {DAMAGED: 1}
    assert [one["uncompared"] for one in found] == [None, DAMAGED]


@pytest.mark.parametrize(
    ("change", "made_at"),
    [
        ({"answer": {"decision": ["BUY"], "model_decision": "BUY", "reasons": []}}, None),
        ({"answer": {"decision": "BUY", "model_decision": {}, "reasons": []}}, None),
        ({"answer": None}, None),
        ({"made_at": FIRST + (N - 30) * DAY}, None),  # before its features were known
        ({}, FIRST + (N + 3) * DAY),  # the table and the receipt tell two times
        ({"made_at": datetime.max.replace(tzinfo=UTC)}, datetime(9999, 12, 31, tzinfo=UTC)),
        ({"as_of": datetime.min.replace(tzinfo=UTC)}, None),
    ],
)
def test_a_damaged_receipt_is_counted_and_stops_no_other(
    lake: Lake, manifest: Manifest, change: dict[str, object], made_at: datetime | None
) -> None:
    whole = served(lake, manifest, N)
    bad = msgspec.structs.replace(answered(manifest, N - 1, whole.made_at, "SELL", snapshots={}), **change)
    row = {
        **{"id": bad.id, "made_at": made_at or bad.made_at, "endpoint": bad.endpoint, "model": bad.model},
        **{"version": bad.version, "receipt": msgspec.json.encode(bad).decode()},
    }
    with lake.tables.changing(shared_receipts.SPEC) as change_:
        change_.add(pl.DataFrame([row], schema=polars_schema(ServedReceipts)))
    landed(lake, LAST + 1)
    found = {one["receipt_id"]: one["unscored"] for one in recorded(lake)}
    assert found == {whole.id: None, bad.id: DAMAGED}


def test_what_momentum_said_is_written_down_with_the_answer(lake: Lake, manifest: Manifest) -> None:
    """A close that is corrected before the horizon is over must not tell it afterwards what to have said."""
    receipt = served(lake, manifest, N)
    [open_] = recorded(lake, receipt.made_at + timedelta(minutes=1))
    assert open_["momentum"] in {"BUY", "SELL"}
    landed(lake, LAST + 1, with_close(N - 1, 0.5 if open_["momentum"] == "BUY" else 2.0))
    assert [one["momentum"] for one in recorded(lake)] == [open_["momentum"]]


def test_who_asks_often_is_counted_once_a_day(lake: Lake, manifest: Manifest) -> None:
    """What was right is counted by days, as what was earned."""
    for hour, decision in enumerate(("SELL", "HODL", "BUY")):
        served(lake, manifest, N, decision, hour=hour)
    landed(lake, LAST + 1)
    labels = dict(training_set.read(lake, ETHER).rows.select("event_ts", "label").iter_rows())
    recorded(lake)
    told = record_of(lake, ETHER)
    assert (told.scored, told.days, told.labelled) == (3, 1, 1)
    assert told.right == (labels[FIRST + N * DAY] == "BUY")


def test_it_outlives_its_receipts(lake: Lake, manifest: Manifest) -> None:
    receipt = served(lake, manifest, N)
    [open_] = recorded(lake, receipt.made_at)
    assert shared_receipts.forget(lake, receipt.made_at + 91 * DAY) == 1
    landed(lake, LAST + 1)
    [one] = recorded(lake)
    assert (one["receipt_id"], one["unscored"]) == (open_["receipt_id"], None)
    with pytest.raises(CannotRebuild, match="outlives the receipts"):
        rebuild(lake, ETHER.record)


def test_other_options_do_not_change_what_a_signal_was_served_with(lake: Lake, manifest: Manifest) -> None:
    served(lake, manifest, N)
    recorded(lake, FIRST + N * DAY)
    landed(lake, LAST + 1)
    other = replace(ETHER, options=ETHER.options.model_copy(update={"horizon_days": 2, "judged_cost_bps": 50.0}))
    record = update(lake, other, OVER)
    assert record is not None
    assert record["net_return"].to_list() == pytest.approx([gain() + COSTS], abs=1e-12)


def test_it_is_behind_until_it_was_made_and_again_a_day_later(
    lake: Lake, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behind() -> set[str]:
        return {one.name for one in standing(lake, signal_products(ETHER)).behind}

    assert ETHER.record in behind()
    at = standing_module.now()
    assert update(lake, ETHER, at) is not None
    assert ETHER.record not in behind(), "that nothing was served is a result, too"
    monkeypatch.setattr(standing_module, "now", lambda: at + LOOKED_AT_AGAIN)
    assert ETHER.record in behind()


def scores(days: list[int], net: float = 0.01, hold: float = 0.0) -> pl.DataFrame:
    """A record of signals whose first closes are on these days."""
    first = [FIRST + day * DAY for day in days]
    told = {
        "receipt_id": [str(number) for number in range(len(days))],
        "made_at": [at - timedelta(hours=1) for at in first],
        "decision": ["BUY"] * len(days),
        "label": ["BUY"] * len(days),
        "first_close": first,
        "last_close": [at + HORIZON * DAY for at in first],
        "scored_at": [at + HORIZON * DAY for at in first],
        "net_return": [net + day / 1000 for day in days],
        "net_buy_and_hold": [hold] * len(days),
        "net_momentum": [0.0] * len(days),
        "n_differing": [0] * len(days),
    }
    absent = {name: pl.lit(None, dtype) for name, dtype in SCHEMA.items() if name not in told}
    return pl.DataFrame(told).with_columns(**absent).select(pl.col(name).cast(to) for name, to in SCHEMA.items())


@pytest.mark.parametrize(
    ("days", "separate"),
    [([], 0), ([0], 1), ([0, 1, 2, 3, 4], 1), ([0, 4, 5], 2), ([0, 1, 2, 3, 4, 5, 9, 10], 3), ([0, 50], 2)],
)
def test_overlapping_horizons_are_worth_what_does_not_overlap(days: list[int], separate: int) -> None:
    told = summary(ETHER, scores(days))
    assert (told.days, told.separate_horizons, told.few) == (len(days), separate, True)
    if days:
        assert "That is few: so little cannot tell skill from luck." in " ".join(told.words)
    assert (told.excess_error is None) == (separate < 2)


def test_many_days_are_not_said_to_be_few() -> None:
    days = list(range(0, FEW * HORIZON, HORIZON))
    told = summary(ETHER, scores(days))
    assert not told.few
    assert "few" not in " ".join(told.words)
    deviation = np.std(np.array(days) / 1000, ddof=1)
    assert told.excess == pytest.approx(0.01 + np.mean(days) / 1000)
    assert told.excess_error == pytest.approx(deviation / FEW**0.5)
    assert {one.rule for one in told.earned} == {"signal", "buy_and_hold", "momentum", "always_hodl"}


def test_before_anything_was_served_it_says_so(lake: Lake) -> None:
    told = record_of(lake, ETHER)
    assert told.words == [
        "No signal that was served has been written down yet: that is done once a day, and there is no record before."
    ]
    assert json.dumps(told.unscored) == "{}"
    assert update(lake, ETHER) is None
