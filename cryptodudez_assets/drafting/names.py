"""Names: of a column in the table, and as they are written in Python."""

import json
import keyword
import re
from collections.abc import Iterable

from cryptodudez_assets.contracts.base import TableContract

OWN = {"event_ts", "known_ts", "as_of", "file_id", "file_row", "extra"}
IN_THE_FILE = {"pa", "pl"}  # a column of this name would hide the module


def snake(column: str) -> str:
    """`AdjClose` and `Adj Close` as `adj_close`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^0-9A-Za-z]+", "_", column).strip("_").lower()
    return f"column_{spaced}" if not spaced or spaced[0].isdigit() else spaced


def table_names(columns: Iterable[str]) -> dict[str, str]:
    """The name of each raw column in the table: one that nothing else has, neither there nor in a contract's class."""
    taken = {*OWN, *IN_THE_FILE, *dir(TableContract)}
    told = {}
    for column in columns:
        name = snake(column)
        while name in taken or keyword.iskeyword(name):
            name += "_"
        taken.add(name)
        told[column] = name
    return told


def is_unnamed(column: str) -> bool:
    """Whether a raw column has no name in the header."""
    return not column or column.startswith(" ")


def quoted(text: str) -> str:
    """A text as Python (and JSON) write it."""
    return json.dumps(text, ensure_ascii=False)


def quoted_list(names: Iterable[str]) -> str:
    """Names as they are typed behind an option."""
    told = ",".join(names)
    return told if re.fullmatch(r"[\w,.-]+", told) else f"'{told}'"


def python_list(texts: Iterable[str]) -> str:
    """Texts as Python writes a list of them."""
    return f"[{', '.join(map(quoted, texts))}]"
