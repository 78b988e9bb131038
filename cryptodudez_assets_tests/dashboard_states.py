"""States of a platform that the dashboard is looked at in: a model with skill on fresh data, one without on old data."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.crypto_prices import CryptoPrices
from cryptodudez_assets.declared_models.signal import CLASSES
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.manifest import Draft, SelfTest, TrainedOn
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.signal.signal import OF_A_CANDLE
from cryptodudez_assets_tests.ether import NAMES, PRICES
from cryptodudez_assets_tests.findings_builder import CHOSEN, FIRST, LAST, _market, findings, predictions
from serving.dashboard import Today

SHARES = {"BUY": 0.41, "HODL": 0.24, "SELL": 0.35}
NO_SKILL = Verdict(
    skill=False,
    words="The base rates are in use: no candidate was better than knowing how often each outcome happened.",
)


def skilled(lake: Lake) -> Today:
    """A champion with skill, data of yesterday: BUY."""
    shift = timedelta(days=(datetime.now(UTC) - LAST).days)
    write_closes(lake, shift)
    registry = register(lake, CHOSEN, findings(True).best.verdict, skill=True, shift=shift)
    registry.promote(1, "skill")
    as_of = LAST + shift
    effects = [0.081, -0.052, 0.034, 0.021, -0.017, 0.008, 0.003, 0.0001]
    return Today(
        decision="BUY",
        model_decision="BUY",
        probabilities={"BUY": 0.62, "HODL": 0.21, "SELL": 0.17},
        confidence="high",
        reasons=[],
        notes=[OF_A_CANDLE],
        as_of=as_of,
        age=datetime.now(UTC) - as_of,
        stale=False,
        model_version="eth_signal-1",
        skill=True,
        verdict=findings(True).best.verdict.words,
        moved=list(zip(NAMES, effects, strict=False)),
        receipt_id="4f6c1f9e2b7d4c0f",
    )


def unskilled(lake: Lake) -> Today:
    """The base rates serve, a candidate without skill waits, data end in 2021: HODL."""
    write_closes(lake, timedelta())
    registry = register(lake, "base_rates", NO_SKILL)
    registry.promote(1, "first")
    register(lake, CHOSEN, findings().best.verdict, skill=False)
    return Today(
        decision="HODL",
        model_decision="BUY",
        probabilities=SHARES,
        confidence="low",
        reasons=[NO_SKILL.words, "The oldest of the features are of 05 July 2021: older than 3 days."],
        notes=[],
        as_of=LAST,
        age=datetime.now(UTC) - LAST,
        stale=True,
        model_version="eth_signal-1",
        skill=False,
        verdict=NO_SKILL.words,
        moved=[(name, 0.0) for name in NAMES],
        receipt_id="4f6c1f9e2b7d4c0f",
    )


def register(
    lake: Lake, recipe: str, verdict: Verdict, skill: bool | None = None, shift: timedelta = timedelta()
) -> Registry:
    """A version of the signal; with findings and predictions if it is said whether it has skill."""
    registry = Registry(lake.settings, "eth_signal")
    registry.register(
        Draft(
            recipe=recipe,
            parameters={},
            classes=list(CLASSES),
            features=list(NAMES),
            typical=[0.0] * len(NAMES),
            trained_on=TrainedOn(
                table="ml.eth_training_set",
                snapshot_id=1,
                inputs={"features.crypto_daily": 1},
                rows=1800,
                first_day=FIRST,
                last_day=LAST,
            ),
            code_version="test",
            metrics={},
            verdict=verdict,
            self_test=SelfTest(inputs=[], probabilities=[]),
        ),
        {} if skill is None else evidence(skill, shift),
    )
    return registry


def evidence(skill: bool, shift: timedelta) -> dict[str, bytes]:
    """The files beside a model that has learned."""
    written = io.BytesIO()
    predictions(skill)[CHOSEN].with_columns(pl.col("event_ts") + shift).write_parquet(written)
    return {"findings.json": findings(skill).model_dump_json().encode(), "predictions.parquet": written.getvalue()}


def write_closes(lake: Lake, shift: timedelta) -> None:
    """The invented market's closes as the table of features that the chart is drawn from."""
    closes = np.asarray(_market()[0])
    schema = polars_schema(PRICES.contract)
    days = [FIRST + shift + timedelta(days=i) for i in range(len(closes))]
    rows = pl.DataFrame({"symbol": "ETH", "close": closes, "event_ts": days, "known_ts": days})
    empty = [pl.lit(0.0).cast(dtype).alias(name) for name, dtype in schema.items() if name not in rows.columns]
    with lake.tables.changing(TableSpec(PRICES.table, PRICES.contract, (), ("event_ts",))) as change:
        change.add(rows.with_columns(empty).select(schema.names()).cast(dict(schema)))
    write_candles(lake, rows)


def write_candles(lake: Lake, closes: pl.DataFrame) -> None:
    """Candles with these closes, as a source would have written them: `symbol`, `close`, `event_ts` and `known_ts` are given."""
    schema = polars_schema(CryptoPrices)
    opened, close = pl.col("close").shift(1, fill_value=pl.col("close").first()), pl.col("close")
    rows = closes.with_columns(
        open=opened,
        high=1.02 * pl.max_horizontal(opened, close),
        low=0.98 * pl.min_horizontal(opened, close),
        volume=1e6 * close,
    )
    others = ((name, dtype) for name, dtype in schema.items() if name not in rows.columns)
    empty = [pl.lit("" if dtype == pl.String else 0).cast(dtype).alias(name) for name, dtype in others]
    with lake.tables.changing(TableSpec("market.crypto_prices", CryptoPrices, (), ("event_ts",))) as change:
        change.add(rows.with_columns(empty).select(schema.names()).cast(dict(schema)))
