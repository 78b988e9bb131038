"""Nasty JSON, and what is true of it: records as they may be written, damage to them, lines and documents, packed and not."""

import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptodudez_assets_tests.nasty.packing import zipped

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "loose": bytes,
    "gz": lambda text: gzip.compress(text, 1, mtime=0),
    "zip": lambda text: zipped({"data": text}),
}
ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16"]
NUMBERS = ["1.10", "1e400", "-0.00", "12345678901234567890", "0.1e-7", "7"]
TEXTS = ["", "ok", "é\u2028 😀", 'a "quote", \\ and /', "two\nlines", "[1, 2]", "null", "1.10", "\ufeff"]
TWICE = '{"id": "1", "text": "a", "text": "b"}'


@dataclass(frozen=True)
class Damage:
    """How a record's text is made a bad one, and what the reason says."""

    told: str
    make: Callable[[dict[str, str]], str]
    in_documents: bool = True


def written(fields: dict[str, str], gap: str = " ") -> str:
    """A record, of fields that are JSON already."""
    return "{" + f",{gap}".join(f"{json.dumps(name)}:{gap}{text}" for name, text in fields.items()) + "}"


def _with(**changed: str) -> Callable[[dict[str, str]], str]:
    return lambda fields: written({**fields, **changed})


def _without(name: str) -> Callable[[dict[str, str]], str]:
    return lambda fields: written({one: text for one, text in fields.items() if one != name})


DAMAGE = {
    "no JSON": Damage("is no JSON", lambda _: "banana"),
    "a trailing comma": Damage("is no JSON", lambda fields: written(fields)[:-1] + ",}"),
    "single quotes": Damage("is no JSON", lambda _: "{'id': 1}"),
    "a tab in a text": Damage("is no JSON", _with(text='"a\tb"')),
    "cut off": Damage("was it cut off?", lambda fields: written(fields)[:-3], in_documents=False),
    "two in one": Damage("more than one value", lambda fields: written(fields) + written(fields), in_documents=False),
    "a field twice": Damage("the field 'text' is there twice", lambda _: TWICE),
    "a field twice deep in it": Damage("is there twice", _with(place='{"a": [{"b": 1, "b": 2}]}')),
    "NaN": Damage("NaN is no number", _with(score="NaN")),
    "Infinity": Damage("-Infinity is no number", _with(price="-Infinity")),
    "a number alone": Damage("is no object", lambda _: "3"),
    "a list": Damage("is no object", lambda _: "[1, 2]"),
    "null": Damage("is no object", lambda _: "null"),
    "a text alone": Damage("is no object", lambda _: '"id"'),
    "half a character": Damage("half a character", _with(text='"\\ud83d"')),
    "NUL": Damage("a NUL character", _with(text='"a\\u0000"')),
    "too deep": Damage("more than 200 deep", _with(place='{"a":' * 300 + "1" + "}" * 300)),
    "too deep to be read": Damage("more than 200 deep", _with(place="[" * 50_000 + "]" * 50_000)),
    "a text for a number": Damage("user.followers is 'many'", _with(user='{"name": null, "followers": "many"}')),
    "a fraction": Damage("expected a whole number", _with(user='{"name": "a", "followers": 1.5}')),
    "too large": Damage("expected a whole number", _with(user='{"name": "a", "followers": 1e30}')),
    "an object for a number": Damage("user.followers is '{", _with(user='{"name": "a", "followers": {"n": 1}}')),
    "a nested null": Damage("the field user.name is absent, or user is null", _with(user="null")),
    "no object": Damage("user is no object", _with(user='"a"')),
    "an absent object": Damage("the field user.followers is absent", _without("user")),
    "an absent field": Damage("the field at is absent", _without("at")),
    "no key": Damage("id is empty", _with(id="null")),
    "no such day": Damage("there is no such day", _with(at='"2021-02-30T00:00:00Z"')),
    "a rule of the contract": Damage("expected at least 0", _with(user='{"name": "a", "followers": -1}')),
}


@dataclass
class NastyJson:
    """A file and what is true of it: the good records' values by their id, the bad ones' reasons by where they are."""

    name: str
    content: bytes
    told: str
    good: dict[str, dict[str, Any]] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)


