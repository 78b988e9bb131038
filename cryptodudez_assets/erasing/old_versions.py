"""Identities in old versions that buckets keep of objects: these versions are removed. What objects say now is not the matter here."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import BinaryIO

from cryptodudez_assets.erasing.scan import Needle, times_in
from cryptodudez_assets.lake.formats.archives import ARCHIVE_ERRORS
from cryptodudez_assets.lake.store.versions import OldVersion, Versions, VersionsUnknown, versions_below
from cryptodudez_assets.settings import Settings


class OldVersions:
    """Those of all buckets that lake and raw zone lie in."""

    def __init__(self, settings: Settings) -> None:
        self._known: dict[str, Versions] = {}
        self.unknown: list[str] = []
        """Of which buckets nobody can be asked, and why."""
        roots = [settings.lake, *([settings.raw] if settings.raw else [])]
        for root in roots:
            if "://" in root:
                try:
                    self._known[root] = versions_below(root, settings)
                except VersionsUnknown as error:
                    self.unknown.append(str(error))

    def remove(self, needle: Needle, rewritten: Collection[str]) -> Iterator[OldVersion]:
        """Remove, and yield, versions in which it stands, and those of objects that were rewritten for it, by their places."""
        for versions in self._known.values():
            for one in list(versions.old()):
                if one.place not in rewritten:
                    with versions.open(one) as content:
                        if not (needle.times_in(one.key.encode()) or _times_in(content, needle)):
                            continue
                versions.remove(one)
                yield one

    def everything(self) -> Iterator[tuple[str, BinaryIO]]:
        """Every old version, opened, by its name."""
        for versions in self._known.values():
            for one in versions.old():
                yield f"{one.place}?version={one.version}", versions.open(one)

    def kept_until(self, at: datetime) -> list[str]:
        """What is to be known of buckets from which what was removed by then can be brought back for a while."""
        return [
            f"{root} keeps what is deleted (soft delete): until {at + versions.soft_delete:%Y-%m-%d %H:%M} UTC it can be brought back"
            for root, versions in self._known.items()
            if versions.soft_delete
        ]


def _times_in(content: BinaryIO, needle: Needle) -> int:
    try:
        return times_in(content, needle)
    except (*ARCHIVE_ERRORS, OSError, ValueError):  # damaged: what cannot be unpacked is looked for as it is
        content.seek(0)
        return needle.times_in(content.read())
