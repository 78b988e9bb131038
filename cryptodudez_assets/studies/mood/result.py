"""The study of mood as rows of its table, and the few numbers that say most."""

from dataclasses import asdict

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.studies.mood.contract import KEY, MoodStudy
from cryptodudez_assets.studies.mood.study import MoodFound


def rows_of(found: MoodFound) -> pl.DataFrame:
    """All correlations."""
    rows = []
    for one in found.correlations:
        low, high = one.interval or (None, None)
        rows.append({**asdict(one), "low": low, "high": high, "detectable": one.detectable})
    return pl.DataFrame(rows, schema=polars_schema(MoodStudy)).sort(KEY)


def key_numbers(found: MoodFound) -> dict[str, float | int | str]:
    """For the history of the asset in the UI."""
    told: dict[str, float | int | str] = {
        "tests": len(found.correlations),
        "below_q": sum(one.stands for one in found.correlations),
    }
    told |= {f"days_{one.source}": one.n_days for one in found.days}
    if found.correlations:
        told["smallest_p"] = min(one.p for one in found.correlations)
    return told
