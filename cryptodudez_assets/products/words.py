"""How products stand, in words and as JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

from cryptodudez_assets.products.standing import Standing, causes
from cryptodudez_assets.sources.declaration import Source

NAMED = 5


def lines(found: Standing, sources: Iterable[Source]) -> Iterator[str]:
    """A line for each product that is behind, and for each thing that others wait for."""
    yield from (f"behind: {one}" for one in found.behind)
    yield from not_made(found, sources)


def not_made(found: Standing, sources: Iterable[Source]) -> Iterator[str]:
    """What cannot be made, why, and what to land for it."""
    raw = {table: source.raw for source in sources for table in (source.table, source.observations) if table}
    reasons = {one.reason for one in found.waiting}
    for cause, names in causes(found):
        if cause in raw:
            why = f"{cause} is missing, land {raw[cause]}"
        else:
            why = cause if cause in reasons else f"{cause} is missing, and no declaration makes it: is that its name?"
        others = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"not made: {', '.join(names[:NAMED])}{others}: {why}"


def as_json(found: Standing) -> dict[str, Any]:
    """The same for programs."""
    behind = [
        {
            "product": one.name,
            "reason": one.reason,
            "inputs": list(one.inputs),
            "since": one.since.isoformat() if one.since else None,
        }
        for one in found.behind
    ]
    waiting = [{"product": one.name, "missing": list(one.inputs), "reason": one.reason} for one in found.waiting]
    return {"behind": behind, "waiting": waiting}
