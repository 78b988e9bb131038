"""Which files there are beside tables and raw files: those of the home, its databases wherever they are, and all of a lake in a bucket."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.places import inside, is_local, true_path
from cryptodudez_assets.lake.store.raw_elsewhere import RAW
from cryptodudez_assets.settings import Settings

NOT_OURS = ("cache", "locks", "erasures")
"""Folders of the home in which nothing is changed: what libraries keep, locks, our own journals. They are looked at all the same."""


def files_of_home(settings: Settings, *, with_lake: bool) -> Iterator[Path]:
    """Regular files in the home, and databases that settings place elsewhere; without links. Of a lake in a folder all, or none."""
    lake = Path(settings.lake) if settings.lake_is_local else None
    roots = [settings.home, *([lake] if with_lake and lake and settings.home not in lake.parents else [])]
    for root in roots:
        for folder, folders, names in os.walk(root):
            here = Path(folder)
            if here == settings.home and not with_lake:
                folders[:] = sorted(set(folders) - set(NOT_OURS))
            if not with_lake:
                folders[:] = [one for one in folders if here / one not in (lake, Path(settings.raw_zone))]
            yield from (
                here / name for name in sorted(names) if (here / name).is_file() and not (here / name).is_symlink()
            )
    for url in (settings.catalog, settings.online, settings.notifications):
        path = Path(unquote(url.removeprefix("sqlite:///")))
        if url.startswith("sqlite:///") and settings.home not in path.parents and path.is_file():
            yield path


def names_of_everything(lake: Lake) -> Iterator[str]:
    """The name of every file of home and lake."""
    yield from map(str, files_of_home(lake.settings, with_lake=True))
    settings = lake.settings
    raw_is_apart = settings.raw and not inside(settings.raw, str(settings.home))
    for prefix in lake.store.folders("") if not settings.lake_is_local else [RAW] if raw_is_apart else []:
        yield from (lake.store.uri(found.key) for found in lake.store.list(prefix) if not found.oddity)


def everything(lake: Lake) -> Iterator[tuple[str, BinaryIO]]:
    """Every file of home and lake, opened, by its name. What goes meanwhile is left out."""
    for name in names_of_everything(lake):
        try:
            yield name, _opened(lake, name)
        except FileNotFoundError:
            continue


def _opened(lake: Lake, name: str) -> BinaryIO:
    return Path(name).open("rb") if is_local(name) else lake.store.open(lake.store.key(name))


def among(places: Iterable[str]) -> Callable[[str], bool]:
    """Whether a file, however it is named, is one of these."""
    known = {true_path(place) for place in places}
    return lambda place: true_path(place) in known


def holds_rows(settings: Settings, place: str) -> bool:
    """Whether a file is one of rows: of tables, raw files and exports."""
    return inside(place, settings.lake) or inside(place, settings.raw_zone)
