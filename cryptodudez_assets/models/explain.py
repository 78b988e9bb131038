"""Where a served prediction came from: receipt, model, training set, feature tables, source tables, raw files; and made again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec
import polars as pl
from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.features import configured_tables
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.models import shared_receipts
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.manifest import Manifest, Stage
from cryptodudez_assets.models.predictor import ModelRefused, as_array, load
from cryptodudez_assets.models.receipts import DamagedReceipt, Receipt
from cryptodudez_assets.models.registry import Registry, Tampered

SHOWN_FILES = 10


class UnknownReceipt(LookupError):
    """No prediction with this id is known."""


class Part(BaseModel):
    """Base: immutable, and JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(Part):
    """The version that answered, with its stage and verdict of that time; without a manifest where it is gone or was changed since.

    `stage_now` and `verdict_now` say what has become of it since.
    """

    manifest: Manifest | None
    stage: Stage | None
    verdict: Verdict | None
    stage_now: Stage | None = None
    verdict_now: Verdict | None = None
    problem: str | None = None


class Lineage(Part):
    """A feature table, what was read of it, and the source tables that it is made from, directly or through others."""

    table: str
    trained_on_snapshot: int | None
    served_from_snapshot: int | None
    made_from: list[str]


class RawFile(Part):
    """A raw file or member of an archive whose rows were in a source table when the prediction was made."""

    source: str
    uri: str
    member: str | None
    sha256: str | None
    discovered_at: datetime


class Replay(Part):
    """The stored inputs, predicted again. `replayed`: by the same model file, and every bit is the same."""

    replayed: bool
    probabilities: list[list[float]] | None
    problem: str | None = None


def _as_receipt(told: object) -> Receipt:
    return told if isinstance(told, Receipt) else msgspec.convert(told, Receipt)


class Explanation(Part):
    """The whole chain behind a prediction. `files` are newest first."""

    receipt: Annotated[Receipt, PlainValidator(_as_receipt), PlainSerializer(msgspec.to_builtins)]
    model: Model
    lineage: list[Lineage]
    files: list[RawFile]
    replay: Replay

    def lines(self, files: int | None = SHOWN_FILES) -> Iterator[str]:
        """For a terminal, with so many of the raw files (None: all)."""
        yield from _receipt_lines(self.receipt)
        yield from _model_lines(self.receipt, self.model)
        yield from _lineage_lines(self.lineage)
        yield from _file_lines(self.files, files)
        yield from _replay_lines(self.replay)


def explain(lake: Lake, receipt_id: str) -> Explanation:
    """Everything behind the prediction with this receipt; `UnknownReceipt` where there is none, `DamagedReceipt` where it is none."""
    receipt = _receipt(lake, receipt_id)
    try:
        registry = Registry(lake.settings, receipt.model)
    except ValueError as error:
        raise DamagedReceipt(f"it was changed, and explains nothing: {error}") from error
    model = _model(registry, receipt)
    lineage = _lineage(receipt, model.manifest)
    tables = {table for one in lineage for table in one.made_from}
    return Explanation(
        receipt=receipt,
        model=model,
        lineage=lineage,
        files=_raw_files(lake, tables, receipt.made_at),
        replay=_replay(registry, receipt),
    )


def source_tables(table: str) -> list[str]:
    """The tables at the beginning of the way to `table`: those that are derived of none."""
    derived = {stored.name: one for one in configured_tables(0) for stored in one.stored}
    found, seen, open_ = set(), set(), [table]
    while open_:
        name = open_.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in derived:
            open_.extend(one.table for one in derived[name].inputs)
        else:
            found.add(name)
    return sorted(found)


def _receipt(lake: Lake, receipt_id: str) -> Receipt:
    receipt = shared_receipts.find(lake, receipt_id)
    if receipt is None:
        raise UnknownReceipt(
            f"there is no receipt {receipt_id} in {lake.settings.receipts}, nor in {shared_receipts.SPEC.name}; old ones are removed"
        )
    return receipt


def _model(registry: Registry, receipt: Receipt) -> Model:
    version, at = receipt.version, receipt.made_at
    try:
        return Model(
            manifest=registry.manifest(version),
            stage=registry.stage(version, at),
            verdict=registry.verdict(version, at),
            stage_now=registry.stage(version),
            verdict_now=registry.verdict(version),
        )
    except (LookupError, Tampered, ValueError) as error:
        return Model(manifest=None, stage=None, verdict=None, problem=str(error))


