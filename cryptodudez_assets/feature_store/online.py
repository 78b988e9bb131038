"""The online store: the latest row of each key, for serving. What a row is, and whether it may be served, is decided here.

Where rows are kept is behind `OnlineBackend`, one file each: `online_sqlite`, `online_postgres`, `online_redis`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.feature_store.online_backend import OnlineBackend, OnlineRow
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TIMES = ("event_ts", "known_ts")
BOOKMARK = "snapshot"


@dataclass(frozen=True)
class Bookmark:
    """How far a view was brought online.

    `snapshot_id`: everything of this snapshot is here; None while rows of every one so far have had to wait.
    `made`: what was brought last, and, where rows of it cannot be known yet, until when nothing is missing.
    """

    snapshot_id: int | None
    made: MadeFrom

    @property
    def as_json(self) -> str:
        """As text."""
        return json.dumps({"snapshot": self.snapshot_id, "made_from": self.made.as_json})

    @classmethod
    def parse(cls, told: str, table: str) -> "Bookmark":
        """From its text. Once it was the snapshot alone."""
        note = json.loads(told)
        if isinstance(note, int):
            return cls(note, MadeFrom("", {table: note}))
        return cls(note["snapshot"], MadeFrom.parse(note["made_from"]))


@dataclass(frozen=True)
class OnlineStore:
    """Latest features by key. Every process opens its own; threads may share one."""

    backend: OnlineBackend

    def write(self, view: FeatureView, rows: pl.DataFrame) -> None:
        """Take in rows of the view, in any order, again or not: what is newest by (event_ts, known_ts) stays.

        Of rows that agree in these the one written last stays. Rows that cannot be known yet should wait: a key has
        one row only, so until then there would be none to serve. Numbers that are not finite become null.
        """
        if records := _records(view, rows):
            self.backend.put(view.name, records)

    def read(
        self, view: FeatureView, keys: Sequence[Mapping[str, Any]], features: Sequence[str], now: datetime
    ) -> list[dict[str, Any]]:
        """For each key `event_ts`, `known_ts` and the features, all None where there is nothing to serve.

        A row may be served at `now` under the conditions of `point_in_time`: it is known and at most `ttl` old.
        """
        at, ttl = _microseconds(now), view.ttl // MICROSECOND
        return self._read(view, keys, features, lambda row: max(row.event, row.known) <= at <= row.event + ttl)

    def newest(
        self, view: FeatureView, keys: Sequence[Mapping[str, Any]], features: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The same however old a row is. Whoever serves it must say how old."""
        return self._read(view, keys, features, lambda row: True)

    def _read(
        self,
        view: FeatureView,
        keys: Sequence[Mapping[str, Any]],
        features: Sequence[str],
        may_be_served: Callable[[OnlineRow], bool],
    ) -> list[dict[str, Any]]:
        shape = _shape(view.contract, tuple(view.key))
        decoders = shape.decoders(view.name, features)
        texts = [shape.key_text(view.name, key) for key in keys]
        there = self.backend.get(view.name, sorted({text for text in texts if text is not None}))
        served = {key: _decoded(record, decoders) for key, record in there.items() if may_be_served(record)}
        nothing = dict.fromkeys([*TIMES, *features])
        return [dict(served.get(text, nothing) if text is not None else nothing) for text in texts]

    def bookmark(self, view: FeatureView) -> "Bookmark | None":
        """How far the view was brought here."""
        there = self.backend.get(_bookmark(view.name), [BOOKMARK])
        return Bookmark.parse(there[BOOKMARK].features, view.history) if there else None

    def note_published(self, view: FeatureView, bookmark: "Bookmark") -> None:
        """Write down how far the view is here. Call it when it is."""
        at = _microseconds(datetime.now(UTC))
        self.backend.put(_bookmark(view.name), [OnlineRow(BOOKMARK, at, at, bookmark.as_json)])

    def drop(self, view: str) -> None:
        """Forget a view."""
        self.backend.drop(_bookmark(view))
        self.backend.drop(view)

    def close(self) -> None:
        """Let go of connections."""
        self.backend.close()


