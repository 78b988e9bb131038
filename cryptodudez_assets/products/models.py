"""The models as products: what each was made from stands in its registry, and each rests for a while after it was trained."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial

from cryptodudez_assets.declared_models.declaration import Model
from cryptodudez_assets.declared_models.forecast import VolumeForecast
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.declared_models.volume import VolumeModel
from cryptodudez_assets.lake import pages
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of, made_from
from cryptodudez_assets.lake.lake import now
from cryptodudez_assets.models import ledger
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.promotion import BASE_RATES
from cryptodudez_assets.models.signal import report, training_set
from cryptodudez_assets.models.signal.inputs import inputs_of
from cryptodudez_assets.products.look import Look
from cryptodudez_assets.products.standing import Product

# Another look at the same days is another trial, so it is not taken more often, whatever has changed: as under automation.
RETRAIN_AFTER = timedelta(days=1)


def signal_products(model: SignalModel) -> Iterator[Product]:
    """Training set, candidate, champion, live record, report and drift of a signal."""
    yield Product(
        (model.training_set,),
        lambda _: [view.history for view in inputs_of(model).views],
        training_set.code_hash(model),
        lambda look: made_from(look.table(model.training_set)),
    )
    # Other code is no reason to train: what the models see, and how days are labelled, is part of the training set.
    yield Product(
        (model.asset, ledger.SPEC.name),
        lambda _: [model.training_set],
        None,
        partial(_candidate, model),
        rests=_rests(model, _candidate),
        held=_held(model),
    )
    yield Product((model.champion,), lambda _: [model.asset], None, partial(_settled, model))
    # Other code is no reason to score anew: what was scored stays, but for prices that are corrected.
    yield Product(
        (model.record,),
        lambda _: [model.training_set],
        None,
        lambda look: made_from(look.table(model.record)),
    )
    yield Product(
        (model.report,),
        lambda _: [model.asset, model.champion, model.record],
        report.code_hash(),
        lambda look: pages.made_from(look.lake, report.report_name(model)),
        may_be_absent=frozenset({model.record}),
    )
    yield Product(
        (model.drift,),
        lambda _: [model.training_set, model.champion],
        None,
        lambda look: made_from(look.table(model.drift)),
        held=partial(_other_features, model),
    )


def volume_product(model: VolumeModel | VolumeForecast) -> Product:
    """A volume model or forecast, trained on its table and promoted in one go."""
    made = partial(_volume, model)
    return Product((model.asset,), lambda _: [model.reads], None, made, rests=_rests(model, _volume), held=_held(model))


def _candidate(model: Model, look: Look) -> MadeFrom | None:
    newest = _newest(look, model)
    # The first training registers the base rates, and then what it found: by themselves they are half of it.
    return _trained_on(look, newest) if newest and newest.recipe != BASE_RATES else None


def _volume(model: Model, look: Look) -> MadeFrom | None:
    newest = _newest(look, model)
    return _trained_on(look, newest) if newest and look.registry(model.name).settled() == newest.version else None


def _newest(look: Look, model: Model) -> Manifest | None:
    registry = look.registry(model.name)
    versions = registry.versions()
    return registry.manifest(versions[-1]) if versions else None


def _trained_on(look: Look, manifest: Manifest) -> MadeFrom:
    """What a version was trained on."""
    told = manifest.trained_on
    return MadeFrom("", {told.table: content_of(look.table(told.table), told.snapshot_id) or told.snapshot_id})


def _rests(model: Model, made: Callable[[Model, Look], MadeFrom | None]) -> Callable[[Look], bool]:
    """Whether the model was trained not long ago, and all of it was done."""

    def read(look: Look) -> bool:
        newest = _newest(look, model)
        return newest is not None and now() - newest.created_at < RETRAIN_AFTER and made(model, look) is not None

    return read


def _held(model: Model) -> Callable[[Look, Mapping[str, int]], str | None]:
    """Why nothing could be trained on these inputs, if it was tried."""

    def read(look: Look, contents: Mapping[str, int]) -> str | None:
        found = look.registry(model.name).held()
        return found.why if found and found.inputs == dict(contents) else None

    return read


def _settled(model: SignalModel, look: Look) -> MadeFrom | None:
    settled = look.registry(model.name).settled()
    return MadeFrom("", {model.asset: settled}) if settled is not None else None


def _other_features(model: SignalModel, look: Look, _: Mapping[str, int]) -> str | None:
    champion = look.registry(model.name).champion()
    if champion is None or champion.features == list(inputs_of(model).names):
        return None
    return f"{champion.label} was trained on other features; it is looked for once another serves"
