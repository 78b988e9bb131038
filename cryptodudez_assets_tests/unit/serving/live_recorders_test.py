"""Which addresses the live panel believes, what it says of where its seconds come from, and who may listen to it."""

import asyncio
import os
from pathlib import Path

import pytest

from cryptodudez_assets.recorder.telling import About, about
from serving.live.listeners import MOST_BEHIND, Listeners
from serving.live.recorders import MOST_RECORDERS, NoRecorder, _read, addresses
from serving.live.status import status_of

NOON = 1_700_049_600


@pytest.mark.parametrize("address", ["127.0.0.1:8900", "127.8.9.1:1\n", "localhost:65535", "[::1]:80"])
def test_an_address_on_this_machine_is_believed(tmp_path: Path, address: str):
    assert found(tmp_path, address) == {"alpha": address.strip()}


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "127.0.0.1",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            "10.0.0.1:80",
            "example.com:80",
            "localhost.evil.example:80",
        ),
        *(
            "127.0.0.1:80/x",
            "127.0.0.1:80@evil.example:80",
            "http://127.0.0.1:80",
            "0.0.0.0:80",
            "127.0.0.1:8٠",
            "é" * 60,
        ),
        *("127.0.0.1:80\nevil.example:80", "127.0.0.1:8" + "0" * 99),
    ],
)
def test_others_are_not(tmp_path: Path, address: str):
    assert found(tmp_path, address) == {}


def test_recorders_have_names_that_recorders_may_have_and_are_not_too_many(tmp_path: Path):
    for name in ("a b", "-a", "ü", ".hidden", *map(str, range(MOST_RECORDERS + 9))):
        found(tmp_path, "127.0.0.1:80", name)
    (tmp_path / "0" / "address").unlink()
    (tmp_path / "0" / "address").mkdir()
    names = addresses(tmp_path)
    assert 0 < len(names) <= MOST_RECORDERS
    assert all(name.isdecimal() for name in names)
    assert "0" not in names
    assert addresses(tmp_path / "nothing") == {}


def test_an_address_that_never_ends_being_read_is_none(tmp_path: Path):
    (tmp_path / "alpha").mkdir()
    os.mkfifo(tmp_path / "alpha" / "address")
    assert addresses(tmp_path) == {}


def test_what_is_nested_without_end_is_said_by_no_recorder():
    with pytest.raises(NoRecorder):
        _read(b'{"x":' * 100_000, About)


def found(folder: Path, address: str, name: str = "alpha") -> dict[str, str]:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "address").write_text(address, encoding="utf-8")
    return addresses(folder)


@pytest.mark.parametrize(
    ("rest", "socket", "venue", "simulated"),
    [
        ("https://api.bitso.com/v3", "wss://ws.bitso.com", "api.bitso.com", False),
        ("http://127.0.0.1:8900/v3", "ws://127.0.0.1:8900/ws", "127.0.0.1:8900", True),
        ("http://[::1]:8900/v3", "ws://[::1]:8900/ws", "::1:8900", True),
        ("https://api.bitso.com/v3", "ws://localhost/ws", "api.bitso.com", True),
        ("https://user:secret@api.bitso.com/v3", "wss://ws.bitso.com", "api.bitso.com", False),
    ],
)
def test_a_recorder_says_that_what_it_records_is_simulated(rest: str, socket: str, venue: str, simulated: bool):
    assert about("alpha", ["btc_mxn"], rest, socket) == About("alpha", ["btc_mxn"], venue, simulated)


ALPHA, BETA = About("alpha", [], "api.bitso.com", simulated=False), About("beta", [], "api.bitso.com", simulated=False)
SIMULATED = About("simulated", [], "127.0.0.1:8900", simulated=True)


@pytest.mark.parametrize(
    ("up", "table", "as_of", "samples", "origin", "words", "is_simulated"),
    [
        ([ALPHA], None, NOON, False, "recorder", "from the recorder alpha", False),
        ([ALPHA, BETA], NOON - 9, NOON, True, "recorder", "from the recorders alpha and beta", False),
        ([ALPHA], None, None, False, "recorder", "from the recorder alpha, which told no second yet", False),
        ([SIMULATED], None, NOON, True, "recorder", "from the recorder simulated", True),
        ([ALPHA, SIMULATED], None, NOON, False, "recorder", "from the recorders alpha and simulated", True),
        ([], NOON, NOON, False, "table", "No recorder is running: from the table, as of 12:00:00 UTC", False),
        ([], NOON, NOON, True, "table", "No recorder is running: from the table, as of 12:00:00 UTC", True),
        (
            *([], NOON - 86_400, NOON - 86_400, False, "table"),
            *("No recorder is running: from the table, as of 14 November 2023, 12:00:00 UTC", False),
        ),
        (
            *([], NOON - 60, NOON, False, "heard"),
            *("The recorder is down: from the table until 11:59:00 UTC, then what it told until 12:00:00 UTC", False),
        ),
        ([], None, NOON, False, "heard", "The recorder is down: what it told until 12:00:00 UTC", False),
        ([], None, None, True, "nothing", "No recorder is running, and nothing was recorded yet", False),
    ],
)
def test_it_says_where_seconds_come_from(
    up: list[About], table: int | None, as_of: int | None, samples: bool, origin: str, words: str, is_simulated: bool
):
    status = status_of(up, table, as_of, samples, NOON + 5)
    assert (status.origin, status.words, status.simulated) == (origin, words, is_simulated)
    assert bool(status.command) == (not up)
    assert bool(status.simulated_words) == is_simulated


def test_listeners_are_bounded_in_all_and_of_each_client():
    listeners = Listeners(most=6)
    with listeners.listening("one"), listeners.listening("one"), listeners.listening("one"):
        assert not listeners.has_room("one")
        with listeners.listening("two"), listeners.listening("two"), listeners.listening("three"):
            assert not listeners.has_room("four")
        assert listeners.has_room("two")
    assert listeners.has_room("one")
    assert len(listeners) == 0


def test_one_who_does_not_read_is_hung_up_on_and_keeps_nothing():
    listeners = Listeners()
    with listeners.listening("slow") as slow, listeners.listening("quick") as quick:
        for number in range(MOST_BEHIND + 2):
            listeners.tell(b"%d" % number)
            assert quick.get_nowait() == b"%d" % number
        assert (slow.qsize(), slow.get_nowait()) == (1, None)
        assert len(listeners) == 1


def test_who_closes_ends_all_and_lets_nobody_in():
    listeners = Listeners()
    with listeners.listening("one") as events:
        listeners.tell(b"something")
        listeners.close()
        assert asyncio.run(events.get()) is None
    assert not listeners.has_room("one")
