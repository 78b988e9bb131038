"""Copies of whole files in the quarantine's folder, without an identity. Nothing is recorded of their bytes but their size."""

from collections.abc import Callable, Iterator

from cryptodudez_assets.lake.erasing.contents import rewritten
from cryptodudez_assets.lake.erasing.identity import Names
from cryptodudez_assets.lake.erasing.raw import Note, Now, kind_of
from cryptodudez_assets.lake.formats.archives import FileRefused
from cryptodudez_assets.lake.iceberg.checksums import digest_of
from cryptodudez_assets.lake.lake import Lake

FOLDER = "quarantine"


def erase_from_copies(lake: Lake, names: Names, refused: Callable[[str, str], None]) -> Iterator[Note]:
    """Write each copy anew that tells of the identities. `refused` hears of those that could not be looked into."""
    for source in lake.store.folders(FOLDER):
        for found in list(lake.store.list(f"{FOLDER}/{source}")):
            if found.oddity:
                continue
            try:
                with lake.store.open(found.key) as content:
                    made = rewritten(content, kind_of(lake.sources.get(source), names.kind), names)
                    if made is None:
                        continue
                    content.seek(0)
                    before = digest_of(content)
            except (FileRefused, OSError, ValueError) as error:
                refused(lake.store.uri(found.key), str(error))
                continue
            with made.content:
                lake.store.write(found.key, made.content)
            now = Now(made.whole.sha256, made.whole.size)
            yield Note(found.key, source, found.generation, before, now, places=made.whole.edited.places)
