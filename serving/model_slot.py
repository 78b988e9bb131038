"""The model that serves, and its replacement while it does: loaded beside, tested, then swapped by one assignment."""

import asyncio
import json
import logging
import sys
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from cryptodudez_assets.models.predictor import Predictor, Rows, as_array, load
from cryptodudez_assets.models.registry import Registry
from serving.errors import Unavailable
from serving.metrics import Metrics

POLL_SECONDS = 1.0
POLL_BUCKET_SECONDS = 20.0  # each look at a bucket is a request
RETRY_SECONDS = 30
MOST_ROWS = 1000
LARGEST = float(np.finfo(np.float32).max)
"""Models compute with float32: what is larger would be infinite."""
LONGEST = -sys.float_info.min
"""No number is written with more characters."""

log = logging.getLogger(__name__)


class Unpredictable(ValueError):
    """Numbers that are too large for a model."""


@dataclass(frozen=True)
class Loaded:
    """A version that serves, the decoder of the requests that it takes, and their most bytes. A reload makes another."""

    predictor: Predictor
    requests: msgspec.json.Decoder[Any]
    most_bytes: int

    @property
    def version(self) -> int:
        """Its version."""
        return self.predictor.manifest.version

    def rows(self, body: bytes) -> Rows:
        """The rows of a request, in the order of the model's features.

        Raises msgspec.DecodeError or UnicodeDecodeError, which say what is wrong where.
        """
        return [list(msgspec.structs.astuple(row)) for row in self.requests.decode(body).rows]

    def predict(self, rows: Rows) -> list[list[float]]:
        """Probabilities for every row. Raises `Unpredictable` where the model gives none: its sums may overflow."""
        probabilities: list[list[float]] = self.predictor.predict(as_array(rows)).tolist()
        for number, one in enumerate(probabilities):
            if not isfinite(sum(one)):
                raise Unpredictable(
                    f"{self.predictor.manifest.label} has no probabilities for such numbers - at rows[{number}]"
                )
        return probabilities


class ModelSlot:
    """Holds what serves of one model. `current` may be read from any thread; hold on to what it gave for a whole request."""

    def __init__(self, registry: Registry, metrics: Metrics) -> None:
        self.registry = registry
        self.current: Loaded | None = None
        self.problem = "no version was promoted yet: `cryptodudez run` trains and promotes one"
        self._lacks_data = False  # which it does not get by waiting
        self._metrics = metrics
        self._seen: str | None = None

    def require(self) -> Loaded:
        """What serves; `Unavailable` where nothing does."""
        if self.current is None:
            retry = None if self._lacks_data else RETRY_SECONDS
            raise Unavailable(f"{self.registry.name} cannot answer: {self.problem}", retry)
        return self.current

    @property
    def failed(self) -> bool:
        """Whether there is a champion and yet nothing serves."""
        return self.current is None and bool(self.registry.promotions())

    def refresh(self) -> None:
        """Load the champion if anything was promoted or reviewed since it was loaded.

        If it is bad, what serves goes on, and the next look tries again.
        """
        try:
            seen = self.registry.generation()
            if seen is None or seen == self._seen:
                return
            champion = self.registry.promotions()[-1:]
            if champion:
                self._load(champion[0].version)
            elif held := self.registry.held():
                self.problem = f"too little to train on: {held.why.rstrip('.')}. Land more, then `cryptodudez run`"
                self._lacks_data = True
            self._seen = seen
        except Exception as error:  # whatever is wrong with it must not end what serves
            if str(error) == self.problem:
                return  # told before
            self.problem = str(error)
            self._metrics.refused_reloads.labels(self.registry.name).inc()
            serving = f"version {self.current.version} goes on" if self.current else "nothing serves"
            log.error("%s; %s", error, serving)

    async def watch(self) -> None:
        """Refresh for ever."""
        seconds = POLL_SECONDS if self.registry.settings.lake_is_local else POLL_BUCKET_SECONDS
        while True:
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.refresh)

    def _load(self, version: int) -> None:
        predictor = load(self.registry, version)
        features = predictor.manifest.features
        self.current = Loaded(predictor, _decoder(features), _most_bytes(features))
        self.problem = ""
        self._metrics.model_version.labels(self.registry.name).set(version)
        log.info("%s serves, %s", predictor.manifest.label, predictor.verdict.label)


def _decoder(features: list[str]) -> msgspec.json.Decoder[Any]:
    """Of `{"rows": [{feature: number or null, …}, …]}` with exactly these features."""
    number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)] | None
    names = {f"f{n}": feature for n, feature in enumerate(features)}  # a feature's name need not be one of Python's
    row = msgspec.defstruct("Row", [(name, number) for name in names], rename=names, forbid_unknown_fields=True)
    rows = Annotated[list[row], Meta(min_length=1, max_length=MOST_ROWS)]  # type: ignore[valid-type]
    return msgspec.json.Decoder(msgspec.defstruct("Rows", [("rows", rows)], forbid_unknown_fields=True))


def _most_bytes(features: list[str]) -> int:
    """Of a request with the most rows and every number in full, with blanks as `json.dumps` sets them."""
    row = json.dumps(dict.fromkeys(features, LONGEST))
    return len(json.dumps({"rows": []})) + MOST_ROWS * len(f"{row}, ")
