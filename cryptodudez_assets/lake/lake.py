"""What every operation on the lake is handed: the settings, the raw bytes, the tables."""

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptodudez_assets.lake.iceberg.homes import own
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.store.objects import ObjectStore, open_store
from cryptodudez_assets.lake.store.private import close_to_others
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources


@dataclass(frozen=True)
class Lake:
    """One lake: where bytes are kept and the tables made of them."""

    settings: Settings
    store: ObjectStore
    tables: IcebergTables

    @classmethod
    def open(cls, settings: Settings) -> "Lake":
        """The lake that the settings describe; `homes.Refused` where it is not whole and its own.

        Nothing is created before something is written.
        """
        settings = own(settings)
        close_to_others(settings)
        return cls(settings, open_store(settings), IcebergTables(settings))


def now() -> datetime:
    """The current time in UTC, to the microsecond that Iceberg keeps."""
    return datetime.now(UTC)


def raw_prefix(source: str) -> str:
    """Where a source's raw files lie: in its own folder, or in that of the source whose guest it is."""
    declared = all_sources().get(source)
    return f"raw/{declared.raw if declared else source}"
