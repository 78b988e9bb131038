"""Fields of JSON records by name, fields in fields by path: which there are, and what a record says in one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cryptodudez_assets.lake.formats.json.parse import Number

ABSENT: Any = object()
"""A field that a record has not, or an object on the way to it."""
NO_OBJECT: Any = object()
"""On the way to the field is something else than an object."""

TYPES = {dict: "Struct", list: "List", str: "String", bool: "Boolean", type(None): "Null"}


def value_at(record: Mapping[str, Any], name: str, path: Sequence[str]) -> Any:
    """What a record says in the field `name`, which is `path` taken apart. A field of that very name comes first."""
    if name in record:
        return record[name]
    value: Any = record
    for part in path:
        if not isinstance(value, Mapping):
            return ABSENT if value is None else NO_OBJECT
        if part not in value:
            return ABSENT
        value = value[part]
    return value


def flattened(record: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    """All fields by their paths, but objects in place of which their fields are told."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            found |= flattened(value, f"{within}{name}.")
        else:
            found[f"{within}{name}"] = value
    return found


def told_twice(record: Mapping[str, Any]) -> str | None:
    """A path by which two fields are told: that of `b` in `a` is the name of a field `a.b`, too."""
    if not _has_dots(record):
        return None
    found: set[str] = set()
    pending: list[tuple[str, Mapping[str, Any]]] = [("", record)]
    while pending:
        within, one = pending.pop()
        for name, value in one.items():
            path = f"{within}{name}"
            if path in found:
                return path
            found.add(path)
            if isinstance(value, dict):
                pending.append((f"{path}.", value))
    return None


def _has_dots(record: Mapping[str, Any]) -> bool:
    """Whether a name has one, of a field or of one in it: almost never, so that this is all that most records cost."""
    if "." in "".join(record):
        return True
    for one in record.values():  # noqa: SIM110 - a generator for each record costs more than all else here
        if type(one) is dict and _has_dots(one):
            return True
    return False


def names_in(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The fields in these records (read with numbers marked), in their order, with their types."""
    found: dict[str, str] = {}
    for record in records:
        for name, value in flattened(record).items():
            if found.get(name, "Null") == "Null":
                found[name] = _type_of(value)
    # What is null here and an object there is told by the fields of the object.
    return {name: told for name, told in found.items() if told != "Null" or not any_within(name, found)}


def any_within(name: str, names: Iterable[str]) -> bool:
    """Whether any is a field of the object `name`."""
    return any(one.startswith(f"{name}.") for one in names)


def _type_of(value: Any) -> str:
    if isinstance(value, Number):
        return "Int64" if value.lstrip("-").isdecimal() else "Float64"
    return TYPES[type(value)]


def unknown_in(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """The names that are none of the known ones, nor fields of objects that are."""
    whole = set(known)
    return [name for name in names if not any(name[:at] in whole for at in _ends(name))]


def _ends(name: str) -> Iterable[int]:
    """Where the names of the objects around a field end, and its own."""
    return [at for at, one in enumerate(name) if one == "."] + [len(name)]
