"""Do what is pending without a daemon: the same assets and checks as in the UI, recorded in the same place."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

import dagster as dg
from rich.console import Console

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.feature_assets import view_keys
from cryptodudez_assets.defs.metadata import INVENTORY
from cryptodudez_assets.defs.model_assets import CHAMPION, MODEL, REPORT, TRIALS
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.defs.source_assets import catalogue_key
from cryptodudez_assets.defs.volume_assets import MODEL as VOLUME_MODEL
from cryptodudez_assets.feature_store.materialize import table_specs
from cryptodudez_assets.features import all_views, configured_views, in_order
from cryptodudez_assets.instance import dagster_home
from cryptodudez_assets.lake.catalogue import open_entries
from cryptodudez_assets.lake.discovery import Cursor, discover, discover_all
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.unknown import look_for_unknown
from cryptodudez_assets.models.eth_signal.options import SIGNAL
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.volume.options import VOLUME
from cryptodudez_assets.sources import Source, all_sources

# Dagster's own events are in the UI; a terminal gets what the assets themselves say.
PATIENCE_SECONDS = 30
TRAINED = {SIGNAL: {MODEL, TRIALS, CHAMPION, REPORT}, VOLUME: {VOLUME_MODEL}}
RETRAIN_AFTER = timedelta(days=1)  # as under automation
QUIET: dict[str, Any] = {"loggers": {"progress": {}}}


def run_pending(lake: Lake, names: Sequence[str], console: Console) -> bool:
    """Materialise what has work to do, and everything behind it. Says what it does; returns whether all went well."""
    _wait_until_settled(lake, names, console)
    pending = [name for name in names if len(open_entries(lake.tables, name)) or discover_all(lake, name)]
    if not pending:
        console.print("nothing new in the raw zone: every table is up to date")
        _tell_unknown(lake, names, console)
        return True
    sources = all_sources()
    console.print(f"new files for {', '.join(pending)}")
    definitions = build_definitions(
        sources.values(),
        configured_views(lake.settings.rolling_days),
        LakeResource(home=str(lake.settings.home)),
        {"progress": _progress(console)},
    )
    graph = definitions.resolve_asset_graph()
    keys = dg.AssetSelection.assets(*(catalogue_key(sources[name]) for name in pending)).downstream().resolve(graph)
    # Tables about tables come behind the rest, since they do not wait for a feature that lacks an input.
    inventory = {key for key in keys if graph.get(key).group_name == INVENTORY}
    waiting = dg.AssetSelection.assets(*_waiting(lake, [sources[name] for name in pending])).downstream().resolve(graph)
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.from_config(str(dagster_home(lake.settings))) as instance:
        for part in (keys - inventory - waiting - _resting(lake), inventory):
            with console.status("running the asset graph …"):
                result = job.execute_in_process(
                    instance=instance, asset_selection=list(part), run_config=QUIET, raise_on_error=False
                )
            if not _report(result, console):
                return False
    _tell_unknown(lake, names, console)
    return True


def _waiting(lake: Lake, pending: Sequence[Source]) -> list[dg.AssetKey]:
    """Features that lack an input, and will after this run."""
    there = {*lake.tables.names(), *(table for source in pending for table in (source.table, source.observations))}
    waiting: list[dg.AssetKey] = []
    for view in in_order(all_views().values()):
        if there.issuperset(one.table for one in view.inputs):
            there |= {spec.name for spec in table_specs(view)}
        else:
            waiting += view_keys(view)
    return waiting


def _resting(lake: Lake) -> set[dg.AssetKey]:
    """Assets of models that were trained not long ago: another look at the same days is another trial."""
    resting: set[dg.AssetKey] = set()
    for model, keys in TRAINED.items():
        registry = Registry(lake.settings.models, model)
        versions = registry.versions()
        if versions and now() - registry.manifest(versions[-1]).created_at < RETRAIN_AFTER:
            resting |= keys
    return resting


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
            _tell(console, "warning", f"{name}: {number} not read, {why}: {example}{', …' * (number > 1)}")


def _progress(console: Console) -> dg.LoggerDefinition:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                said = record.dagster_meta["orig_message"]  # type: ignore[attr-defined]
                console.print(f"  {said}", style="dim", soft_wrap=True, highlight=False, markup=False)
            except Exception:  # what is said must not fail the asset that says it
                self.handleError(record)

    def make(context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("progress", logging.INFO)
        logger.addHandler(Handler())
        return logger

    return dg.LoggerDefinition(make, description="What assets say, without Dagster's own events.")


def _report(result: dg.ExecuteInProcessResult, console: Console) -> bool:
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


def _tell(console: Console, level: Literal["failed", "warning"], text: str) -> None:
    console.print(level, style="red" if level == "failed" else "yellow", end=": ")
    console.print(text, soft_wrap=True, highlight=False, markup=False)


def make_known(lake: Lake, names: Sequence[str], console: Console) -> bool:
    """Have Dagster know of tables that were made again: they are materialized, and their checks look at them."""
    definitions = build_definitions(
        all_sources().values(),
        configured_views(lake.settings.rolling_days),
        LakeResource(home=str(lake.settings.home)),
        {"progress": _progress(console)},
    )
    graph = definitions.resolve_asset_graph()
    made = {tuple(name.split(".")) for name in names}
    # One source's part of a table is an asset of its own, and comes with what is made in the same step.
    keys = [key for key in graph.materializable_asset_keys if tuple(key.path[:2]) in made]
    selected = dg.AssetSelection.assets(*keys).required_multi_asset_neighbors().resolve(graph)
    with dg.DagsterInstance.from_config(str(dagster_home(lake.settings))) as instance:
        result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=list(selected), run_config=QUIET, raise_on_error=False
        )
    return _report(result, console)
