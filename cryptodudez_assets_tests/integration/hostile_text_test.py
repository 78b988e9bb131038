"""Names of files and values that would command a terminal: every command that lists something shows them."""

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest

from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, take_in

HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
NASTY = "\x1b[31m\x1b]0;owned\x07\x9b2J\u202egpj\u200b\u2066\x7f\x08"
"""Colour, title, clear, another direction, no width, deleted."""
RICHS_OWN = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
LISTINGS = [
    ["status"],
    ["status", "--files"],
    ["status", "--files", "--json"],
    ["quarantine", "list"],
    ["quarantine", "list", "--all", "--format", "json"],
    ["quarantine", "list", "--format", "csv"],
    ["quarantine", "show", "ID"],
    ["restated", "crypto_prices"],
    ["verify"],
    ["sql", "from catalog.files"],
    ["sql", "from quarantine.rows", "--format", "json"],
    ["sql", 'select name, chr(27) || name as "a\x1b[31mb" from market.crypto_prices'],
    ["sql", "select name::int from market.crypto_prices"],
    ["sql", f"select '{NASTY}' as {chr(34)}{NASTY}{chr(34)}"],
    ["sql", f"select {NASTY}"],
    ["quarantine", "show", NASTY],
    ["quarantine", "replay", "crypto_prices", "--file", NASTY],
    ["quarantine", "replay", "crypto_prices"],
    ["rebuild", NASTY],
    ["explain", NASTY],
    ["restated", NASTY],
    [NASTY],
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with good rows, bad rows, a file set aside whole and one that is told otherwise, all with such names and values."""
    folder = tmp_path_factory.mktemp("hostile")
    row = f"1,N{NASTY},TST,2021-01-%02d 23:59:59,2,1,1.5,%s,100,1000\n"
    files = {
        f"good{NASTY}.csv": HEADER + row % (1, 1.5) + row % (2, f"x{NASTY}") + f"ban{NASTY}ana\n",
        f"restated{NASTY}\nx.csv": HEADER + row % (1, 1.6),
        f"{NASTY}.csv": f"a{NASTY},b\n1,2\n",
        "late.csv": f"{HEADER}",
    }
    lake = open_lake(Settings(home=folder / "home", settle_seconds=0))
    raw = Path(lake.settings.lake) / "raw" / "crypto_prices"
    raw.mkdir(parents=True)
    for name, text in files.items():
        (raw / name).write_text(text, encoding="utf-8")
    take_in(lake, all_sources()["crypto_prices"])
    return folder / "home"


ONE_AFTER_THE_OTHER = """
import json, sys
from cryptodudez_assets.terminal import speak

def commands():
    from cryptodudez_assets.cli import main
    for words in json.loads(sys.argv[1]):
        try:
            main(words)
        except SystemExit:
            print("=====", flush=True)

speak(commands)
"""


def on_terminal(home: Path, commands: list[list[str]]) -> list[str]:
    """What each command sends to a terminal. One process does them all, since it takes seconds to begin."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "CRYPTODUDEZ_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1"}
    words = [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(commands)]
    said = b""
    with subprocess.Popen(words, env=environment, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL):
        os.close(theirs)
        with suppress(OSError):  # how a terminal ends
            while part := os.read(ours, 65536):
                said += part
    os.close(ours)
    *told, rest = said.decode("utf-8", "replace").split("=====")
    assert len(told) == len(commands), rest[-2000:]
    return told


def test_every_listing_shows_it(home: Path) -> None:
    (listed,) = on_terminal(home, [["quarantine", "list"]])
    ids = re.findall(r"\b[0-9a-f]{16}-\d+\b", listed)
    commands = [[ids[0] if word == "ID" else word for word in words] for words in LISTINGS]
    shown = 0
    for words, said in zip(commands, on_terminal(home, commands), strict=True):
        shown += said.count("owned")
        assert "Traceback" not in said, words
        assert not [sequence for sequence in ("\x1b]", "\x1b[2J", "\x1b[31m") if sequence in said], words
        left = RICHS_OWN.sub("", said)
        sent = {sign for sign in left if sign not in "\n\t" and unicodedata.category(sign) in OBEYED}
        assert not sent, (words, sent)
    assert shown > len(LISTINGS)
