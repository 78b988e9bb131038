"""JSON, read strictly: one value from one text, or why there is none. Numbers stay as they are written.

Python's own scanner, for it hands out each number as text, which Arrow, Polars and orjson do not: `1.10`, an id of 20 digits and
`1e400` are what they were. Each record is parsed alone, so that its fate never depends on its neighbours.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

MAX_DEPTH = 200
"""Far below the depth at which Python gives up, which depends on who calls."""

SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
SPACE = " \t\r\n"
NO_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^"\[\]{}]++', re.S)
PAIRS = re.compile(r"\[\]|\{\}")
TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.S)


class Number(str):
    """A number, as it is written: told apart from a text that says the same."""

    __slots__ = ()


class Broken(Exception):
    """No record: the rule that is broken, and where in the text or what of it, for words."""

    def __init__(self, fault: str, told: str = "", at: int = 0) -> None:
        super().__init__(fault)
        self.fault, self.told, self.at = fault, told, at


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise Broken("repeated_field", next(name for name in names if names.count(name) > 1))
    return found


def _refuse(text: str) -> NoReturn:
    raise Broken("no_number", text)


Scan = Callable[[str, int], tuple[Any, int]]


def _scan(number: Callable[[str], Any], **how: Any) -> Scan:
    """Python's scanner: the value that begins at a place in a text, and where it ends."""
    scan: Scan = json.JSONDecoder(parse_int=number, parse_float=number, **how).scan_once  # type: ignore[attr-defined]
    return scan


PLAIN = _scan(str, object_pairs_hook=_object, parse_constant=_refuse)
"""Numbers and texts alike are texts."""
MARKING = _scan(Number, object_pairs_hook=_object, parse_constant=_refuse)
"""Numbers are `Number`: what is read so can be written as it was."""
SKIPPING = _scan(len, parse_constant=len, strict=False)
"""Only where a value ends."""


def parsed(text: str, scan: Scan = PLAIN) -> Any:
    """The value that is all of a text without blanks around it. Raises Broken."""
    if (text.count("[") + text.count("{")) > MAX_DEPTH and is_too_deep(text):
        raise Broken("too_deep")
    try:
        value, end = scan(text, 0)
    except StopIteration as stopped:
        raise Broken("no_json", "a value is missing", int(stopped.value)) from None
    except json.JSONDecodeError as error:
        raise Broken("no_json", error.msg, error.pos) from None
    if end < len(text):
        raise Broken("more_than_one", at=end)
    if SUSPECT.search(text):
        _insist_on_text(value)
    return value


def is_too_deep(text: str) -> bool:
    """Whether values lie in each other deeper than anybody means it."""
    if not _left_of(NO_BRACKETS.sub("", text)):
        return False
    depth = 0
    for token in TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _left_of(brackets: str) -> str:
    """What is left where pairs are taken away, the inner ones first, as often as they may lie in each other."""
    for _ in range(MAX_DEPTH):
        left = PAIRS.sub("", brackets)
        if len(left) == len(brackets):
            break
        brackets = left
    return brackets


def end_of(text: str, at: int) -> int | None:
    """Where the object or list ends that begins here, by its brackets, whatever is wrong within it; None where it does not."""
    depth = 0
    for token in TOKEN.finditer(text, at):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.group(), 0)
        if depth == 0:
            return token.end()
    return None


def _insist_on_text(value: Any) -> None:
    told = json.dumps(value, ensure_ascii=False)
    if not _is_unicode(told):
        raise Broken("surrogate")
    if "\\u0000" in told and any("\0" in text for text in _texts(value)):
        raise Broken("binary")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(value: Any) -> list[str]:
    found, pending = [], [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            pending += [*one, *one.values()]
        elif isinstance(one, list):
            pending += one
    return found


def as_json(value: Any) -> str:
    """A value that was read `MARKING`, written as JSON again: without blanks, its numbers with the digits that they had."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(name)}:{as_json(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)
