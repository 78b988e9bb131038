"""`catalog.features`: the declared feature views as a table. A changed definition is a new version with its code's hash."""

from collections.abc import Iterable, Sequence

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import Contract, UtcTime, columns_of, polars_schema
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, made_from
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake, now


class Features(Contract):
    """The registry of features: every version of every view that was ever published, one row per feature."""

    view: str = pa.Field(description="Name of the view; its table is `features.<view>`.")
    feature: str = pa.Field(description="Column of the view.")
    version: pl.Int64 = pa.Field(description="Version of the view's definition, 1 being the first.", ge=1)
    code_hash: str = pa.Field(description="Hash of the code that defines the view.")
    type: str = pa.Field(description="Type of the column.")
    unit: str = pa.Field(description="Unit of the column.", nullable=True)
    description: str = pa.Field(description="What the feature is.")
    key: pl.List(pl.String) = pa.Field(description="Columns that identify a thing.")  # type: ignore[valid-type]
    inputs: pl.List(pl.String) = pa.Field(description="Tables and columns that it is made of.")  # type: ignore[valid-type]
    owner: str = pa.Field(description="Who answers for it.")
    ttl_seconds: pl.Int64 = pa.Field(description="How old a value may be to be served.", metadata={"unit": "s"})
    deprecated: str = pa.Field(description="Why it should not be used any more.", nullable=True)
    published_at: UtcTime = pa.Field(description="When this version was published.", metadata={"unit": "UTC"})


REGISTRY = TableSpec("catalog.features", Features, (), ("view", "version", "feature"))


def publish(lake: Lake, views: Sequence[FeatureView]) -> int:
    """Append the definitions that changed since they were last published; returns how many views that were."""
    rows = lake.tables.scan(REGISTRY.name)
    empty = pl.LazyFrame(schema=polars_schema(Features))
    latest = (
        (rows if rows is not None else empty)
        .group_by("view")
        .agg(pl.col("version", "code_hash").sort_by("version").last())
    )
    known = {view: (version, code_hash) for view, version, code_hash in latest.collect().iter_rows()}
    new = [
        (view, known.get(view.name, (0, ""))[0] + 1)
        for view in views
        if known.get(view.name, (0, ""))[1] != view.code_hash
    ]
    made = MadeFrom(code_hash_of(views), {})
    with lake.tables.changing(REGISTRY) as change:
        if new or made_from(change.table) != made:
            described = [row for view, version in new for row in _described(view, version)]
            change.add(pl.DataFrame(described, schema=polars_schema(Features))).remember(made.note)
    return len(new)


def code_hash_of(views: Iterable[FeatureView]) -> str:
    """A hash of what is declared: all that the registry is made from."""
    return hash_of_code(more=sorted((view.name, view.code_hash) for view in views))


def _described(view: FeatureView, version: int) -> list[dict[str, object]]:
    return [
        {
            "view": view.name,
            "feature": column.name,
            "version": version,
            "code_hash": view.code_hash,
            "type": str(column.dtype),
            "unit": column.unit,
            "description": column.description,
            "key": list(view.key),
            "inputs": [f"{one.table}.{name}" for one in view.inputs for name in one.all_columns],
            "owner": view.owner,
            "ttl_seconds": int(view.ttl.total_seconds()),
            "deprecated": view.deprecated,
            "published_at": now(),
        }
        for column in columns_of(view.contract)
        if column.name in view.features
    ]
