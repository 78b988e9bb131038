"""Whether the fields of a dataclass hold what they are declared to hold, in words. What values mean is checked elsewhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import timedelta
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

WORDS: Mapping[object, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    timedelta: "a timedelta such as timedelta(days=3)",
    NoneType: "None",
}
LONGEST = 80


def wrong_field(value: object, within: str = "") -> str | None:
    """The first field of a dataclass, or of those in it, that holds another type than it says, in words; None where none does."""
    for name, held, hint in _fields(value):
        place = f"{within}{name}"
        if not _fits(held, hint):
            return f"{place}={_short(held)}: expected {_words(hint)}"
        inner = [held, *held] if isinstance(held, list | tuple) else [held]
        if found := next(filter(None, (wrong_field(one, f"{place}.") for one in inner)), None):
            return found
    return None


def _fields(value: object) -> Iterator[tuple[str, object, object]]:
    if is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        yield from ((one.name, getattr(value, one.name), hints[one.name]) for one in fields(value))


@cache
def _hints(of: type) -> dict[str, Any]:
    return get_type_hints(of)


def _fits(value: object, hint: Any) -> bool:
    """Whether the value is of that type. What no rule here is about, is."""
    origin, of = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in of)
    if origin is Literal:
        return value in of
    if origin is type:
        return isinstance(value, type) and (not isinstance(of[0], type) or issubclass(value, of[0]))
    if isinstance(origin, type):
        return isinstance(value, origin) and _holds(value, origin, of)
    if hint is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)


def _holds(value: Any, origin: type, of: tuple[Any, ...]) -> bool:
    """Whether what is in it is of those types, too. A text is a sequence of texts, and never meant as one."""
    if issubclass(origin, Mapping):
        return all(_fits(name, of[0]) and _fits(one, of[1]) for name, one in value.items())
    if origin is tuple and of[-1:] != (...,):
        return len(value) == len(of) and all(map(_fits, value, of))
    if issubclass(origin, Sequence):
        return not isinstance(value, str) and all(_fits(one, of[0]) for one in value)
    return True


def _words(hint: Any) -> str:
    origin, of = get_origin(hint), get_args(hint)
    if hint in WORDS:
        return WORDS[hint]
    if origin in (Union, UnionType):
        return " or ".join(map(_words, of))
    if origin is Literal:
        return " or ".join(map(repr, of))
    if origin is Callable:
        return "a function"
    if origin is type:
        return f"a subclass of {getattr(of[0], '__name__', of[0])}"
    if origin is tuple:
        return f"a tuple{'' if of[-1:] == (...,) else f' of {len(of)}'}, {_words(of[0])} each: (…,)"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a dict: of {_words(of[0])} each, {_words(of[1])}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"a list, {_words(of[0])} each"
    name = str(getattr(hint, "__name__", hint))
    return f"{'an' if name[:1] in 'AEIO' else 'a'} {name}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
