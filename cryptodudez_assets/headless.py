"""Do what is pending without a daemon: the same assets and checks as in the UI, recorded in the same place.

Pending is what is new in the raw zone, and what is behind: made from something else than its inputs are now, whoever was
interrupted by what. Nothing is remembered from one call to the next.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

import dagster as dg
from dagster_shared.error import SerializableErrorInfo
from rich.console import Console

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.contract_check import build_full_check
from cryptodudez_assets.defs.dead_runs import close_dead_runs
from cryptodudez_assets.defs.judged import blocking_checks, judged
from cryptodudez_assets.defs.metadata import EXPORTS, INVENTORY, key_of
from cryptodudez_assets.defs.model_assets import signals_over
from cryptodudez_assets.defs.notifying import notify
from cryptodudez_assets.defs.resources import LakeResource, engine_tag
from cryptodudez_assets.defs.source_assets import catalogue_key, quarantine_key, table_keys
from cryptodudez_assets.defs.watching import watched_checks
from cryptodudez_assets.derived import Derived
from cryptodudez_assets.engines.choosing import insist_on_usable
from cryptodudez_assets.features import FeatureView, configured_tables, left_out
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.lake.ingest.upgrade import is_due
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import Cursor, discover, discover_all
from cryptodudez_assets.lake.metastore.file_entries import open_entries
from cryptodudez_assets.lake.metastore.unknown import look_for_unknown
from cryptodudez_assets.products.declared import products_of
from cryptodudez_assets.products.standing import Standing, standing
from cryptodudez_assets.products.words import not_made
from cryptodudez_assets.settings import EngineName
from cryptodudez_assets.sources import Source, all_sources
from cryptodudez_assets.terminal import say, visible

# Dagster's own events are in the UI; a terminal gets what the assets themselves say.
PATIENCE_SECONDS = 30
NOTIFY_SECONDS = 15.0
INTERRUPTED = dg.DagsterExecutionInterruptedError.__name__
QUIET: dict[str, Any] = {"loggers": {"progress": {}}}


def run_pending(
    lake: Lake,
    names: Sequence[str],
    console: Console,
    sources: Mapping[str, Source] | None = None,
    derived: Sequence[Derived] | None = None,
    *,
    check_all: bool = False,
    engine: EngineName | None = None,
) -> bool:
    """Make what is pending for these sources, and everything that stands on them. Says what it does; returns whether all went well.

    `sources` and `derived` are all that are declared; tests name their own. `check_all`: afterwards, have all rows of these tables
    judged by their contracts, also those that passed before. `engine`: another than the settings name. Raises EngineUnusable.
    """
    lake = replace(lake, settings=lake.settings.model_copy(update={"engine": engine or lake.settings.engine}))
    insist_on_usable(lake.settings.engine, lake.settings)
    _wait_until_settled(lake, names, console)
    derived = configured_tables(lake.settings.rolling_days) if derived is None else derived
    with dg.DagsterInstance.from_config(str(dagster_home(lake.settings))) as instance:
        for closed in close_dead_runs(instance, lake.settings):
            _tell(console, "warning", closed)
        work = _Work(lake, names, console, instance, sources or all_sources(), derived)
        fine = work.do()
        if check_all:
            fine = work.check_all_rows() and fine
        work.notify()
    if fine:
        _tell_unknown(lake, names, console)
    return fine


class _Work:
    """One call: what is to be done of these sources and of what stands on them."""

    def __init__(
        self,
        lake: Lake,
        names: Sequence[str],
        console: Console,
        instance: dg.DagsterInstance,
        sources: Mapping[str, Source],
        derived: Sequence[Derived],
    ) -> None:
        self.lake, self.names, self.console, self.instance, self.sources = lake, names, console, instance, sources
        self.views = [one for one in derived if isinstance(one, FeatureView)]
        self.products = products_of(sources.values(), derived)
        self.definitions = build_definitions(
            sources.values(),
            derived,
            LakeResource(home=str(lake.settings.home)),
            {"progress": _progress(console)},
            left_out(),
        )
        self.graph = self.definitions.resolve_asset_graph()

    def do(self) -> bool:
        """All of it; whether it went well."""
        pending = [
            name for name in self.names if len(open_entries(self.lake.tables, name)) or discover_all(self.lake, name)
        ]
        older = [name for name in self.names if name not in pending and is_due(self.lake, self.sources[name])]
        keys = self._to_do([self.sources[name] for name in (*pending, *older)])
        if not keys:
            self._say_that_nothing_is_new()
            return True
        if pending:
            self.console.print(f"new files for {', '.join(pending)}")
        if older:
            self.console.print(f"made by an earlier version, brought over: {', '.join(older)}")
        for one in standing(self.lake, self.products).behind:
            if one.itself and key_of(one.name) in keys:
                say(self.console, f"behind: {one}")
        # Tables about tables come behind the rest, since they do not wait for a feature that lacks an input.
        first = {key for key in keys if self.graph.get(key).group_name != INVENTORY}
        if first and not self.run(first):
            return False
        # So do files of tables that are not there: nothing that is made first has them wait for what tells that they are due.
        last = {key for key in self._to_do(()) if self.graph.get(key).group_name in (INVENTORY, EXPORTS)}
        if last and not self.run(last):
            return False
        self._say_what_is_missing(standing(self.lake, self.products))
        return True

    def _to_do(self, pending: Sequence[Source]) -> set[dg.AssetKey]:
        """Assets to make: of sources with new files, of what is behind or will be, and of inputs whose checks must be asked."""
        tables = [table for source in pending for table in (source.table, source.observations) if table]
        found = standing(self.lake, self.products, changing=tables)
        keys = {key_of(name) for one in found.behind for name in one.names}
        inputs = {key_of(name) for one in found.behind for name in one.inputs}
        known = judged(self.instance, self.lake, blocking_checks(self.definitions.asset_checks or ()))
        keys |= known.unchecked | (known.unsound & inputs)
        for source in pending:
            keys |= {catalogue_key(source), quarantine_key(source), *table_keys(source)}
        return self._of_interest(keys)

    def _of_interest(self, keys: Iterable[dg.AssetKey]) -> set[dg.AssetKey]:
        return set(keys) & self._scope

    @cached_property
    def _scope(self) -> set[dg.AssetKey]:
        """What there is of the chosen sources, and stands on them."""
        if set(self.names) == set(self.sources):
            return {key for key in self.graph.get_all_asset_keys() if self.graph.get(key).is_materializable}
        chosen = dg.AssetSelection.assets(*(catalogue_key(self.sources[name]) for name in self.names))
        return set(chosen.downstream().resolve(self.graph))

    def run(self, keys: Iterable[dg.AssetKey]) -> bool:
        """Materialise these assets in one run; whether it went well."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        with self.console.status("running the asset graph …"):
            result = job.execute_in_process(
                instance=self.instance,
                asset_selection=list(keys),
                run_config=QUIET,
                tags=engine_tag(self.lake.settings),
                raise_on_error=False,
            )
        return _report(result, self.console)

    def check_all_rows(self) -> bool:
        """Have all rows of the tables in scope judged; whether each keeps its contract."""
        checks = self.definitions.asset_checks or ()
        chosen = [one for one in checks if {key.asset_key for key in one.check_keys} <= self._scope]
        job, _ = build_full_check(chosen)
        lake = LakeResource(home=str(self.lake.settings.home))
        with self.console.status("judging all rows …"):
            result = (
                job.resolve(asset_graph=self.graph)
                .with_logger_defs(self.definitions.loggers or {})
                .execute_in_process(
                    instance=self.instance,
                    resources={"lake": lake},
                    run_config={**(job.config or {}), **QUIET},  # type: ignore[dict-item]
                    raise_on_error=False,
                )
            )
        return _report(result, self.console)

    def notify(self) -> None:
        """Have people told what the sensor would tell them. Where that fails, the work is done all the same."""
        checks, models = watched_checks(self.definitions.asset_checks or ()), signals_over(self.views)
        try:
            _, attempts = notify(self.instance, self.lake, checks, models, NOTIFY_SECONDS)
        except Exception as error:  # whatever is wrong with the outbox
            _tell(self.console, "warning", f"nobody could be notified: {type(error).__name__}: {error}")
            return
        for one in attempts:
            if one.problem:
                _tell(self.console, "warning", f"not delivered to {one.sink}: {one.event.title}: {one.problem}")

    def _say_that_nothing_is_new(self) -> None:
        found = standing(self.lake, self.products)
        if set(self.names) != set(self.sources):
            self.console.print(
                f"nothing new in the raw zone for {', '.join(self.names)}, and what stands on it is up to date"
            )
        elif found.waiting:
            self.console.print("nothing new in the raw zone: what can be made is up to date")
        else:
            self.console.print("nothing new in the raw zone: every table is up to date")
        self._say_what_is_missing(found)

    def _say_what_is_missing(self, found: Standing) -> None:
        for line in not_made(found, self.sources.values()):
            say(self.console, line)
        for one in found.behind:
            if self._of_interest([key_of(one.name)]):
                _tell(self.console, "warning", f"still behind: {one}")


