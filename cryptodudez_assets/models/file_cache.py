"""Files of models of a lake in a bucket, on this machine: by their hash, so that one that is found is the right one, whatever its model.

Manifests and stages are not here: what serves is asked of the lake.
"""

import hashlib
from uuid import uuid4

from cryptodudez_assets.lake.store.private import make_private
from cryptodudez_assets.settings import Settings


class FileCache:
    """`<home>/cache/models/<sha256>`. May be removed at any time."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._folder = settings.home / "cache" / "models"

    def get(self, sha256: str) -> bytes | None:
        """The bytes with this hash; None where they are not here, or are others by now."""
        try:
            content = (self._folder / sha256).read_bytes()
        except FileNotFoundError:
            return None
        return content if hashlib.sha256(content).hexdigest() == sha256 else None

    def put(self, sha256: str, content: bytes) -> None:
        """Keep bytes of this hash."""
        make_private(make_private(make_private(self._home) / "cache") / "models")
        aside = self._folder / f".{uuid4().hex}.part"
        try:
            aside.write_bytes(content)
            aside.replace(self._folder / sha256)
        finally:
            aside.unlink(missing_ok=True)
