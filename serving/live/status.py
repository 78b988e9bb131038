"""Where what the panel shows comes from, and how old it is, in words."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from cryptodudez_assets.recorder.telling import About

START = "cryptodudez record --book btc_mxn --book usd_mxn"
From = Literal["recorder", "table", "heard", "nothing"]


class Status(msgspec.Struct):
    """What the panel's first line says, after whether that is live.

    `origin` `heard`: from the table, and what is newer than that from a recorder that is down now.

    `as_of` is the newest second that is known (of Unix time), `now` the server's clock; `command` is what to do, if anything is.
    """

    origin: From
    words: str
    command: str
    simulated: bool
    simulated_words: str
    as_of: int | None
    now: float


def status_of(
    recorders: Sequence[About], table_until: int | None, as_of: int | None, samples: bool, now: float
) -> Status:
    """`recorders` are those that are up. `samples`: this home has sample data, so what its table has may be simulated."""
    simulated = [one for one in recorders if one.simulated]
    if recorders:
        names = _listed([one.instance for one in recorders])
        origin: From = "recorder"
        words = f"from the recorder{'s' if len(recorders) > 1 else ''} {names}"
        if as_of is None:
            words += ", which told no second yet"
    elif as_of is None:
        origin, words = "nothing", "No recorder is running, and nothing was recorded yet"
    elif table_until is not None and table_until >= as_of:
        origin, words = "table", f"No recorder is running: from the table, as of {clock(as_of, now)}"
    else:
        origin = "heard"
        before = f"from the table until {clock(table_until, now)}, then " if table_until is not None else ""
        words = f"The recorder is down: {before}what it told until {clock(as_of, now)}"
    return Status(
        origin=origin,
        words=words,
        command="" if recorders else START,
        simulated=bool(simulated) or (samples and not recorders and as_of is not None),
        simulated_words=_simulated(simulated, recorders, samples and as_of is not None),
        as_of=as_of,
        now=now,
    )


def clock(second: int, now: float) -> str:
    """To the second; with the day, unless it is today's."""
    at, today = datetime.fromtimestamp(second, UTC), datetime.fromtimestamp(now, UTC).date()
    return f"{at:%H:%M:%S} UTC" if at.date() == today else f"{at:%-d %B %Y, %H:%M:%S} UTC"


def _simulated(simulated: Sequence[About], recorders: Sequence[About], samples: bool) -> str:
    if simulated:
        whose = "" if len(simulated) == len(recorders) else f"{_listed([one.instance for one in simulated])}: "
        places = _listed(sorted({one.venue for one in simulated}))
        return f"{whose}an exchange that this machine stands in for ({places}). Nobody trades at these prices."
    if samples and not recorders:
        return "this home has the demo's sample data. Nobody traded at these prices."
    return ""


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