def _lineage(receipt: Receipt, manifest: Manifest | None) -> list[Lineage]:
    trained = manifest.trained_on.inputs if manifest else {}
    served = receipt.feature_snapshots
    return [
        Lineage(
            table=table,
            trained_on_snapshot=trained.get(table),
            served_from_snapshot=served.get(table),
            made_from=source_tables(table),
        )
        for table in sorted({*trained, *served})
    ]


def _raw_files(lake: Lake, tables: set[str], until: datetime) -> list[RawFile]:
    names = [one.name for one in lake.sources.values() if tables & {one.table, one.observations}]
    if not names:
        return []
    rows = pl.concat([file_entries.files_of(lake.tables, name) for name in names])
    rows = rows.filter(pl.col("status") == Status.LOADED, pl.col("discovered_at") <= until)
    rows = rows.sort("discovered_at", "uri", "member", descending=[True, False, False])
    return [RawFile(**row) for row in rows.select(list(RawFile.model_fields)).collect().to_dicts()]


def _replay(registry: Registry, receipt: Receipt) -> Replay:
    try:
        predictor = load(registry, receipt.version)
    except ModelRefused as error:
        return Replay(replayed=False, probabilities=None, problem=str(error))
    if predictor.sha256 != receipt.sha256:
        problem = f"version {receipt.version} is another model file now ({predictor.sha256})"
        return Replay(replayed=False, probabilities=None, problem=problem)
    expected = len(predictor.manifest.features)
    if wrong := {len(row) for row in receipt.inputs} - {expected}:
        problem = (
            f"it has inputs of {', '.join(map(str, sorted(wrong)))} values, the model takes {expected}: it was changed"
        )
        return Replay(replayed=False, probabilities=None, problem=problem)
    found = predictor.predict(as_array(receipt.inputs)).tolist()
    if found != receipt.probabilities:
        return Replay(replayed=False, probabilities=found, problem="the probabilities are not the same")
    return Replay(replayed=True, probabilities=found)


def _receipt_lines(receipt: Receipt) -> Iterator[str]:
    yield f"Receipt        {receipt.id}"
    yield f"  made at      {receipt.made_at:%Y-%m-%d %H:%M:%S} UTC by {receipt.endpoint}"
    yield f"  request      {receipt.request}"
    yield f"  answer       {receipt.answer}"
    if receipt.as_of:
        yield f"  features     known since {receipt.as_of:%Y-%m-%d %H:%M:%S} UTC"


def _model_lines(receipt: Receipt, model: Model) -> Iterator[str]:
    yield f"Model          {receipt.model}-{receipt.version}"
    yield f"  sha256       {receipt.sha256}"
    if model.manifest is None or model.verdict is None:
        yield f"  problem      {model.problem}"
        return
    trained = model.manifest.trained_on
    since = f" (now {model.stage_now})" if model.stage_now != model.stage else ""
    yield f"  recipe       {model.manifest.recipe}, {model.stage}{since}, code {model.manifest.code_version}"
    yield f"  verdict      {model.verdict.label}: {model.verdict.words}"
    if model.verdict_now and model.verdict_now != model.verdict:
        yield f"  since then   {model.verdict_now.label}: {model.verdict_now.words}"
    yield f"Training set   {trained.table}, snapshot {trained.snapshot_id}"
    yield f"  rows         {trained.rows}, {trained.first_day:%Y-%m-%d} to {trained.last_day:%Y-%m-%d}"


def _lineage_lines(lineage: list[Lineage]) -> Iterator[str]:
    for one in lineage:
        yield f"Features       {one.table}"
        if one.trained_on_snapshot is not None:
            yield f"  trained on   snapshot {one.trained_on_snapshot}"
        if one.served_from_snapshot is not None:
            yield f"  served from  snapshot {one.served_from_snapshot}"
        yield f"  made from    {', '.join(one.made_from)}"


def _file_lines(files: list[RawFile], shown: int | None) -> Iterator[str]:
    yield f"Raw files      {len(files)}, newest first"
    for one in files[:shown]:
        yield f"  {one.sha256}  {one.uri}{f' ({one.member})' if one.member else ''}"
    if shown is not None and len(files) > shown:
        yield f"  … and {len(files) - shown} more"


def _replay_lines(replay: Replay) -> Iterator[str]:
    yield f"Replay         {'the same to the last bit' if replay.replayed else replay.problem}"
    for row in replay.probabilities or []:
        yield f"  gives        {', '.join(map(repr, row))}"
