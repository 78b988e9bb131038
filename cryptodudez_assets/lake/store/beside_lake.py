"""What homes of earlier releases kept beside the lake: models, reports, exports. It is brought into the lake when a home is opened.

Of a lake in a folder a link leads there from the old path, so that what is known to people goes on being found. What lies in these
folders is not known here.
"""

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.lake.store.places import same
from cryptodudez_assets.lake.store.stored import ObjectStore
from cryptodudez_assets.settings import Settings

FOLDERS = ("models", "reports", "exports")
MANIFEST, STAGES = "manifest.json", "stages.json"
"""Of models: written last, in this order, since they say that all else is there."""

log = logging.getLogger("cryptodudez")


def bring_over(settings: Settings) -> None:
    """Move what the home keeps of these folders into its lake; does nothing where that was done. Interrupted, it is done again.

    Models of which the lake has others (of another home) stay where they are, which is said.
    """
    for name in FOLDERS:
        if _is_beside(settings, name):
            with exclusive(settings, "beside_lake"):
                if _is_beside(settings, name):  # still: somebody else may have been faster
                    _bring(settings, name)


def link_from_home(settings: Settings, name: str) -> None:
    """Have `<home>/<name>` lead into a lake that is a folder, if nothing else is there."""
    old, new = settings.home / name, Path(settings.lake) / name
    if not settings.lake_is_local or os.path.lexists(old) or not settings.home.is_dir():
        return
    inside = new.is_relative_to(settings.home)  # such a link survives a move of the home
    try:
        old.symlink_to(new.relative_to(settings.home) if inside else new)
    except FileExistsError:
        return  # somebody else was faster


def _is_beside(settings: Settings, name: str) -> bool:
    folder = settings.home / name
    return folder.is_dir() and not (settings.lake_is_local and same(str(folder), f"{settings.lake}/{name}"))


def _bring(settings: Settings, name: str) -> None:
    old = settings.home / name
    left = [] if _renamed(settings, name) else list(_copied(open_store(settings), old, name))
    if left:
        log.warning("%s: the lake %s has others of these names; what is there stays unused", left, settings.lake)
        return
    if old.is_symlink():
        old.unlink()
    elif old.exists():
        shutil.rmtree(old)
    log.warning("%s was moved to %s/%s", old, settings.lake, name)
    link_from_home(settings, name)


def _renamed(settings: Settings, name: str) -> bool:
    """Whether a rename was enough: of folders of one disk."""
    old, new = settings.home / name, Path(settings.lake) / name
    if not settings.lake_is_local or old.is_symlink() or new.exists():
        return False
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        old.rename(new)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True


def _copied(store: ObjectStore, old: Path, name: str) -> Iterator[str]:
    """Bring each file that the lake does not have; yields the folders of models that stay."""
    for one in sorted(old.iterdir()):
        files = sorted((path for path in one.rglob("*") if path.is_file()), key=_rank) if one.is_dir() else [one]
        keys = {path: f"{name}/{path.relative_to(old).as_posix()}" for path in files if not _is_hidden(path)}
        if store.stat(f"{name}/{one.name}/{STAGES}"):  # it comes last: whoever has it has all, or others
            if not all(_is_same(store, keys[path], path) for path in keys if path.name == MANIFEST):
                yield str(one)
            continue
        for path, key in keys.items():
            if store.stat(key) is None:
                with path.open("rb") as content:
                    store.write(key, content)


def _is_same(store: ObjectStore, key: str, path: Path) -> bool:
    return store.stat(key) is not None and store.read(key) == path.read_bytes()


def _is_hidden(path: Path) -> bool:
    """Locks, and what a kill left."""
    return path.name.startswith(".") and path.name != ".made_from.json"


def _rank(path: Path) -> tuple[int, str]:
    return ((MANIFEST, STAGES).index(path.name) + 1 if path.name in (MANIFEST, STAGES) else 0, str(path))
