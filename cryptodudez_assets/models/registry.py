"""Where models are kept: `<folder>/<name>/versions/<n>/` with a manifest and files, and `stages.json` beside them.

A version is written aside and renamed into place, stages are replaced whole: whoever dies leaves the last champion as it was.
Writers take turns by a lock; readers need none.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from cryptodudez_assets.declared_models.declaration import Model
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.manifest import Draft, Manifest, Stage
from cryptodudez_assets.settings import Settings

PATIENCE_SECONDS = 600
MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.sha256"
UNFINISHED = ".unfinished"  # no number, so no version
Told = TypeVar("Told", bound=BaseModel)


class UnknownVersion(LookupError):
    """There is no such version."""


class Tampered(Exception):
    """A file is not what it was when it was registered."""

    def __init__(self, version: int, file: str, expected: str, found: str) -> None:
        super().__init__(
            f"{file} of version {version} was changed behind the registry's back: expected sha256 {expected}, "
            f"found {found}. Restore the file, or promote another version."
        )
        self.version, self.file, self.expected, self.found = version, file, expected, found

    def __reduce__(self) -> tuple[type["Tampered"], tuple[int, str, str, str]]:
        return type(self), (self.version, self.file, self.expected, self.found)


class Damaged(ValueError):
    """A file of the registry is none that it writes."""


class Promotion(BaseModel):
    """A version became champion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    at: datetime
    reason: str
    manifest_sha256: str


class Review(BaseModel):
    """A later evaluation's verdict about a version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    at: datetime
    verdict: Verdict


class Held(BaseModel):
    """A training that registered nothing, for want of data: what it was to be made from, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: dict[str, int]
    why: str


class _Stages(BaseModel):
    """`stages.json`. The last promotion names the champion."""

    model_config = ConfigDict(extra="forbid")

    promotions: list[Promotion] = []
    reviews: list[Review] = []
    settled: int | None = None
    held: Held | None = None


def registry_of(settings: Settings, model: Model) -> "Registry":
    """Where the versions of a declared model are kept."""
    return Registry(settings.models, model.name)


