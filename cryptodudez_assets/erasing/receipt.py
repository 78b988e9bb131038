"""The receipt of an erasure: what was done where, what was looked at in the end, and what is left."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from cryptodudez_assets.erasing.journal import Done
from cryptodudez_assets.erasing.scan import Scanned


@dataclass(frozen=True)
class Receipt:
    """Of one identity, which is named by its pseudonym.

    `done`: in every place where it was found. `left`: where it still is, or may be, with the reason. `said`: what is to be known.
    """

    pseudonym: str
    kind: str
    mode: str
    done_at: datetime
    done: Sequence[Done]
    left: Sequence[tuple[str, str]]
    said: Sequence[str]
    files: int
    bytes: int

    @classmethod
    def of(
        cls,
        pseudonym: str,
        kind: str,
        mode: str,
        done_at: datetime,
        done: Sequence[Done],
        left: Sequence[tuple[str, str]],
        said: Sequence[str],
        scanned: Scanned,
    ) -> "Receipt":
        """With what the look at everything found."""
        return cls(pseudonym, kind, mode, done_at, done, left, said, scanned.files, scanned.bytes)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left."""
        return not self.left

    @property
    def as_json(self) -> str:
        """As text."""
        return json.dumps({**asdict(self), "done_at": self.done_at.isoformat()}, indent=1)