def open_online_store(url: str) -> OnlineStore:
    """The store at `sqlite:///file`, `postgresql://…` or `redis://…` (also `rediss://…`, `unix://…`)."""
    # What one does not use need not be installed, nor take time to import.
    match url.partition("://")[0]:
        case "sqlite":
            from cryptodudez_assets.feature_store.online_sqlite import SqliteBackend

            return OnlineStore(SqliteBackend(url))
        case "postgresql" | "postgres":
            from cryptodudez_assets.feature_store.online_postgres import PostgresBackend

            return OnlineStore(PostgresBackend(url))
        case "redis" | "rediss" | "unix":
            from cryptodudez_assets.feature_store.online_redis import RedisBackend

            return OnlineStore(RedisBackend(url))
        case scheme:
            raise ValueError(f"no online store at {scheme}://…; expected sqlite:///file, postgresql://… or redis://…")


Decoder = Callable[[Any], Any]


@dataclass(frozen=True)
class _Shape:
    """What reading needs of a contract, worked out once."""

    key: dict[str, type]
    features: dict[str, Decoder]

    def decoders(self, view: str, features: Sequence[str]) -> list[tuple[str, Decoder]]:
        if unknown := [name for name in features if name not in self.features]:
            raise KeyError(f"no feature {', '.join(unknown)} in {view}; it has {', '.join(self.features)}")
        return [(name, self.features[name]) for name in features]

    def key_text(self, view: str, key: Mapping[str, Any]) -> str | None:
        """The key as it is kept; None for one with a null, which nothing belongs to."""
        if missing := [name for name in self.key if name not in key]:
            raise KeyError(f"a key of {view} lacks {', '.join(missing)}")
        for name, expected in self.key.items():
            if key[name] is not None and type(key[name]) is not expected:
                raise TypeError(f"key {name} of {view} must be {expected.__name__}, not {key[name]!r}")
        values = [key[name] for name in self.key]
        return None if None in values else _key_text(values)


@cache
def _shape(contract: type[FeatureContract], key: tuple[str, ...]) -> _Shape:
    schema = polars_schema(contract)
    features = {name: _decoder(dtype) for name, dtype in schema.items() if name not in {*key, *TIMES}}
    return _Shape({name: schema[name].to_python() for name in key}, features)


def _bookmark(view: str) -> str:
    """Where it is kept how far a view was brought here: no view's name has a blank."""
    return f"{view} published"


def _key_text(values: Sequence[Any]) -> str:
    return json.dumps(values, default=date.isoformat)


def _decoder(dtype: pl.DataType) -> Decoder:
    if dtype == pl.Datetime:
        return _time
    if dtype == pl.Date:
        return lambda days: (EPOCH + timedelta(days=days)).date()
    return float if dtype.is_float() else lambda value: value


def _decoded(record: OnlineRow, decoders: Sequence[tuple[str, Decoder]]) -> dict[str, Any]:
    values = json.loads(record.features)
    row: dict[str, Any] = {"event_ts": _time(record.event), "known_ts": _time(record.known)}
    for name, decode in decoders:
        value = values.get(name)  # a feature that was added later is null until it is written
        row[name] = None if value is None else decode(value)
    return row


def _time(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def _microseconds(time: datetime) -> int:
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone; expected UTC")
    return (time - EPOCH) // MICROSECOND


def _records(view: FeatureView, rows: pl.DataFrame) -> list[OnlineRow]:
    schema = polars_schema(view.contract)
    newest = rows.cast({name: schema[name] for name in rows.columns}).drop_nulls([*view.key, *TIMES])
    newest = newest.sort(*TIMES, maintain_order=True)
    newest = newest.unique(view.key, keep="last", maintain_order=True) if view.key else newest.tail(1)
    plain = [pl.col(name).to_physical() if schema[name].is_temporal() else pl.col(name) for name in view.features]
    kept = newest.select(
        *(pl.col(name).to_physical() for name in TIMES), pl.struct(plain).struct.json_encode().alias("json")
    )
    keys = map(_key_text, newest.select(view.key).rows() if view.key else [()] * len(newest))
    return sorted(OnlineRow(key, *values) for key, values in zip(keys, kept.rows(), strict=True))
