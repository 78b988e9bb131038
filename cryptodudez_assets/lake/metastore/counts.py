"""What was found in one file when it was read: the counts by which every record is accounted for."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class FileCount:
    """What was found in one file. `set_aside` says why none of it is to be used."""

    read: int = 0
    quarantined: int = 0
    warned: int = 0
    as_of: datetime | None = None
    set_aside: str | None = None
    anew: str | None = None
    """Why it is to be catalogued again: its bytes are not those that were catalogued, or it may not be read for now."""
    failed: bool = False
    """Whether `set_aside` tells an error that nobody foresaw: of the file, or of what is declared about its layout."""
    broken: dict[str, int] = field(default_factory=dict)
    """How many rows break which rule."""
    first: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    """Of each rule the first record that breaks it: its number, where it is, and why, in words."""

    @property
    def gave_rows(self) -> bool:
        """Whether the file can be used, and rows of it are valid."""
        return self.set_aside is None and self.read > self.quarantined

    def fail(self, why: str) -> None:
        """Its rows cannot be judged."""
        self.set_aside, self.failed = why, True
