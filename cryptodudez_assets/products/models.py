"""The models as products: what each was made from stands in its registry, and each rests for a while after it was trained."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of, made_from, noted_beside
from cryptodudez_assets.lake.lake import now
from cryptodudez_assets.models import ledger
from cryptodudez_assets.models.eth_signal import report, training_set
from cryptodudez_assets.models.eth_signal.inputs import NAMES, VIEWS
from cryptodudez_assets.models.eth_signal.options import CHAMPION, DRIFT, SIGNAL, SignalOptions
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.promotion import BASE_RATES
from cryptodudez_assets.models.volume.options import VOLUME
from cryptodudez_assets.products.look import MODEL, Look
from cryptodudez_assets.products.standing import Product

# Another look at the same days is another trial, so it is not taken more often, whatever has changed: as under automation.
RETRAIN_AFTER = timedelta(days=1)
TRAINING_SET = training_set.SPEC.name
REPORT, VOLUME_MODEL = f"{MODEL}_report", f"ml.{VOLUME}"


def signal_products() -> Iterator[Product]:
    """Training set, candidate, champion, report and drift of the Ethereum signal."""
    code_hash = training_set.code_hash(SignalOptions())
    yield Product(
        (TRAINING_SET,),
        lambda _: [view.history for view in VIEWS],
        code_hash,
        lambda look: made_from(look.table(TRAINING_SET)),
    )
    # Other code is no reason to train: what the models see, and how days are labelled, is part of the training set.
    yield Product(
        (MODEL, ledger.SPEC.name),
        lambda _: [TRAINING_SET],
        None,
        _candidate,
        rests=_rests(SIGNAL, _candidate),
        held=_held(SIGNAL),
    )
    yield Product((CHAMPION,), lambda _: [MODEL], None, _settled)
    yield Product((REPORT,), lambda _: [MODEL, CHAMPION], report.code_hash(), _reported)
    yield Product(
        (DRIFT,),
        lambda _: [TRAINING_SET, CHAMPION],
        None,
        lambda look: made_from(look.table(DRIFT)),
        held=_other_features,
    )


def volume_product(table: str) -> Product:
    """The volume model, trained on this table and promoted in one go."""

    return Product((VOLUME_MODEL,), lambda _: [table], None, _volume, rests=_rests(VOLUME, _volume), held=_held(VOLUME))


def _candidate(look: Look) -> MadeFrom | None:
    newest = _newest(look, SIGNAL)
    # The first training registers the base rates, and then what it found: by themselves they are half of it.
    return _trained_on(look, newest) if newest and newest.recipe != BASE_RATES else None


def _volume(look: Look) -> MadeFrom | None:
    newest = _newest(look, VOLUME)
    return _trained_on(look, newest) if newest and look.registry(VOLUME).settled() == newest.version else None


def _newest(look: Look, model: str) -> Manifest | None:
    registry = look.registry(model)
    versions = registry.versions()
    return registry.manifest(versions[-1]) if versions else None


def _trained_on(look: Look, manifest: Manifest) -> MadeFrom:
    """What a version was trained on."""
    told = manifest.trained_on
    return MadeFrom("", {told.table: content_of(look.table(told.table), told.snapshot_id) or told.snapshot_id})


def _rests(model: str, made: Callable[[Look], MadeFrom | None]) -> Callable[[Look], bool]:
    """Whether the model was trained not long ago, and all of it was done."""

    def read(look: Look) -> bool:
        newest = _newest(look, model)
        return newest is not None and now() - newest.created_at < RETRAIN_AFTER and made(look) is not None

    return read


def _held(model: str) -> Callable[[Look, Mapping[str, int]], str | None]:
    """Why nothing could be trained on these inputs, if it was tried."""

    def read(look: Look, contents: Mapping[str, int]) -> str | None:
        found = look.registry(model).held()
        return found.why if found and found.inputs == dict(contents) else None

    return read


def _settled(look: Look) -> MadeFrom | None:
    settled = look.registry(SIGNAL).settled()
    return MadeFrom("", {MODEL: settled}) if settled is not None else None


def _reported(look: Look) -> MadeFrom | None:
    return noted_beside(report.report_path(look.lake))


def _other_features(look: Look, _: Mapping[str, int]) -> str | None:
    champion = look.registry(SIGNAL).champion()
    if champion is None or champion.features == list(NAMES):
        return None
    return f"{champion.label} was trained on other features; it is looked for once another serves"
