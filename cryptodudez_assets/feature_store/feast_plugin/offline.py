"""Feast's offline store on the lake: training data by our point-in-time join, rows of a time range by a scan.

When a row was known is never ignored, whether `filter_by_created_timestamp` is asked for or not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pyarrow as pa
from feast import FeatureView, OnDemandFeatureView
from feast.data_source import DataSource
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalJob, RetrievalMetadata
from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import Field

from cryptodudez_assets.feature_store.feast_plugin.source import LakeSource
from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.sql import query
from cryptodudez_assets.settings import Settings


class CryptodudezOfflineStoreConfig(FeastConfigBaseModel):
    """Where the lake is: as the environment says, but for what is said here."""

    type: str = f"{__name__}.CryptodudezOfflineStore"
    settings: Settings = Field(default_factory=Settings)


class LakeRetrieval(RetrievalJob):
    """A frame that is made when it is asked for."""

    def __init__(
        self,
        make: Callable[[], pl.DataFrame],
        metadata: RetrievalMetadata | None = None,
        full_feature_names: bool = False,
        on_demand_feature_views: Sequence[OnDemandFeatureView] = (),
    ) -> None:
        self._make = make
        self._metadata = metadata
        self._full_feature_names = full_feature_names
        self._on_demand_feature_views = list(on_demand_feature_views)

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """What was asked for."""
        return self._metadata

    @property
    def full_feature_names(self) -> bool:
        """Whether features are called `view__feature`."""
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        """What Feast computes from the frame."""
        return self._on_demand_feature_views

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._make().to_arrow()

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._make().to_pandas()


class CryptodudezOfflineStore(OfflineStore):
    """The lake, as Feast sees it."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = True,
        **span: Any,
    ) -> LakeRetrieval:
        """The entities, in their order, with the features that were known at each one's time. An SQL query sees the lake."""
        if entity_df is None:
            raise ValueError(
                "say at which times features are wanted: entity_df with keys and event_timestamp "
                '(or SQL on the lake, such as "select symbol, event_ts as event_timestamp from market.crypto_prices")'
            )
        lake = _lake(config)
        entities = query(lake, entity_df) if isinstance(entity_df, str) else pl.from_pandas(entity_df)
        time = _time_of(entities)
        wanted = [_Wanted.of(view, feature_refs, full_feature_names) for view in feature_views]
        first, last = entities.select(first=pl.col(time).min(), last=pl.col(time).max()).row(0)
        return LakeRetrieval(
            lambda: _joined(lake, entities, time, wanted),
            RetrievalMetadata(feature_refs, [name for name in entities.columns if name != time], first, last),
            full_feature_names,
            OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> LakeRetrieval:
        """Of each key the newest row in the range that was known at its end."""
        known = pl.col("known_ts") <= _utc(end_date)
        rows = _rows(config, data_source, start_date, end_date).filter(known).sort("event_ts", "known_ts")
        if join_key_columns:
            newest = rows.unique(join_key_columns, keep="last", maintain_order=True)
        else:
            newest = rows.tail(1).with_columns(pl.lit(DUMMY_ENTITY_VAL).alias(DUMMY_ENTITY_ID))
        times = [timestamp_field, created_timestamp_column]
        keys = join_key_columns or [DUMMY_ENTITY_ID]
        return LakeRetrieval(_selected(newest, [*keys, *feature_name_columns, *times], bool(feature_name_columns)))

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> LakeRetrieval:
        """All rows of the range, every version of them."""
        rows = _rows(config, data_source, start_date, end_date).sort("event_ts", "known_ts")
        columns = [*join_key_columns, *feature_name_columns, timestamp_field, created_timestamp_column]
        return LakeRetrieval(_selected(rows, columns, bool(feature_name_columns)))


@dataclass(frozen=True)
class _Wanted:
    """Features of one view, as named to Feast: it may stand for the view under another name, and for its keys too."""

    source: LakeSource
    keys: dict[str, str]
    names: dict[str, str]

    @classmethod
    def of(cls, view: FeatureView, feature_refs: Sequence[str], full: bool) -> "_Wanted":
        source = LakeSource.of(view.batch_source)
        called = str(view.projection.name_alias or view.projection.name)
        refs = (ref.split(":") for ref in feature_refs)
        names = {feature: f"{called}__{feature}" if full else feature for name, feature in refs if name == called}
        keys = {name: view.projection.join_key_map.get(name, name) for name in source.view.key}
        return cls(source, keys, names)


def _joined(lake: Lake, entities: pl.DataFrame, time: str, wanted: Sequence[_Wanted]) -> pl.DataFrame:
    """All views that call their keys alike in one go, since they share the work on the entities."""
    groups: list[tuple[dict[str, str], list[_Wanted]]] = []
    for one in wanted:
        fitting = next((g for g in groups if all(g[0].get(k, v) == v for k, v in one.keys.items())), None)
        if fitting is None:
            groups.append((dict(one.keys), [one]))
        else:
            fitting[0].update(one.keys)
            fitting[1].append(one)
    found = [part for keys, group in groups for part in _group(lake, entities, time, keys, group)]
    return pl.concat([entities, *found], how="horizontal")


def _group(
    lake: Lake, entities: pl.DataFrame, time: str, keys: dict[str, str], group: Sequence[_Wanted]
) -> list[pl.DataFrame]:
    if missing := [name for name in keys.values() if name not in entities.columns]:
        raise KeyError(f"the entities lack {', '.join(missing)}; they have {', '.join(entities.columns)}")
    asked = entities.select(pl.col(time), *(pl.col(theirs).alias(ours) for ours, theirs in keys.items()))
    views = {one.source.name: one.source.view for one in group}
    features = [f"{one.source.name}:{name}" for one in group for name in one.names]
    frame = historical_features(lake, views.values(), asked, features, time=time).frame
    return [
        frame.select(pl.col(f"{one.source.name}__{name}").alias(called) for name, called in one.names.items())
        for one in group
    ]


def _time_of(entities: pl.DataFrame) -> str:
    """The column that Feast would take for the entities' time."""
    return str(infer_event_timestamp_from_entity_df(entities.head(0).to_pandas().dtypes.to_dict()))


def _rows(config: RepoConfig, source: DataSource, start: datetime | None, end: datetime | None) -> pl.LazyFrame:
    view = LakeSource.of(source).view
    rows = _lake(config).tables.scan(view.history)
    if rows is None:
        raise LookupError(f"there is no table {view.history} yet: materialise {view.name} first")
    if start is not None:
        rows = rows.filter(pl.col("event_ts") >= _utc(start))
    return rows if end is None else rows.filter(pl.col("event_ts") <= _utc(end))


def _selected(rows: pl.LazyFrame, columns: Sequence[str | None], chosen: bool) -> Callable[[], pl.DataFrame]:
    """These columns, or all of them if no features were chosen."""
    names = [name for name in columns if name]
    return (rows.select(list(dict.fromkeys(names))) if chosen else rows).collect


def _utc(time: datetime) -> pl.Expr:
    return pl.lit(time.replace(tzinfo=time.tzinfo or UTC), pl.Datetime("us", "UTC"))


def _lake(config: RepoConfig) -> Lake:
    return Lake.open(config.offline_store.settings, {})  # raw files are nothing to it
