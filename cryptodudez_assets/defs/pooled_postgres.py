"""Dagster's storage in PostgreSQL, with a few connections that each process keeps.

Dagster's own opens one for each query, which under load runs out of the ports that a machine has, and of what a server accepts.
Only its webserver keeps some, in a way that it offers to nobody else; here every process does.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self
from weakref import WeakSet

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import pg_url_from_config

URL = re.compile(r"^postgres(ql)?(\+\w+)?://")
RECYCLE_SECONDS = 300
"""A connection that is older is opened anew: proxies and firewalls forget those that are idle."""
KEPT, AT_MOST = 1, 8
"""Connections for each of runs, events and schedules: kept, and at one time."""
STATEMENT_MILLISECONDS = 120_000
ASKED_OF_SCHEMA = (
    *("has_run_stats_index_cols", "has_backfill_id_column", "has_backfill_tags_table"),
    *("has_secondary_index_table", "_has_instigators_table", "_has_asset_daemon_asset_evaluations_table"),
)
"""What Dagster asks the schema for with each look at runs and ticks, by a query that costs more than the look."""


class PooledPostgres(DagsterPostgresStorage):  # type: ignore[misc]
    """The storage that `dagster.yaml` names where `CRYPTODUDEZ_DAGSTER` is set."""

    _open: ClassVar[WeakSet[Any]] = WeakSet()

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        for storage in (self.run_storage, self.event_log_storage, self.schedule_storage):
            storage.optimize_for_webserver(STATEMENT_MILLISECONDS, RECYCLE_SECONDS, AT_MOST - KEPT)
            # Else each connection that was kept while the server was restarted would fail whoever takes it next, a tick or a run.
            storage._engine.pool._pre_ping = True
            storage.optimize_for_webserver = (
                _as_it_is  # Dagster's webserver would open more, which nobody tries before use
            )
            self._open.add(storage)
            for name in ASKED_OF_SCHEMA:
                if hasattr(storage, name):
                    setattr(storage, name, _until_there(getattr(storage, name)))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """As Dagster makes it."""
        # SQLAlchemy (2.1) would take the newer driver, whose connections Dagster closes where it only means to end a transaction.
        return cls(URL.sub("postgresql+psycopg2://", pg_url_from_config(config_value)), inst_data)

    @classmethod
    def forget(cls) -> None:
        """Let a fork begin with connections of its own: two processes on one would read each other's answers."""
        for storage in cls._open:
            storage._engine.dispose(close=False)


def _as_it_is(*_: Any, **__: Any) -> None:
    """There is nothing to do any more."""


def _until_there(ask: Callable[..., bool]) -> Callable[..., bool]:
    """The same question, which is answered from memory once the answer was yes: no table and no column goes away."""
    there = False

    def answer(*arguments: Any) -> bool:
        nonlocal there
        there = there or ask(*arguments)
        return there

    return answer


os.register_at_fork(after_in_child=PooledPostgres.forget)
