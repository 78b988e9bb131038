"""Feast's online store on ours: it reads what the assets publish, under the same conditions, and writes nothing."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from feast import Entity, FeatureView
from feast.infra.online_stores.online_store import OnlineStore as FeastOnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from feast.type_map import feast_value_type_to_python_type, python_values_to_proto_values
from feast.value_type import ValueType
from pydantic import Field

from cryptodudez_assets.feature_store.feast_plugin.source import LakeSource
from cryptodudez_assets.feature_store.online import OnlineStore, open_online_store
from cryptodudez_assets.lake.lake import now
from cryptodudez_assets.settings import Settings


class CryptodudezOnlineStoreConfig(FeastConfigBaseModel):
    """Where the store is: as the environment says, but for what is said here."""

    type: str = f"{__name__}.CryptodudezOnlineStore"
    settings: Settings = Field(default_factory=Settings)


class NotFeastsToWrite(NotImplementedError):
    """Online features are those of the lake; were others written past it, training would not see what is served."""


class CryptodudezOnlineStore(FeastOnlineStore):
    """The latest features by key, if they are known now and not older than the view's TTL."""

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, Value] | None]]:
        """For each key the row's `event_ts` and features; nothing, twice, where there is nothing to serve."""
        view = LakeSource.of(table.batch_source).view
        types = {field.name: field.dtype.to_value_type() for field in table.features}
        features = [name for name in requested_features or types if name in types]
        store = _opened(config.online_store.settings.online)
        rows = store.read(view, [_key(key) for key in entity_keys], features, now())
        found = [row for row in rows if row["event_ts"] is not None]
        columns = {name: _protos([row[name] for row in found], types[name]) for name in features}
        served = ({name: columns[name][i] for name in features} for i in range(len(found)))
        return [(None, None) if row["event_ts"] is None else (row["event_ts"], next(served)) for row in rows]

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[EntityKey, dict[str, Value], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Refuse: the assets write."""
        raise NotFeastsToWrite(
            f"{table.name} is published to the online store by its asset whenever it changes, so there is nothing to "
            "materialise or push; `cryptodudez run` does it now"
        )

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Nothing: the store makes what it needs, and rows belong to the assets."""

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Nothing: what the assets published is served to others too."""


@cache
def _opened(url: str) -> OnlineStore:
    """One for the process: Feast makes its store anew for each FeatureStore, and ours may be shared by threads."""
    return open_online_store(url)


def _protos(values: Sequence[Any], value_type: ValueType) -> list[Value]:
    """As Feast serves them. It has no dates, and times to the second only."""
    plain = [datetime(v.year, v.month, v.day, tzinfo=UTC) if type(v) is date else v for v in values]
    return python_values_to_proto_values(plain, value_type)


def _key(key: EntityKey) -> dict[str, Any]:
    """As our store wants it. The dummy that Feast adds where there is no key is ignored there."""
    return {
        name: feast_value_type_to_python_type(value)
        for name, value in zip(key.join_keys, key.entity_values, strict=True)
    }
