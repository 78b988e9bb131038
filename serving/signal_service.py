"""What to do about a coin now: the newest features, what the serving model says of them, and the receipt for it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

import msgspec

from cryptodudez_assets.declared_models.signal import Decision, SignalModel
from cryptodudez_assets.feature_store.online import OnlineStore
from cryptodudez_assets.lake.samples import is_planted
from cryptodudez_assets.models.receipts import SIGNALS, Receipt, Receipts, receipt_id
from cryptodudez_assets.models.signal.inputs import OnlineRow, inputs_of
from cryptodudez_assets.models.signal.signal import Confidence, Signal, age, decide, effects, is_stale, notes
from cryptodudez_assets.settings import Settings
from serving.dashboard import NoDecision, Today
from serving.errors import Unavailable
from serving.model_slot import RETRY_SECONDS, Loaded, ModelSlot, Unpredictable

CACHE_SECONDS = 1.0  # features change with the day


class SignalAnswer(msgspec.Struct):
    """The decision for a coin. `model_decision` is what the model alone says; `reasons` tell why `decision` is another.

    `notes` tell what else is to be known of what it stands on, such as prices of a candle in USDT. `as_of` is the time of the newest
    features; `age_seconds` and `stale` are judged by the oldest.
    """

    decision: Decision
    model_decision: Decision
    confidence: Confidence
    probabilities: dict[str, float]
    reasons: list[str]
    notes: list[str]
    as_of: datetime
    age_seconds: int
    stale: bool
    model: str
    model_version: int
    verdict: str
    features: dict[str, float | None]
    receipt_id: str


@dataclass(frozen=True)
class _Decided:
    """All that an answer is made from."""

    loaded: Loaded
    row: OnlineRow
    signal: Signal
    at: datetime
    receipt_id: str


class SignalService:
    """Answers for the API and the dashboard. All but `encoded` may block: it is for worker threads."""

    def __init__(
        self, settings: Settings, model: SignalModel, slot: ModelSlot, store: OnlineStore, receipts: Receipts
    ) -> None:
        self._settings = settings
        self._inputs, self._coin = inputs_of(model), model.coin.name
        self._slot, self._store, self._receipts = slot, store, receipts
        self._last_recorded = ""
        self._cached: tuple[float, Loaded | None, bytes] = (0.0, None, b"")
        self._one_at_a_time = asyncio.Lock()

    async def encoded(self) -> bytes:
        """The answer as JSON, at most a second old and of the model that serves."""
        async with self._one_at_a_time:
            until, loaded, answer = self._cached
            if monotonic() >= until or loaded is not self._slot.current:
                loaded = self._slot.current
                answer = await asyncio.to_thread(lambda: msgspec.json.encode(self.answer()))
                self._cached = (monotonic() + CACHE_SECONDS, loaded, answer)
            return answer

    def answer(self) -> SignalAnswer:
        """The answer, with its receipt written. Raises `Unavailable` where there is no model or are no features."""
        one = self._decide()
        manifest = one.loaded.predictor.manifest
        return SignalAnswer(
            decision=one.signal.decision,
            model_decision=one.signal.model_decision,
            confidence=one.signal.confidence,
            probabilities=one.signal.probabilities,
            reasons=one.signal.reasons,
            notes=self._notes(one.row),
            as_of=one.row.as_of,
            age_seconds=int(age(one.row.oldest, one.at).total_seconds()),
            stale=is_stale(one.row.oldest, one.at),
            model=manifest.name,
            model_version=manifest.version,
            verdict=one.loaded.predictor.verdict.label,
            features=dict(zip(manifest.features, one.row.values, strict=True)),
            receipt_id=one.receipt_id,
        )

    def today(self) -> Today | NoDecision:
        """The same for the dashboard, with what moved the model; or why there is nothing to say."""
        try:
            one = self._decide()
        except Unavailable as why:
            return NoDecision(why.detail)
        predictor = one.loaded.predictor
        return Today(
            decision=one.signal.decision,
            model_decision=one.signal.model_decision,
            probabilities=one.signal.probabilities,
            confidence=one.signal.confidence,
            reasons=one.signal.reasons,
            notes=self._notes(one.row),
            as_of=one.row.as_of,
            age=age(one.row.oldest, one.at),
            stale=is_stale(one.row.oldest, one.at),
            model_version=predictor.manifest.label,
            skill=predictor.verdict.skill,
            verdict=predictor.verdict.words,
            moved=effects(predictor, one.row.values),
            receipt_id=one.receipt_id,
        )

    def features_age(self) -> float:
        """Age of the oldest features of the signal in seconds; NaN where there are none."""
        row = self._inputs.online_row(self._store)
        return age(row.oldest, datetime.now(UTC)).total_seconds() if row else float("nan")

    def _notes(self, row: OnlineRow) -> list[str]:
        return notes(from_candle=row.from_candle, planted=is_planted(self._settings))

    def _decide(self) -> _Decided:
        loaded, at = self._slot.require(), datetime.now(UTC)
        predictor = loaded.predictor
        if predictor.manifest.features != list(self._inputs.names):
            raise Unavailable(
                f"{predictor.manifest.label} was trained on other features than this version has: "
                "`cryptodudez run` trains another",
                RETRY_SECONDS,
            )
        row = self._inputs.online_row(self._store)
        if row is None:
            raise Unavailable(
                f"the online store has no features of {self._coin} yet: `cryptodudez land` the archives, then `cryptodudez run`",
                RETRY_SECONDS,
            )
        try:
            [probabilities] = loaded.predict([row.values])
        except Unpredictable as error:
            raise Unavailable(str(error), RETRY_SECONDS) from error
        signal = decide(probabilities, predictor.manifest.rule, predictor.verdict, row.oldest, at)
        return _Decided(loaded, row, signal, at, self._recorded(loaded, row, probabilities, signal, at))

    def _recorded(
        self, loaded: Loaded, row: OnlineRow, probabilities: list[float], signal: Signal, at: datetime
    ) -> str:
        """The id of the receipt. The same answer has the same one, so that most of the time there is nothing to write."""
        predictor = loaded.predictor
        name = receipt_id(predictor.sha256, [row.values], row.as_of, SIGNALS, signal.decision, signal.reasons)
        if name != self._last_recorded:
            receipt = Receipt(
                id=name,
                made_at=at,
                endpoint=SIGNALS,
                request={},
                model=predictor.manifest.name,
                version=predictor.manifest.version,
                sha256=predictor.sha256,
                inputs=[row.values],
                probabilities=[probabilities],
                answer=msgspec.to_builtins(signal),
                as_of=row.as_of,
                feature_snapshots=self._snapshots(),
            )
            self._receipts.record([receipt])
            self._last_recorded = name
        return name

    def _snapshots(self) -> dict[str, int]:
        """Where the online features came from: the snapshots that were published."""
        found = {view.history: self._store.bookmark(view) for view in self._inputs.views}
        return {table: one.snapshot_id for table, one in found.items() if one and one.snapshot_id is not None}
