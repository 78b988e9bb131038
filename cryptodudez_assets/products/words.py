"""How products stand, in words and as JSON."""

from collections.abc import Iterator
from typing import Any

from cryptodudez_assets.features import configured_views
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.products.standing import Standing, causes
from cryptodudez_assets.sources import all_sources

NAMED = 5


def lines(lake: Lake, found: Standing) -> Iterator[str]:
    """A line for each product that is behind, and for each thing that others wait for."""
    yield from (f"behind: {one}" for one in found.behind)
    yield from not_made(lake, found)


def not_made(lake: Lake, found: Standing) -> Iterator[str]:
    """What cannot be made, why, and what to land for it."""
    sources, views = all_sources().values(), configured_views(lake.settings.rolling_days)
    raw = {table: source.raw for source in sources for table in (source.table, source.observations) if table}
    made_of = {table: [one.table for one in view.inputs] for view in views for table in (view.table, view.history)}
    for cause, names in causes(found):
        why = cause
        if cause in raw:
            why = f"{cause} is missing, land {raw[cause]}"
        elif cause in made_of:
            landed = sorted({raw[table] for table in _roots(cause, made_of) if table in raw})
            why = f"{cause} has no rows, land more of {' or '.join(landed)}"
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


def _roots(table: str, made_of: dict[str, list[str]]) -> set[str]:
    return {root for one in made_of[table] for root in (_roots(one, made_of) if one in made_of else {one})}