def nasty_json(n: int, seed: int) -> Iterator[NastyJson]:
    """So many files, of which each is one record's damage at least; lines and documents, in every packing."""
    rng, kinds = random.Random(seed), list(DAMAGE)
    for number in range(n):
        kind = kinds[number % len(kinds)]
        as_document = DAMAGE[kind].in_documents and rng.random() < 0.5
        packed = list(PACKED)[number // len(kinds) % 3]
        others = [one for one in kinds if DAMAGE[one].in_documents or not as_document]
        made = _document if as_document else _lines
        yield made(rng, f"{number:04}.{packed}", [kind, *rng.choices(others, k=rng.randint(0, 3))], packed)


def _record(rng: random.Random, key: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The fields of a good record as they are written, and what becomes of them."""
    text, number = rng.choice(TEXTS), rng.choice(NUMBERS)
    ascii_only = rng.random() < 0.3
    fields = {
        "id": key if rng.random() < 0.5 else f'"{key}"',
        "at": '"2021-01-02T03:04:05Z"',
        "text": json.dumps(text, ensure_ascii=ascii_only),
        "price": number if rng.random() < 0.5 else f'"{number}"',
        "user": '{"name": "a", "followers": 3}',
    }
    row: dict[str, Any] = {"text": text, "price": number, "author": "a", "followers": 3}
    row |= dict.fromkeys(("score", "place", "extra"))
    if rng.random() < 0.5:
        fields["score"], row["score"] = rng.choice([("2.5", 2.5), ('"2.5"', 2.5), ("null", None)])
    if rng.random() < 0.5:
        fields["place"], row["place"] = '{ "at" : [1.10, "1.10", null] }', '{"at":[1.10,"1.10",null]}'
    if rng.random() < 0.5:
        fields["more"], row["extra"] = '{"n": 1.10, "b": true}', '{"more.n":1.10,"more.b":true}'
    names = list(fields)
    rng.shuffle(names)
    return {name: fields[name] for name in names}, row


def _drawn(rng: random.Random, name: str, kinds: list[str]) -> list[tuple[str, str, dict[str, Any] | Damage]]:
    """Texts of records in some order, each with its id, and its row or its damage; most are good."""
    drawn: list[tuple[str, str, dict[str, Any] | Damage]] = []
    for at in range(rng.randint(len(kinds) + 2, 12)):
        fields, row = _record(rng, f"9{name[:4]}{at:016}")
        drawn.append((f"9{name[:4]}{at:016}", written(fields, rng.choice(["", " ", "  "])), row))
    for at, kind in enumerate(kinds):
        fields, _ = _record(rng, f"8{name[:4]}{at:016}")
        drawn.insert(rng.randint(1, len(drawn)), ("", DAMAGE[kind].make(fields), DAMAGE[kind]))
    return drawn


def _lines(rng: random.Random, name: str, kinds: list[str], packed: str) -> NastyJson:
    encoding, end = rng.choice(ENCODINGS), rng.choice(["\n", "\r\n"])
    file = NastyJson(name, b"", f"lines {kinds} {packed} {encoding} {end!r}")
    lines: list[str] = []
    for key, text, truth in _drawn(rng, name, kinds):
        lines += ["", " \t"] if rng.random() < 0.1 else []
        lines.append(text)
        if isinstance(truth, Damage):
            file.bad[f"line {len(lines)}"] = truth.told
        else:
            file.good[key] = truth
    whole = end.join(lines) + end * rng.randint(0, 1)
    file.content = PACKED[packed](whole.encode(encoding))
    return file


def _document(rng: random.Random, name: str, kinds: list[str], packed: str) -> NastyJson:
    encoding, gap = rng.choice(ENCODINGS), rng.choice([" ", "\n  "])
    path = rng.choice(["$", "$.data"])
    file = NastyJson(name, b"", f"document {path} {kinds} {packed} {encoding} {gap!r}")
    drawn = _drawn(rng, name, kinds)
    for at, (key, _, truth) in enumerate(drawn):
        if isinstance(truth, Damage):
            file.bad[f"{path}[{at}]"] = truth.told
        else:
            file.good[key] = truth
    rows = f"[{gap}" + f",{gap}".join(text for _, text, _ in drawn) + f"{gap}]"
    beside = '"meta": {"data": [1], "n": "}]"}'
    around = rng.choice([f'{{"data": {rows}, {beside}}}', f'{{{beside}, "data": {rows}}}'])
    whole = rows if path == "$" else around
    file.content = PACKED[packed](f"{whole}{rng.choice(['', chr(10)])}".encode(encoding))
    return file
