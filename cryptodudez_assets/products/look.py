"""The lake as it is now: what each table and model says, each looked at once, by its metadata alone."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from pyiceberg.table import Table

from cryptodudez_assets.feature_store.online import OnlineStore, open_online_store
from cryptodudez_assets.lake.iceberg.provenance import changed_at, content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.eth_signal.options import CHAMPION, SIGNAL
from cryptodudez_assets.models.registry import Registry

MODEL = f"ml.{SIGNAL}"


class Look:
    """One look at a lake. What changes meanwhile is seen by the next."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._tables: dict[str, Table | None] = {}

    @cached_property
    def names(self) -> list[str]:
        """All tables."""
        return self.lake.tables.names()

    def table(self, name: str) -> Table | None:
        """A table, if it is there."""
        if name not in self._tables:
            self._tables[name] = self.lake.tables.table(name) if name in self.names else None
        return self._tables[name]

    def content(self, name: str) -> int | None:
        """What a table holds now, or the number of the version of a model; None where there is nothing yet."""
        return self._versions[name]() if name in self._versions else content_of(self.table(name))

    def changed_at(self, name: str, content: int | None) -> datetime | None:
        """Since when it is something else than that (None: since when there is anything)."""
        if name == MODEL:
            newest = self.content(name)
            return self.registry(SIGNAL).manifest(newest).created_at if newest else None
        if name == CHAMPION:
            promotions = self.registry(SIGNAL).promotions()
            return promotions[-1].at if promotions else None
        table = self.table(name)
        return changed_at(table, content) if table is not None else None

    def registry(self, model: str) -> Registry:
        """The versions of a model."""
        return Registry(self.lake.settings.models, model)

    @cached_property
    def online(self) -> OnlineStore | None:
        """The online store; None where its file is not there, which a mere look must not make."""
        url = self.lake.settings.online
        if url.startswith("sqlite:///") and not Path(unquote(url.removeprefix("sqlite:///"))).exists():
            return None
        return open_online_store(url)

    def close(self) -> None:
        """Let go of what was opened."""
        if "online" in vars(self) and self.online is not None:
            self.online.close()

    @cached_property
    def _versions(self) -> dict[str, Callable[[], int | None]]:
        registry = self.registry(SIGNAL)

        def newest() -> int | None:
            return max(registry.versions(), default=None)

        def serving() -> int | None:
            promotions = registry.promotions()
            return promotions[-1].version if promotions else None

        return {MODEL: newest, CHAMPION: serving}