class Registry:
    """The versions of one model, 1, 2, 3, …, and which of them serves. Nothing is created before something is registered."""

    def __init__(self, folder: Path, name: str) -> None:
        if not _is_plain(name):
            raise ValueError(f"{name!r} cannot be the name of a model: it is to be the name of a folder")
        self.name = name
        self.folder = folder / name
        self._versions = self.folder / "versions"
        self._stages = self.folder / "stages.json"

    def register(self, draft: Draft, files: Mapping[str, bytes]) -> Manifest:
        """Keep a model as the next version, a candidate. Returns its manifest, as it will be read.

        Raises `ValueError` for one that does not say what its training data were made from: no receipt could be explained.
        """
        if not draft.trained_on.inputs:
            raise ValueError(f"a version of {self.name} is to say what {draft.trained_on.table} was made from")
        if wrong := [name for name in files if not _is_plain(name) or name in (MANIFEST, MANIFEST_SUM)]:
            raise ValueError(f"not names of files of a version: {wrong}")
        with self._exclusive():
            version = max(self.versions(), default=0) + 1
            manifest = Manifest(
                **dict(draft),
                name=self.name,
                version=version,
                created_at=datetime.now(UTC),
                files={name: _sha256(content) for name, content in sorted(files.items())},
            )
            told = manifest.model_dump_json(indent=1).encode()
            written = {**files, MANIFEST: told, MANIFEST_SUM: _sha256(told).encode()}
            _write_folder(self._versions / UNFINISHED, written)
            (self._versions / UNFINISHED).rename(self._versions / str(version))
            _sync(self._versions)
        return self.manifest(version)

    def versions(self) -> list[int]:
        """All versions, oldest first."""
        found = self._versions.iterdir() if self._versions.is_dir() else ()
        return sorted(int(path.name) for path in found if path.name.isdecimal())

    def manifest(self, version: int) -> Manifest:
        """What is written about a version; `Tampered` where it is not what was registered or promoted."""
        content = self._manifest_bytes(version)
        beside = self.path(version, MANIFEST_SUM)  # versions of earlier releases have none
        registered = beside.read_text("ascii", "replace") if beside.is_file() else None
        expected = next(
            (one.manifest_sha256 for one in reversed(self.promotions()) if one.version == version), registered
        )
        if expected not in (None, found := _sha256(content)):
            raise Tampered(version, MANIFEST, str(expected), found)
        return _read(Manifest, content, self.path(version, MANIFEST))

    def read(self, version: int, file: str) -> bytes:
        """A file of a version. Raises `Tampered` where it is not what was registered, `LookupError` where none was."""
        manifest = self.manifest(version)
        if file not in manifest.files:
            raise LookupError(f"{manifest.label} has no {file}, only {', '.join(manifest.files) or 'its manifest'}")
        path = self.path(version, file)
        content = path.read_bytes() if path.is_file() else None
        found = "no file" if content is None else _sha256(content)
        if content is None or found != manifest.files[file]:
            raise Tampered(version, file, manifest.files[file], found)
        return content

    def path(self, version: int, file: str) -> Path:
        """Where a file of a version lies."""
        return self._versions / str(version) / file

    def stage(self, version: int, at: datetime | None = None) -> Stage:
        """Champion: it serves. Archived: it was champion once, or is older than the champion. Candidate: neither.

        `at`: as it was then, instead of now.
        """
        self._require(version)
        promoted = [one.version for one in self.promotions() if at is None or one.at <= at]
        if not promoted:
            return "candidate"
        if version == promoted[-1]:
            return "champion"
        return "archived" if version in promoted or version < promoted[-1] else "candidate"

    def champion(self) -> Manifest | None:
        """The version that serves, or None before the first promotion."""
        promotions = self.promotions()
        return self.manifest(promotions[-1].version) if promotions else None

    def promote(self, version: int, reason: str) -> None:
        """Let a version serve, a new one or (to go back) an old one. Does nothing if it does already.

        Raises `Tampered` rather than promote files that are not what was registered.
        """
        with self._exclusive():
            for file in self.manifest(version).files:
                self.read(version, file)
            stages = self._read_stages()
            if stages.promotions and stages.promotions[-1].version == version:
                return
            sha256 = _sha256(self._manifest_bytes(version))
            promotion = Promotion(version=version, at=datetime.now(UTC), reason=reason, manifest_sha256=sha256)
            stages.promotions.append(promotion)
            self._write_stages(stages)

    def promotions(self) -> list[Promotion]:
        """Which version became champion when and why, oldest first."""
        return self._read_stages().promotions

    def review(self, version: int, verdict: Verdict) -> None:
        """Write down what a later evaluation says about a version. It keeps its stage."""
        with self._exclusive():
            self._require(version)
            stages = self._read_stages()
            stages.reviews.append(Review(version=version, at=datetime.now(UTC), verdict=verdict))
            self._write_stages(stages)

    def verdict(self, version: int, at: datetime | None = None) -> Verdict:
        """The latest word about a version: of a review, or else of its training. `at`: the latest one then, instead of now."""
        reviews = [
            one.verdict
            for one in self._read_stages().reviews
            if one.version == version and (at is None or one.at <= at)
        ]
        return reviews[-1] if reviews else self.manifest(version).verdict

    def settled(self) -> int | None:
        """The newest version when it was last decided which one serves; before that was noted, the last that was promoted."""
        stages = self._read_stages()
        promoted = stages.promotions[-1].version if stages.promotions else None
        return promoted if stages.settled is None else stages.settled

    def note_settled(self, version: int) -> None:
        """Write down that all versions up to this one have been decided about. Call it when all is done that follows."""
        self._note(settled=version)

    def held(self) -> Held | None:
        """The latest training that registered nothing."""
        return self._read_stages().held

    def hold(self, held: Held) -> None:
        """Write down that there was too little to train on."""
        self._note(held=held)

    def _note(self, **changes: object) -> None:
        with self._exclusive():
            stages = self._read_stages()
            changed = stages.model_copy(update=changes)
            if changed != stages:
                self._write_stages(changed)

    def _require(self, version: int) -> Path:
        path = self.path(version, MANIFEST)
        if not path.is_file():
            known = ", ".join(map(str, self.versions())) or "none"
            raise UnknownVersion(f"there is no version {version} of {self.name} in {self.folder}; there are: {known}")
        return path

    def _manifest_bytes(self, version: int) -> bytes:
        return self._require(version).read_bytes()

    def _read_stages(self) -> _Stages:
        return _read(_Stages, self._stages.read_bytes(), self._stages) if self._stages.is_file() else _Stages()

    def _write_stages(self, stages: _Stages) -> None:
        aside = self._stages.with_name(".stages.json")
        _write(aside, stages.model_dump_json(indent=1).encode())
        aside.replace(self._stages)
        _sync(self.folder)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        self._versions.mkdir(parents=True, exist_ok=True)
        # Released by the system when its holder dies. Not a singleton: threads of one process take turns, too.
        with FileLock(self.folder / ".lock", timeout=PATIENCE_SECONDS, is_singleton=False):
            yield


def _read(kind: type[Told], content: bytes, path: Path) -> Told:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Damaged(
            f"{path} is not what the registry writes there ({where + ': ' if where else ''}{first['msg']}): bring it back from a backup"
        ) from error


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # somebody died over it
    folder.mkdir()
    for name, content in files.items():
        _write(folder / name, content)
    _sync(folder)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_plain(name: str) -> bool:
    """Whether it names a file that is neither hidden nor somewhere else."""
    return Path(name).name == name and not name.startswith(".") and name != ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
