"""Who else on this machine may read a home: nobody, unless its owner opened it to a group.

A home holds receipts, models and whatever was landed. The rule: what is made here is its owner's alone (0700, files 0600),
whatever the umask. A home that is open to a group and closed to all others was opened on purpose and stays as it is; so does the
group's part where the group may write. One that is open to everybody was opened by a umask, and is closed with a word.
"""

import logging
import os
import stat
from pathlib import Path

from cryptodudez_assets.settings import Settings

OTHERS, GROUP = stat.S_IRWXO, stat.S_IRWXG
log = logging.getLogger("cryptodudez")


def make_private(folder: Path) -> Path:
    """The folder, made for its owner alone if it is not there."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:  # somebody else was faster, or it is no folder
            folder.mkdir(exist_ok=True)
    return folder


def private_file(path: Path) -> Path:
    """The file, made (empty) for its owner, and for the group that its folder is shared with, if it is not there.

    Databases are made here before SQLite does it: what it puts beside them has the same rights.
    """
    if not path.exists():
        rights = 0o600 | (_shared(path.parent.stat().st_mode) & 0o060)
        try:
            made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, rights)
        except FileExistsError:
            return path
        os.fchmod(made, rights)  # whatever the umask
        os.close(made)
    return path


def close_to_others(settings: Settings) -> None:
    """Close a home, and the databases in it, to all for whom it was not opened on purpose; say so."""
    home = settings.home
    try:
        mode = home.stat().st_mode
    except OSError:
        return  # there is none yet, or it cannot be used, which is told where it is
    shared = _shared(mode)
    closed = _narrow(home, shared)
    for path in (home / "catalog.db", home / "online.db", home / "notifications.db", settings.receipts):
        _narrow(path, shared)
    if closed:
        group = " and its group" if shared else ""
        log.warning(
            "everybody on this machine could read %s: from now on only its owner%s can. "
            "To share it with a group: chgrp GROUP, chmod 2770",
            home,
            group,
        )


def _shared(mode: int) -> int:
    """The rights of the group that a folder was given on purpose."""
    on_purpose = not mode & OTHERS or mode & (stat.S_IWGRP | stat.S_ISGID)
    return mode & GROUP if on_purpose else 0


def _narrow(path: Path, shared: int) -> bool:
    """Take the rights of others from a path, and those of the group if they are not shared; whether there were any."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        kept = mode & ~OTHERS & (~GROUP | shared)
        if kept == mode:
            return False
        path.chmod(kept)
    except FileNotFoundError:
        return False
    except PermissionError:
        log.warning("others may read %s, and only its owner can change that: chmod o-rwx", path)
        return False
    return True
