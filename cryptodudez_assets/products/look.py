"""The lake as it is now: what each table and model says, each looked at once, by its metadata alone."""

from datetime import datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from pyiceberg.table import Table

from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.feature_store.online import OnlineStore, open_online_store
from cryptodudez_assets.lake.iceberg.provenance import changed_at, content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.registry import Registry


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
        if name in self._candidates:
            return max(self._candidates[name].versions(), default=None)
        if name in self._champions:
            promotions = self._champions[name].promotions()
            return promotions[-1].version if promotions else None
        return content_of(self.table(name))

    def changed_at(self, name: str, content: int | None) -> datetime | None:
        """Since when it is something else than that (None: since when there is anything)."""
        if name in self._candidates:
            newest = self.content(name)
            return self._candidates[name].manifest(newest).created_at if newest else None
        if name in self._champions:
            promotions = self._champions[name].promotions()
            return promotions[-1].at if promotions else None
        table = self.table(name)
        return changed_at(table, content) if table is not None else None

    def registry(self, model: str) -> Registry:
        """The versions of a model."""
        return Registry(self.lake.settings, model)

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
    def _candidates(self) -> dict[str, Registry]:
        """Where the newest version of a signal is found, by the name of its asset."""
        return {model.asset: self.registry(model.name) for model in models_of_kind(SignalModel)}

    @cached_property
    def _champions(self) -> dict[str, Registry]:
        """The same of the version that serves."""
        return {model.champion: self.registry(model.name) for model in models_of_kind(SignalModel)}
