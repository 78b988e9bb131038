"""Compare the files of models with their manifests, and the manifests of those that were promoted with what was promoted."""

from pathlib import Path

from cryptodudez_assets.lake.upkeep.verify import Difference, OnBytes, Verified, nothing
from cryptodudez_assets.models.registry import MANIFEST, Damaged, Registry, Tampered

RETRAIN = "promote another version, or let the model be trained again"


def verify_models(folder: Path, on_bytes: OnBytes = nothing) -> list[Verified]:
    """All versions of all models in the folder."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [_verify(Registry(folder, path.name), on_bytes) for path in found if path.is_dir()]


def _verify(registry: Registry, on_bytes: OnBytes) -> Verified:
    told = Verified(registry.name)

    def differs(version: int, file: str, problem: str) -> None:
        where = str(registry.path(version, file))
        told.differences.append(Difference("model file", registry.name, where, problem, RETRAIN))

    for version in registry.versions():
        told.files += 1
        try:
            manifest = registry.manifest(version)
        except (Tampered, LookupError, Damaged, UnicodeDecodeError) as error:
            differs(version, MANIFEST, f"cannot be trusted ({error})")
            continue
        for file in manifest.files:
            told.files += 1
            try:
                size = len(registry.read(version, file))
            except (Tampered, OSError) as error:
                differs(version, file, f"is not what was registered ({error})")
            else:
                told.bytes += size
                on_bytes(size)
    return told
