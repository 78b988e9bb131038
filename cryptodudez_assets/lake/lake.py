"""What every operation on the lake is handed: the settings, the raw bytes, the tables, and which sources there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptodudez_assets.engines import Engine
from cryptodudez_assets.engines.local import LocalEngine
from cryptodudez_assets.lake.iceberg.homes import own
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.store.beside_lake import bring_over
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.lake.store.private import close_to_others
from cryptodudez_assets.lake.store.stored import ObjectStore
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources.declaration import Source

HERE = LocalEngine()


@dataclass(frozen=True)
class Lake:
    """One lake: where bytes are kept, the tables made of them, and the declared sources by name."""

    settings: Settings
    store: ObjectStore
    tables: IcebergTables
    sources: Mapping[str, Source]
    engine: Engine = HERE
    """Where tasks are run."""

    @classmethod
    def open(cls, settings: Settings, sources: Mapping[str, Source]) -> "Lake":
        """The lake that the settings describe, of these sources; `homes.Refused` where it is not whole and its own.

        Nothing is created before something is written.
        """
        settings = own(settings)
        close_to_others(settings)
        bring_over(settings)
        return cls(settings, open_store(settings), IcebergTables(settings), sources)

    def raw_folder(self, source: str) -> str:
        """Where a source's raw files lie: in its own folder, or in the one that it shares with another source."""
        declared = self.sources.get(source)
        return f"raw/{declared.raw if declared else source}"


def now() -> datetime:
    """The current time in UTC, to the microsecond that Iceberg keeps."""
    return datetime.now(UTC)
