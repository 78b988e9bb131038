"""The last day of the demo's sample data. A home keeps it from when it is first filled: landed again, samples are the same files.

What is in the samples is the simulator's; how they are shown is the demo's and the dashboard's.
"""

import os
from datetime import date

from cryptodudez_assets.settings import Settings

LAST_DAY = "last_day"
BEFORE_IT_WAS_KEPT = date(2021, 12, 31)
ANOTHER_HOME = "for others begin with another CRYPTODUDEZ_HOME"


class OtherLastDay(ValueError):
    """The home's samples end on another day; the words say which, and what to do."""


def last_day_of(settings: Settings) -> date | None:
    """Where this home's sample data end; None where there are none."""
    noted = settings.samples / LAST_DAY
    if noted.is_file():
        return date.fromisoformat(noted.read_text(encoding="ascii").strip())
    return BEFORE_IT_WAS_KEPT if settings.samples.is_dir() else None


def fix_last_day(settings: Settings, yesterday: date, wanted: date | None = None) -> date:
    """Where this home's sample data end from now on: where they do already, or on the day that is wanted, or else yesterday.

    Raises `OtherLastDay` where they end on another day than the one that is wanted.
    """
    there = last_day_of(settings)
    if there is None:
        there = wanted or yesterday
        settings.samples.mkdir(parents=True)
        aside = settings.samples / f".{LAST_DAY}-{os.getpid()}"
        aside.write_text(f"{there}\n", encoding="ascii")
        aside.replace(settings.samples / LAST_DAY)
    if wanted not in (None, there):
        raise OtherLastDay(f"the samples of this home end on {there}, not {wanted}: {ANOTHER_HOME}")
    return there
