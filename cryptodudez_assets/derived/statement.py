"""One SELECT as text: what it says, whatever its comments and spaces, and whether it could say something else another time.

Knows nothing of tables: running it is in `derived/sql.py`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

PLACES = {"query_location", "query_location_length"}
# These are written without brackets, and look like columns.
CLOCKS = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}


@dataclass(frozen=True)
class Statement:
    """The text of one SELECT. Asking what it says raises ValueError where it is something else."""

    text: str

    @property
    def meaning(self) -> str:
        """What it says, as text; comments, spaces and line breaks do not count."""
        return json.dumps(_without_places(_parsed(self.text)), sort_keys=True)

    @property
    def problem(self) -> str | None:
        """Why its answer could change by itself; None where it cannot."""
        for node in _nodes(_parsed(self.text)):
            if node.get("class") == "FUNCTION" and node["function_name"] in _inconstant():
                return f"{node['function_name']}() differs from run to run: take times from the inputs"
            names = [str(name).lower() for name in node.get("column_names") or ()]
            if len(names) == 1 and names[0] in CLOCKS:
                return f"{names[0]} differs from run to run: take times from the inputs"
            if node.get("sample"):
                return "a sample differs from run to run"
        return None


@cache
def _parsed(text: str) -> dict[str, Any]:
    import duckdb  # takes long to load, and is needed only where there is SQL

    with duckdb.connect() as connection:
        answer = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchone()
    told: dict[str, Any] = json.loads(answer[0]) if answer else {}
    if told.get("error"):
        said = str(told.get("error_message")).partition("\n")[0]
        raise ValueError(
            "expected one SELECT, found something else"
            if "SELECT statements" in said
            else f"expected one SELECT: {said}"
        )
    if len(told["statements"]) != 1:
        raise ValueError(
            f"expected one SELECT, found {len(told['statements']) or 'no'} statement{'s' * bool(told['statements'])}"
        )
    return told


@cache
def _inconstant() -> frozenset[str]:
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT function_name FROM duckdb_functions() WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')"
        ).fetchall()
    return frozenset(name for (name,) in found)


def _nodes(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from _nodes(value)
    elif isinstance(part, list):
        for value in part:
            yield from _nodes(value)


def _without_places(part: object) -> object:
    if isinstance(part, dict):
        return {name: _without_places(value) for name, value in part.items() if name not in PLACES}
    return [_without_places(value) for value in part] if isinstance(part, list) else part
