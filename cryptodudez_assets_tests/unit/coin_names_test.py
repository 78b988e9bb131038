"""No coin is named in code but where something is declared, in lists of words, and in the simulator."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cryptodudez_assets
import serving

PACKAGE, SERVING = Path(cryptodudez_assets.__file__).parent, Path(serving.__file__).parent
COIN = re.compile(r"(?<![a-z])(eth|ether|ethereum|btc|bitcoin)(?![a-z])", re.I)
# Order books are a venue's, and named in examples, rules and what the sample home records.
BOOK = re.compile(r"\b(btc_(mxn|usd)|mxn_btc)\b", re.I)
DECLARATIONS = {
    "declared_models/eth_signal.py",
    "features/main_coins.py",  # the columns of the markets' view, which has the main coins by name
    "features/market_factors_daily.py",
    "posts_and_candles/posts.py",  # the sources of posts that it is made of
    "sources/bitcoin_tweets.py",
    "studies/dogecoin.py",  # its control
    "studies/mood/coins.py",
    "studies/trends/leader.py",
}
WORDS = {"features/terms.py"}
FILES = [
    path
    for path in sorted([*PACKAGE.rglob("*.py"), *SERVING.rglob("*.py")])
    if not path.is_relative_to(PACKAGE / "simulator")
    and str(path.relative_to(path.parents[0] if path.is_relative_to(SERVING) else PACKAGE)) not in DECLARATIONS | WORDS
]
PAGES = sorted(SERVING.rglob("*.html"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))
def test_code_names_no_coin(path: Path) -> None:
    assert [found for found in _names_and_texts(ast.parse(path.read_text())) if _names_coin(found)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_name_no_coin(path: Path) -> None:
    assert not COIN.search(path.read_text())


def test_a_name_would_be_found() -> None:
    text = '"""Ether in words is fine."""\n\n\ndef eth_close(x):\n    return x["BTC"]\n'
    assert [found for found in _names_and_texts(ast.parse(text)) if _names_coin(found)] == ["eth_close", "BTC"]


def _names_coin(text: str) -> bool:
    return bool(COIN.search(BOOK.sub("", text)))


def _names_and_texts(tree: ast.Module) -> Iterator[str]:
    said = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value
