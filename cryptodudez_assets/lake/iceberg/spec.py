"""What a table is to be: its columns from a contract, its partitions, its order, its properties."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from cryptodudez_assets.contracts.base import Contract, columns_of, summary_of
from cryptodudez_assets.lake.iceberg.data_files import TRANSFORMS, Transform
from cryptodudez_assets.lake.iceberg.replacing import MIN_MANIFESTS

METADATA_KEPT = 10


TABLE_PROPERTIES = {
    # Floats split by byte, as `data_files` writes them, are unknown to older readers of whole columns, such as Spark's.
    "read.parquet.vectorization.enabled": "false",
    # Each commit writes a metadata file; without these they would pile up and slow every later commit down.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": f"{METADATA_KEPT}",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": f"{MIN_MANIFESTS}",
    # Our own writers take turns by a lock; retries are for engines that do not know it.
    "commit.retry.num-retries": "20",
}


@dataclass(frozen=True)
class TableSpec:
    """A table to be: its name, the contract that says what it holds, how it is laid out.

    `is_derived`: it is computed of other tables, so that a column that the contract loses is missed by nobody: it is null from then
    on. In a table of a source it must be decided what becomes of it, where it was required.
    """

    name: str
    contract: type[Contract]
    partition_by: Sequence[tuple[str, Transform]]
    sort_by: Sequence[str]
    is_derived: bool = False

    @property
    def description(self) -> str:
        """What the table holds."""
        return summary_of(self.contract)


@cache
def layout_of(spec: TableSpec) -> tuple[Schema, PartitionSpec, SortOrder]:
    """The table's columns, partitions and order, as Iceberg writes them down."""
    fields = [
        NestedField(
            number,
            column.name,
            _iceberg_type(column.dtype, number),
            required=not column.nullable,
            doc=column.description,
        )
        for number, column in enumerate(columns_of(spec.contract), 1)
    ]
    schema = Schema(*fields)
    partition = PartitionSpec(
        *(
            PartitionField(
                schema.find_field(name).field_id, 1000 + i, TRANSFORMS[transform][0], _partition_name(name, transform)
            )
            for i, (name, transform) in enumerate(spec.partition_by)
        )
    )
    order = SortOrder(
        *(SortField(schema.find_field(name).field_id, transform=IdentityTransform()) for name in spec.sort_by)
    )
    return schema, partition, order


def _partition_name(column: str, transform: Transform) -> str:
    return column if transform == "identity" else f"{column}_{transform}"


def _iceberg_type(dtype: Any, number: int) -> IcebergType:
    if isinstance(dtype, pl.List):
        element = _iceberg_type(dtype.inner, number)
        return ListType(element_id=10_000 + number, element_type=element, element_required=False)
    if isinstance(dtype, pl.Decimal):
        return DecimalType(dtype.precision, dtype.scale)
    simple: dict[Any, IcebergType] = {
        pl.String: StringType(),
        pl.Int64: LongType(),
        pl.Float64: DoubleType(),
        pl.Boolean: BooleanType(),
        pl.Date: DateType(),
        pl.Datetime: TimestamptzType(),
    }
    return simple[dtype.base_type() if isinstance(dtype, pl.DataType) else dtype]
