"""Dagster's own folder (runs, events, schedules), below our home and with the project's configuration in it."""

import atexit
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from cryptodudez_assets.lake.store.private import make_private
from cryptodudez_assets.settings import Settings

CONFIGURATION = Path(__file__).parent / "dagster.yaml"
"""A link to the one at the top of the project, so that it is in the package, too."""
ENDS_OR_ESCAPES = re.compile(r"[?%]")


def dagster_home(settings: Settings) -> Path:
    """The folder, made ready."""
    home = settings.home / "dagster"
    make_private(make_private(settings.home) / home.name)
    (home / "dagster.yaml").write_text(CONFIGURATION.read_text(encoding="utf-8"), encoding="utf-8")
    return _under_a_plain_name(home) if ENDS_OR_ESCAPES.search(str(home)) else home


@cache
def _under_a_plain_name(home: Path) -> Path:
    """A link to the folder, for as long as this process lives.

    Dagster puts the path into the URL of its databases as it is: a question mark would end it there, a percent sign begin
    an escape, and the databases would lie in another folder or nowhere.
    """
    folder = Path(tempfile.mkdtemp(prefix="cryptodudez-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = folder / "dagster"
    link.symlink_to(home, target_is_directory=True)
    return link
