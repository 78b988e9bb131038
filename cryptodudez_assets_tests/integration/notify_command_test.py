"""`cryptodudez notify`: whether it arrives, what waits, what is dead, and again."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cryptodudez_assets.cli import main
from cryptodudez_assets.notifications.event import Event, Kind
from cryptodudez_assets.notifications.notifier import open_outbox
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.receiver import Receiver, receiving

SECRET = "some words"  # noqa: S105
Typed = Callable[..., Result]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    monkeypatch.setenv("CRYPTODUDEZ_HOME", str(tmp_path / "home"))
    return lambda *words: CliRunner().invoke(main, ["notify", *words], catch_exceptions=False)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving(Receiver(SECRET)) as listening:
        monkeypatch.setenv("CRYPTODUDEZ_NOTIFY_WEBHOOK", f"{listening.url}/T0K3N")
        monkeypatch.setenv("CRYPTODUDEZ_NOTIFY_SECRET", SECRET)
        yield listening


def test_a_test_arrives_at_each_sink_signed(typed: Typed, receiver: Receiver, tmp_path: Path):
    done = typed("test")

    assert done.exit_code == 0
    assert done.output.splitlines() == ["log: A test: sent", "webhook: A test: sent"]
    [told] = receiver.taken.values()
    assert (told["type"], told["data"]["kind"]) == ("event.tested", "tested")
    assert receiver.refused == []
    assert told["data"]["id"] in (tmp_path / "home" / "logs" / "notifications.log").read_text()


def test_a_test_that_does_not_arrive_is_told_without_secrets_and_is_a_dead_letter(typed: Typed, receiver: Receiver):
    receiver.fails, receiver.status = 2.0, 503

    done = typed("test")
    listed = json.loads(typed("list", "--format", "json").output)

    assert done.exit_code == 1
    assert "webhook: A test: not delivered: it answers 503" in done.output
    assert [(one["state"], one["sink"], one["told"]) for one in listed] == [("dead", "webhook", "it answers 503")]
    assert "T0K3N" not in done.output + str(listed)
    assert SECRET not in done.output


def test_dead_letters_are_sent_again(typed: Typed, receiver: Receiver):
    receiver.fails = 2.0
    typed("test")
    receiver.fails = 0.0

    done = typed("retry")

    assert (done.exit_code, done.output.splitlines()) == (0, ["webhook: A test: sent", "1 of 1 sent"])
    assert len(receiver.taken) == 1
    assert json.loads(typed("list", "--format", "json").output) == []
    assert len(json.loads(typed("list", "--all", "--format", "json").output)) == 2


def test_what_waits_and_what_is_open_is_listed(typed: Typed, receiver: Receiver):
    outbox = open_outbox(Settings())
    start = Event(
        rule="wide", subject="btc_mxn", kind=Kind.STARTED, started_at=1_651_291_826, at=1_651_291_826,
        severity="warning", title="Wide", text="It is.",
    )  # fmt: skip
    outbox.put([start])

    told = typed("list").output

    assert told.count("waiting") == 2
    assert "open: wide of btc_mxn since 2022-04-30 04:10:26 UTC" in told
    assert typed("retry", "nothing").exit_code == 1
    assert typed("retry", start.id).exit_code == 0
    assert start.id in receiver.taken


def test_to_look_leaves_nothing_behind(typed: Typed, tmp_path: Path):
    assert typed("list").exit_code == 0
    assert not (tmp_path / "home").exists()


def test_an_address_without_a_secret_is_refused_in_words(typed: Typed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CRYPTODUDEZ_NOTIFY_WEBHOOK", "https://host/T0K3N")

    done = typed("test")

    assert done.exit_code == 1
    assert "CRYPTODUDEZ_NOTIFY_SECRET: is missing" in done.output
    assert "T0K3N" not in done.output
