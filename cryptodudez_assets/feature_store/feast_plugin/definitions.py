"""What Feast is told of the features: entities, sources and feature views, made from the declarations and nothing else."""

from collections.abc import Iterable
from datetime import timedelta

import feast
import polars as pl
from feast import types
from feast.feast_object import FeastObject

from cryptodudez_assets.contracts.base import Column, columns_of
from cryptodudez_assets.feature_store.feast_plugin.source import LakeSource
from cryptodudez_assets.features import FeatureView, all_views

TYPES: dict[type[pl.DataType], types.PrimitiveFeastType] = {
    pl.String: types.String,
    pl.Boolean: types.Bool,
    pl.Int32: types.Int32,
    pl.Int64: types.Int64,
    pl.Float32: types.Float32,
    pl.Float64: types.Float64,
    pl.Datetime: types.UnixTimestamp,
    pl.Date: types.UnixTimestamp,
}


def definitions(views: Iterable[FeatureView] | None = None) -> list[FeastObject]:
    """Everything to register: of all declared views, if none are named."""
    views = list(all_views().values() if views is None else views)
    entities = _entities(views)
    made = [_feature_view(view, entities) for view in views]
    return [*entities.values(), *(LakeSource.of(view.batch_source) for view in made), *made]


def _entities(views: Iterable[FeatureView]) -> dict[str, feast.Entity]:
    """One for each column that is part of a key. What it is, is said by the first view that has it."""
    found: dict[str, feast.Entity] = {}
    for view in views:
        for column in columns_of(view.contract):
            if column.name not in view.key:
                continue
            value_type = _type(view, column).to_value_type()
            entity = feast.Entity(
                name=column.name, value_type=value_type, description=column.description, owner=view.owner
            )
            if found.setdefault(column.name, entity).value_type != value_type:
                raise TypeError(f"{view.name}: key {column.name} is {column.dtype}, in another view it is not")
    return found


def _feature_view(view: FeatureView, entities: dict[str, feast.Entity]) -> feast.FeatureView:
    return feast.FeatureView(
        name=view.name,
        entities=[entities[name] for name in view.key],
        schema=[_field(view, column) for column in columns_of(view.contract) if column.name not in _TIMES],
        source=LakeSource(view.name, view.description, view.owner),
        ttl=view.ttl if view.ttl < timedelta.max else timedelta(0),  # 0 is Feast's word for ever
        description=view.description,
        owner=view.owner,
        tags=_tags(view),
    )


_TIMES = {"event_ts", "known_ts"}


def _field(view: FeatureView, column: Column) -> feast.Field:
    return feast.Field(
        name=column.name,
        dtype=_type(view, column),
        description=column.description,
        tags={"unit": column.unit} if column.unit else {},
    )


def _tags(view: FeatureView) -> dict[str, str]:
    tags = {**view.tags, "table": view.table, "version": view.code_hash}
    return {**tags, "deprecated": view.deprecated} if view.deprecated else tags


def _type(view: FeatureView, column: Column) -> types.PrimitiveFeastType | types.Array:
    inner = column.dtype.inner if isinstance(column.dtype, pl.List) else column.dtype
    if (base := inner.base_type()) not in TYPES:
        raise TypeError(f"{view.name}.{column.name} is {column.dtype}: say in {__name__}.TYPES what that is to Feast")
    return types.Array(TYPES[base]) if inner is not column.dtype else TYPES[base]
