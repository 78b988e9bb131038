"""HTML pages of the lake, `<lake>/reports/<name>`: each whole or not there, with what it was made from beside it.

What a page looks like is not said here, but in the room `reports`.
"""

import io
from collections.abc import Sequence

from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, note_beside, noted_beside
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.samples import words_of
from cryptodudez_assets.lake.store.beside_lake import link_from_home
from cryptodudez_assets.lake.store.stored import ObjectStore

FOLDER = "reports"


def write(lake: Lake, name: str, text: str, made: MadeFrom | None = None) -> str:
    """Put a page in its place; returns where that is. `made`: what it was made from, where no table says so.

    Of sample data it says so, below its heading: a page is sent around.
    """
    lake.store.write(_key(name), io.BytesIO(_told(lake, text).encode()))
    if made is not None:
        note_beside(lake.store, _key(name), made)
    link_from_home(lake.settings, FOLDER)
    return place(lake, name)


def _told(lake: Lake, text: str) -> str:
    words = words_of(lake.settings)
    above, heading, below = text.partition("</h1>")
    return f'{above}{heading}\n<p class="notice">{words}</p>{below}' if words else text


def place(lake: Lake, name: str) -> str:
    """Where a page lies, as people see it."""
    return lake.store.uri(_key(name))


def is_there(lake: Lake, name: str) -> bool:
    """Whether there is such a page."""
    return lake.store.stat(_key(name)) is not None


def made_from(lake: Lake, name: str) -> MadeFrom | None:
    """What a page was made from, where that is written beside it; None where there is none."""
    return noted_beside(lake.store, _key(name))


def names(store: ObjectStore) -> Sequence[str]:
    """The pages that there are."""
    keys = [found.key for found in store.list(FOLDER) if not found.oddity]
    return [name for key in keys if (name := key.removeprefix(f"{FOLDER}/")).endswith(".html") and "/" not in name]


def read(store: ObjectStore, name: str) -> str:
    """A page. Raises FileNotFoundError."""
    return store.read(_key(name)).decode()


def _key(name: str) -> str:
    return f"{FOLDER}/{name}"
