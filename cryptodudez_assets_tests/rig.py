"""A Dagster deployment in a test's own folder: ticks its sensors, carries out what they ask for, without a daemon."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import polars as pl

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.reconciling import NAME as RECONCILING
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources.declaration import Source

INVENTORY = dg.AssetKey(["catalog", "tables"])


@dataclass
class Rig:
    """The platform with some sources, on a lake, recording in an instance of its own."""

    lake: Lake
    sources: list[Source]
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)
    cursor: str | None = None
    feeds: list[Feed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.resource = LakeResource(home=str(self.lake.settings.home))
        self.definitions = build_definitions(self.sources, lake=self.resource, feeds=self.feeds)
        self.graph = self.definitions.resolve_asset_graph()
        self._automation = self._evaluate(None)

    def drop(self, name: str, text: str) -> Path:
        """Put a file into the first source's raw folder."""
        path = Path(self.lake.settings.lake) / "raw" / self.sources[0].name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def tick(self, cursor: str | None = "as it was left") -> dg.SensorResult:
        """One tick of the first source's sensor."""
        if cursor != "as it was left":
            self.cursor = cursor
        sensor = next(one for one in self.definitions.sensors or () if one.name == f"{self.sources[0].name}_files")
        context = dg.build_sensor_context(self.instance, cursor=self.cursor)
        result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return result

    def carry_out(self, request: dg.RunRequest, *more: dg.AssetKey) -> dg.ExecuteInProcessResult:
        """Do what a sensor asked for (and these assets behind it), in this process."""
        return self.materialize([*(request.asset_selection or ()), *more], request.run_config, request.tags)

    def materialize(self, keys, run_config=None, tags=None) -> dg.ExecuteInProcessResult:
        """Make these assets in one run."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance, asset_selection=list(keys), run_config=run_config, tags=tags, raise_on_error=False
        )

    def ingest(self) -> dg.ExecuteInProcessResult:
        """A tick, and the run that it asks for."""
        (request,) = self.tick().run_requests
        return self.carry_out(request)

    def what_follows(self) -> set[dg.AssetKey]:
        """One tick of the reconciling sensor: the assets that it requests."""
        sensor = next(one for one in self.definitions.sensors or () if one.name == RECONCILING)
        result = sensor(dg.build_sensor_context(self.instance))
        assert isinstance(result, dg.SensorResult)
        return {key for request in result.run_requests or () for key in request.asset_selection or ()}

    def automation_requests(self) -> set[dg.AssetCheckKey]:
        """One tick of the automation sensor: the checks that it requests."""
        self._automation = self._evaluate(self._automation.cursor)
        requested = (result.key for result in self._automation.results if result.true_subset.size)
        return {key for key in requested if isinstance(key, dg.AssetCheckKey)}

    def rows(self, table: str) -> pl.DataFrame:
        """A whole table."""
        rows = self.lake.tables.scan(table)
        assert rows is not None, f"there is no table {table}"
        return rows.collect()

    def _evaluate(self, cursor):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            return dg.evaluate_automation_conditions(self.definitions, self.instance, cursor=cursor)


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """The checks that a run made, by name (of several of a name, the last)."""
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def metadata_of(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, object]:
    """What a run says about an asset that it made."""
    event = next(one for one in result.get_asset_materialization_events() if one.asset_key == key)
    return {name: value.value for name, value in event.materialization.metadata.items()}
