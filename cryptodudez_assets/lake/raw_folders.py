"""The folders of the raw zone, one for each declared source, so that there is where to drop a file. In a bucket there are none."""

import os
from collections.abc import Iterable
from pathlib import Path

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.objects import looks_of
from cryptodudez_assets.sources.declaration import Source


def make_folders(lake: Lake, sources: Iterable[Source]) -> None:
    """Make those that are missing. What has the name of one, whatever it is, is left; OSError where none can be made.

    None in a lake that went elsewhere: whatever is dropped there is not seen any more.
    """
    if not lake.settings.raw_is_local or looks_of(lake.settings).has_moved:
        return
    for source in sources:
        folder = Path(lake.settings.raw_zone, source.raw)
        if not os.path.lexists(folder):
            folder.mkdir(parents=True, exist_ok=True)
