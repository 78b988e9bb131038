"""Compare the files of models with their manifests, and the manifests of those that were promoted with what was promoted."""

from cryptodudez_assets.lake.upkeep.verify import Difference, OnBytes, Verified, nothing
from cryptodudez_assets.models.registry import MANIFEST, Damaged, Registry, Tampered, names_of_models
from cryptodudez_assets.settings import Settings

RETRAIN = "promote another version, or let the model be trained again"


def verify_models(settings: Settings, on_bytes: OnBytes = nothing) -> list[Verified]:
    """All versions of all models of the lake."""
    return [_verify(Registry(settings, name), on_bytes) for name in names_of_models(settings)]


def _verify(registry: Registry, on_bytes: OnBytes) -> Verified:
    told = Verified(registry.name)

    def differs(version: int, file: str, problem: str) -> None:
        where = registry.uri(version, file)
        told.differences.append(Difference("model file", registry.name, where, problem, RETRAIN))

    for version in sorted({*registry.versions(), *(one.version for one in registry.promotions())}):
        told.files += 1
        try:
            manifest = registry.manifest(version)
        except (Tampered, LookupError, Damaged, UnicodeDecodeError) as error:
            differs(version, MANIFEST, f"cannot be trusted ({error})")
            continue
        for file in manifest.files:
            told.files += 1
            try:
                size = registry.check(version, file)
            except (Tampered, OSError) as error:
                differs(version, file, f"is not what was registered ({error})")
            else:
                told.bytes += size
                on_bytes(size)
    return told
