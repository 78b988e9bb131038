"""Where Feast's feature views get their rows from: the table of a declared feature view."""

from collections.abc import Callable, Iterable
from typing import Any

from feast.data_source import DataSource
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.repo_config import RepoConfig
from feast.type_map import pa_to_feast_value_type
from feast.value_type import ValueType

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.features import FeatureView, all_views


class LakeSource(DataSource):
    """The rows of the feature view with this name. Whatever else there is to know of it says its declaration."""

    def __init__(self, name: str, description: str = "", owner: str = "", tags: dict[str, str] | None = None) -> None:
        super().__init__(
            name=name,
            timestamp_field="event_ts",
            created_timestamp_column="known_ts",
            description=description,
            owner=owner,
            tags=tags,
        )

    @staticmethod
    def of(source: DataSource | None) -> "LakeSource":
        """The source, if it is one of ours."""
        if not isinstance(source, LakeSource):
            raise TypeError(f"only the lake's feature views can be read here; the source is {source!r}")
        return source

    @property
    def view(self) -> FeatureView:
        """The declaration."""
        views = all_views()
        if self.name not in views:
            raise LookupError(f"no feature view {self.name!r} is declared any more; there are {', '.join(views)}")
        return views[self.name]

    def source_type(self) -> Any:
        """A source that Feast does not know by itself."""
        return DataSourceProto.CUSTOM_SOURCE

    def _to_proto_impl(self) -> DataSourceProto:
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=f"{LakeSource.__module__}.{LakeSource.__qualname__}",
            timestamp_field=self.timestamp_field,
            created_timestamp_column=self.created_timestamp_column,
            description=self.description,
            owner=self.owner,
            tags=self.tags,
        )

    @staticmethod
    def from_proto(data_source: DataSourceProto) -> "LakeSource":
        """What was registered."""
        return LakeSource(data_source.name, data_source.description, data_source.owner, dict(data_source.tags))

    def validate(self, config: RepoConfig) -> None:
        """Whether it is declared; its table may come later."""
        _ = self.view

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        """Feast's type for a type of Arrow."""
        return pa_to_feast_value_type

    def get_table_column_names_and_types(self, config: RepoConfig) -> Iterable[tuple[str, str]]:
        """The columns with their types in Arrow's words."""
        empty = polars_schema(self.view.contract).to_frame().to_arrow()
        return [(field.name, str(field.type).removeprefix("large_")) for field in empty.schema]

    def get_table_query_string(self) -> str:
        """The table, as `cryptodudez sql` knows it."""
        return self.view.table
