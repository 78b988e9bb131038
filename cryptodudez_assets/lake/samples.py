"""What a home keeps of the demo's sample data from when it is first filled: their last day, and whether a signal was planted in them.

So that landed again, samples are the same files, and whoever reads a signal is told that it was planted.
What is in the samples is the simulator's; how they are shown is the demo's and the dashboard's.
"""

import os
from datetime import date

from cryptodudez_assets.settings import Settings

LAST_DAY, PLANTED = "last_day", "planted"
BEFORE_IT_WAS_KEPT = date(2021, 12, 31)
ANOTHER_HOME = "for others begin with another CRYPTODUDEZ_HOME"


class OtherSamples(ValueError):
    """The home's samples are others; the words say which, and what to do."""


def last_day_of(settings: Settings) -> date | None:
    """Where this home's sample data end; None where there are none."""
    noted = settings.samples / LAST_DAY
    if noted.is_file():
        return date.fromisoformat(noted.read_text(encoding="ascii").strip())
    return BEFORE_IT_WAS_KEPT if settings.samples.is_dir() else None


def words_of(settings: Settings) -> str:
    """What whoever is shown something of this home's data is told first; empty where they are nobody's samples."""
    last = last_day_of(settings)
    return (
        f"Sample data: all of it is simulated by the demo, up to {last:%-d %B %Y}. Nothing here happened."
        if last
        else ""
    )


def is_planted(settings: Settings) -> bool:
    """Whether a signal was planted in this home's sample data."""
    return (settings.samples / PLANTED).is_file()


def fix_last_day(settings: Settings, yesterday: date, wanted: date | None = None, planted: bool = False) -> date:
    """Where this home's sample data end from now on: where they do already, or on the day that is wanted, or else yesterday.

    Raises `OtherSamples` where they end on another day than the one that is wanted, or where a signal should be `planted` in them and
    they are there without.
    """
    there = last_day_of(settings)
    if there is None:
        there = wanted or yesterday
        _note(settings, there, planted)
    if wanted not in (None, there):
        raise OtherSamples(f"the samples of this home end on {there}, not {wanted}: {ANOTHER_HOME}")
    if planted and not is_planted(settings):
        raise OtherSamples(f"no signal was planted in the samples of this home: {ANOTHER_HOME}")
    return there


def _note(settings: Settings, last_day: date, planted: bool) -> None:
    """All of it appears at once."""
    aside = settings.samples.with_name(f".samples-{os.getpid()}")
    aside.mkdir(parents=True)
    (aside / LAST_DAY).write_text(f"{last_day}\n", encoding="ascii")
    if planted:
        (aside / PLANTED).touch()
    aside.replace(settings.samples)
