"""Whether a home's data are real or simulated: they never mix. A home with sample data is simulated; others are what they fetched first."""

import os
from typing import Literal

from cryptodudez_assets.lake.samples import ANOTHER_HOME, last_day_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.venues.http import Failed
from cryptodudez_assets.venues.pages import Answer

Origin = Literal["real", "simulated"]
NOTE = "origin"


class RealData(ValueError):
    """The home holds what was fetched from a venue: sample data would mix with it. The words say what to do."""


def origin_of(settings: Settings) -> Origin | None:
    """What the home's data are; None where nothing is known of it yet."""
    if last_day_of(settings) is not None:
        return "simulated"
    try:
        noted = (settings.home / NOTE).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    return "simulated" if noted == "simulated" else "real"


def insist_on_origin(settings: Settings, venue: str, answer: Answer) -> None:
    """Let an answer land only beside its like; the first one decides. Raises Failed."""
    found: Origin = "simulated" if answer.is_simulated else "real"
    there = origin_of(settings)
    if there is None:
        _note(settings, found)
    elif there != found:
        told = f"{venue} answers with {found} data, those of this home are {there}: nothing of it lands; {ANOTHER_HOME}"
        raise Failed(told, for_all=True)


def insist_on_simulated(settings: Settings, venue: str, url: str) -> None:
    """Refuse, before anybody is asked, to ask the public address from a home with simulated data. Raises Failed."""
    if not url and origin_of(settings) == "simulated":
        raise Failed(
            f"the data of this home are simulated, those of {venue} would be real; {ANOTHER_HOME}", for_all=True
        )


def refuse_samples(settings: Settings) -> None:
    """Refuse to put sample data beside what a venue answered. Raises RealData."""
    if origin_of(settings) == "real":
        raise RealData(f"{settings.home} holds what venues answered, and sample data would mix with it: {ANOTHER_HOME}")


def _note(settings: Settings, origin: Origin) -> None:
    aside = settings.home / f".{NOTE}-{os.getpid()}"
    aside.write_text(f"{origin}\n", encoding="ascii")
    aside.replace(settings.home / NOTE)