def _wait_until_settled(lake: Lake, names: Sequence[str], console: Console) -> None:
    """A file that was written just now may still be growing."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(discover(lake, name, Cursor()).unsettled for name in names) and time.monotonic() < deadline:
        with console.status("waiting for files that were just written …"):
            time.sleep(0.2)


def _tell_unknown(lake: Lake, names: Sequence[str], console: Console) -> None:
    """What lies in the raw zone and was left, with the reason."""
    for name in names:
        unknown = look_for_unknown(lake, name).unknown
        for why, number in Counter(one.why for one in unknown).items():
            example = next(one.key for one in unknown if one.why == why)
            _tell(console, "warning", f"{name}: {number} not read, {why}: {visible(example)}{', …' * (number > 1)}")


def _progress(console: Console) -> dg.LoggerDefinition:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                told = record.dagster_meta  # type: ignore[attr-defined]
                if told.get("dagster_event") is None:  # how steps failed is told at the end, with the reason
                    say(console, f"  {told['orig_message']}", style="dim", lines=True)
            except Exception:  # what is said must not fail the asset that says it
                self.handleError(record)

    def make(context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("progress", logging.INFO)
        logger.addHandler(Handler())
        return logger

    return dg.LoggerDefinition(make, description="What assets say, without Dagster's own events.")


def _report(result: dg.ExecuteInProcessResult, console: Console) -> bool:
    if any(
        error.cls_name == INTERRUPTED for error in _errors(result)
    ):  # Dagster takes the signal for a failure of the step
        raise KeyboardInterrupt
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            failed = evaluation.severity == dg.AssetCheckSeverity.ERROR
            asset = f"{evaluation.asset_key.to_user_string()} {evaluation.check_name}"
            _tell(console, "failed" if failed else "warning", f"{asset}: {evaluation.description}")
    for failure in result.get_step_failure_events():
        error = failure.step_failure_data.error
        error = error.cause if error and error.cause else error  # Dagster wraps what was raised
        if error and error.cls_name == "DagsterAssetCheckFailedError":
            continue  # the check was told
        _tell(console, "failed", f"{failure.step_key}: {error.message if error else 'no reason given'}")
    console.print(f"run {result.run_id}: {'done' if result.success else 'failed'}")
    return result.success


def _errors(result: dg.ExecuteInProcessResult) -> Iterator[SerializableErrorInfo]:
    """What went wrong in its steps, with what Dagster has wrapped."""
    for failure in result.get_step_failure_events():
        error = failure.step_failure_data.error
        while error:
            yield error
            error = error.cause


def _tell(console: Console, level: Literal["failed", "warning"], text: str) -> None:
    console.print(level, style="red" if level == "failed" else "yellow", end=": ")
    say(console, text, lines=True)


def make_known(lake: Lake, names: Sequence[str], console: Console) -> bool:
    """Have Dagster know of tables that were made again: they are materialized, and their checks look at them."""
    made = {tuple(name.split(".")) for name in names}
    with dg.DagsterInstance.from_config(str(dagster_home(lake.settings))) as instance:
        derived = configured_tables(lake.settings.rolling_days)
        work = _Work(lake, list(all_sources()), console, instance, all_sources(), derived)
        # One source's part of a table is an asset of its own, and comes with what is made in the same step.
        keys = [key for key in work.graph.materializable_asset_keys if tuple(key.path[:2]) in made]
        return work.run(dg.AssetSelection.assets(*keys).required_multi_asset_neighbors().resolve(work.graph))
