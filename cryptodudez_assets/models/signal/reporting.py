"""Write the report about the newest model that was judged."""

import io
from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.samples import is_planted
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.registry import Registry, registry_of
from cryptodudez_assets.models.signal.promoting import findings_of
from cryptodudez_assets.models.signal.record.summary import record_of
from cryptodudez_assets.models.signal.report import code_hash, page, plots, report_name, words
from cryptodudez_assets.models.signal.signal import OF_PLANTED
from cryptodudez_assets.models.signal.training import MOMENTUM, PREDICTIONS
from cryptodudez_assets.reports.figures import data_uri


@dataclass(frozen=True)
class Written:
    """Where the report lies, and its words and pictures for the UI."""

    path: str
    words: str
    pictures: dict[str, str]


def write_report(lake: Lake, model: SignalModel) -> Written | None:
    """The report about the newest version. None before there is one."""
    registry = registry_of(lake.settings, model)
    versions = registry.versions()
    if not versions:
        return None
    manifest = registry.manifest(versions[-1])
    findings = findings_of(registry, manifest)
    predictions = {
        name: pl.read_parquet(io.BytesIO(registry.read(manifest.version, file)))
        for name, file in ((findings.chosen, PREDICTIONS), ("momentum", MOMENTUM))
    }
    content = content_of(lake.tables.table(model.record))
    head = page.ReportHead(
        model.coin.name,
        manifest.label,
        _snapshots(manifest),
        manifest.code_version,
        _stage(registry, manifest) + _if_planted(lake),
        record_of(lake, model),
    )
    champion = registry.champion()
    serving = {model.champion: champion.version} if champion else {}
    served = {model.record: content} if content is not None else {}
    made = MadeFrom(code_hash(), {model.asset: manifest.version, **serving, **served})
    place = pages.write(lake, report_name(model), page.page(findings, predictions, head), made)
    drawn = plots.draw(findings, predictions)
    pictures = {name: data_uri(svg) for name, svg in drawn.items()}
    return Written(place, words.markdown(findings, model.coin.name), pictures)


def _snapshots(manifest: Manifest) -> dict[str, int]:
    return {manifest.trained_on.table: manifest.trained_on.snapshot_id, **manifest.trained_on.inputs}


def _if_planted(lake: Lake) -> str:
    return f" {OF_PLANTED}" if is_planted(lake.settings) else ""


def _stage(registry: Registry, manifest: Manifest) -> str:
    """What became of it, in words."""
    if registry.stage(manifest.version) == "champion":
        return f"It serves. {registry.promotions()[-1].reason}"
    champion = registry.champion()
    return f"It does not serve; {champion.label if champion else 'nothing'} does."
