"""Where models are kept: `<lake>/models/<name>/versions/<n>/` with a manifest and files, and `stages.json` beside them.

A version is there once its manifest is, which is written last; stages are replaced whole: whoever dies leaves the last champion as it
was. Writers take turns by a lock of the lake's catalog; readers need none, and compare what they read with the manifest. Where files of
a lake in a bucket are kept meanwhile is said in `file_cache.py`.
"""

import hashlib
import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cryptodudez_assets.declared_models.declaration import Model
from cryptodudez_assets.lake.store.beside_lake import link_from_home
from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.models.file_cache import FileCache
from cryptodudez_assets.models.findings import Verdict
from cryptodudez_assets.models.manifest import Draft, Manifest, Stage
from cryptodudez_assets.settings import Settings

FOLDER = "models"
"""Of the lake."""
STAGES = "stages.json"
MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.sha256"
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
    return Registry(settings, model.name)


def names_of_models(settings: Settings) -> list[str]:
    """The models of which anything is kept."""
    return sorted(open_store(settings).folders(FOLDER))


class Registry:
    """The versions of one model, 1, 2, 3, …, and which of them serves. Nothing is created before something is registered."""

    def __init__(self, settings: Settings, name: str) -> None:
        if not _is_plain(name):
            raise ValueError(f"{name!r} cannot be the name of a model: it is to be the name of a folder")
        self.name, self.settings = name, settings
        self._store, self._key = open_store(settings), f"{FOLDER}/{name}"
        self._versions, self._stages = f"{self._key}/versions", f"{self._key}/{STAGES}"
        self._cache = None if settings.lake_is_local else FileCache(settings)

    @property
    def location(self) -> str:
        """Where all of it lies, as people see it."""
        return self._store.uri(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Registry) and other.location == self.location

    def __hash__(self) -> int:
        return hash(self.location)

    def register(self, draft: Draft, files: Mapping[str, bytes]) -> Manifest:
        """Keep a model as the next version, a candidate. Returns its manifest, as it will be read.

        Raises `ValueError` for one that does not say what its training data were made from: no receipt could be explained.
        """
        if not draft.trained_on.inputs:
            raise ValueError(f"a version of {self.name} is to say what {draft.trained_on.table} was made from")
        if wrong := [name for name in files if not _is_plain(name) or name in (MANIFEST, MANIFEST_SUM)]:
            raise ValueError(f"not names of files of a version: {wrong}")
        with self._exclusive():
            version = max([*self.versions(), *(one.version for one in self.promotions())], default=0) + 1
            manifest = Manifest(
                **dict(draft),
                name=self.name,
                version=version,
                created_at=datetime.now(UTC),
                files={name: _sha256(content) for name, content in sorted(files.items())},
            )
            told = manifest.model_dump_json(indent=1).encode()
            for left in list(self._store.list(f"{self._versions}/{version}")):  # somebody died over it
                self._store.delete(left.key)
            for name, content in {**files, MANIFEST_SUM: _sha256(told).encode(), MANIFEST: told}.items():
                self._store.create(self._file(version, name), content)
        link_from_home(self.settings, FOLDER)
        return self.manifest(version)

    def versions(self) -> list[int]:
        """All versions, oldest first."""
        numbers = (
            found.key.removeprefix(f"{self._versions}/").removesuffix(f"/{MANIFEST}")
            for found in self._store.list(self._versions)
            if not found.oddity
        )
        return sorted(int(number) for number in numbers if number.isdecimal())

    def manifest(self, version: int) -> Manifest:
        """What is written about a version; `Tampered` where it is not what was registered or promoted."""
        content = self._manifest_bytes(version)
        expected = next((one.manifest_sha256 for one in reversed(self.promotions()) if one.version == version), None)
        if expected is None and (beside := self._bytes(self._file(version, MANIFEST_SUM))) is not None:
            expected = beside.decode("ascii", "replace")  # versions of earlier releases have none
        if expected not in (None, found := _sha256(content)):
            raise Tampered(version, MANIFEST, str(expected), found)
        return _read(Manifest, content, self.uri(version, MANIFEST))

    def read(self, version: int, file: str) -> bytes:
        """A file of a version, kept on this machine or fetched. Raises `Tampered` where it is not what was registered,
        `LookupError` where none was."""
        expected = self._expected(version, file)
        if self._cache and (kept := self._cache.get(expected)) is not None:
            return kept
        content = self._fetched(version, file, expected)
        if self._cache:
            self._cache.put(expected, content)
        return content

    def check(self, version: int, file: str) -> int:
        """The size of a file as the lake has it now. Raises as `read` does."""
        return len(self._fetched(version, file, self._expected(version, file)))

    def uri(self, version: int, file: str) -> str:
        """Where a file of a version lies, as people see it."""
        return self._store.uri(self._file(version, file))

    def generation(self) -> str | None:
        """Changes whenever anything was promoted, reviewed or held; None before the first of these. Asks for no bytes."""
        found = self._store.stat(self._stages)
        return found.generation if found else None

    def publish(self, file: str, content: bytes) -> None:
        """Keep bytes beside the versions, whole, under a name that stays; nothing is written where they are there."""
        if self._bytes(key := f"{self._key}/{file}") != content:
            self._store.write(key, io.BytesIO(content))

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
                self.check(version, file)
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

    def _expected(self, version: int, file: str) -> str:
        manifest = self.manifest(version)
        if file not in manifest.files:
            raise LookupError(f"{manifest.label} has no {file}, only {', '.join(manifest.files) or 'its manifest'}")
        return manifest.files[file]

    def _fetched(self, version: int, file: str, expected: str) -> bytes:
        content = self._bytes(self._file(version, file))
        found = "no file" if content is None else _sha256(content)
        if content is None or found != expected:
            raise Tampered(version, file, expected, found)
        return content

    def _require(self, version: int) -> None:
        if self._store.stat(self._file(version, MANIFEST)) is None:
            raise self._unknown(version)

    def _unknown(self, version: int) -> UnknownVersion:
        known = ", ".join(map(str, self.versions())) or "none"
        return UnknownVersion(f"there is no version {version} of {self.name} in {self.location}; there are: {known}")

    def _manifest_bytes(self, version: int) -> bytes:
        content = self._bytes(self._file(version, MANIFEST))
        if content is None:
            raise self._unknown(version)
        return content

    def _file(self, version: int, name: str) -> str:
        return f"{self._versions}/{version}/{name}"

    def _bytes(self, key: str) -> bytes | None:
        try:
            return self._store.read(key)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _read_stages(self) -> _Stages:
        content = self._bytes(self._stages)
        return _Stages() if content is None else _read(_Stages, content, self._store.uri(self._stages))

    def _write_stages(self, stages: _Stages) -> None:
        self._store.write(self._stages, io.BytesIO(stages.model_dump_json(indent=1).encode()))

    def _exclusive(self) -> AbstractContextManager[bool]:
        return exclusive(self.settings, f"models.{self.name}")


def _read(kind: type[Told], content: bytes, place: str) -> Told:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Damaged(
            f"{place} is not what the registry writes there ({where + ': ' if where else ''}{first['msg']}): bring it back from a backup"
        ) from error


def _is_plain(name: str) -> bool:
    """Whether it names a file that is neither hidden nor somewhere else."""
    return PurePath(name).name == name and not name.startswith(".") and name != ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
