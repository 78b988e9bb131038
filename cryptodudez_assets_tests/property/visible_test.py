"""Whatever stands in names and values, what reaches a terminal is what it shows: no sign is obeyed, none is hidden."""

import io
import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from cryptodudez_assets.terminal import SafeConsole, say, visible, visible_json

OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
texts = st.text(
    st.one_of(
        st.characters(), st.sampled_from("\x1b\x07\x08\r\n\x7f\x9b\x9d\u202e\u2066\u200b\ufeff\u00ad\u2028[]\\31m")
    )
)


def is_shown(text: str, kept: str = "") -> bool:
    return all(sign in kept or unicodedata.category(sign) not in OBEYED for sign in text)


@given(texts)
def test_nothing_is_obeyed_and_nothing_is_hidden(text: str) -> None:
    assert is_shown(visible(text))
    assert is_shown(visible(text, lines=True), "\n\t")
    assert visible(visible(text)) == visible(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S"], include_characters=" "), max_size=50))
def test_what_prints_stays_as_it_is(text: str) -> None:
    kept = "".join(sign for sign in text if sign not in "\u115f\u1160\u3164\uffa0")
    assert visible(kept) == kept


def test_signs_are_named() -> None:
    assert visible("a\x1b[31m\r\n\u202eb\u200b\x9b\udcff") == "a\\x1b[31m\\r\\n\\u202eb\\u200b\\x9b\\udcff"


@given(texts)
def test_json_means_the_same(text: str) -> None:
    told = json.dumps({"a": text}, ensure_ascii=False)
    for ascii_only in (False, True):
        shown = visible_json(told, ascii_only=ascii_only)
        assert json.loads(shown) == {"a": text}
        assert is_shown(shown)
        assert not ascii_only or shown.isascii()


@given(texts)
def test_consoles_show_it_wherever_it_is_printed(text: str) -> None:
    out = io.StringIO()
    console = SafeConsole(file=out, force_terminal=True, color_system=None, width=200)
    table = Table(text)
    table.add_row(text)
    console.print(table)
    console.print(text, markup=False, highlight=False)
    say(console, text)
    assert is_shown(out.getvalue(), "\n\t")
