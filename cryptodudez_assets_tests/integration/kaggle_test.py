"""Downloads from a local server that speaks Kaggle's protocol, with all that goes wrong on the way."""

import logging
import random
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock
from pydantic import SecretStr

from cryptodudez_assets.simulator.venues.kaggle import Fault, Kaggle, kaggle_server
from cryptodudez_assets.venues.download import Failed, Patience, Progress
from cryptodudez_assets.venues.kaggle import DATA_SETS, Credentials, fetch

CONTENT = random.Random(7).randbytes(300_000)
OTHER = random.Random(8).randbytes(len(CONTENT))
KNOWN = DATA_SETS["stock_market"]
GOOD = Credentials("trader", SecretStr("kaggle-key"))
QUICK = Patience(attempts=3, first_wait=0.01, longest_wait=2, read_timeout=0.5)
CUT = Fault(at=100_000, cut=True)


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kaggle]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with kaggle_server(Kaggle()) as server:
        server.publish(KNOWN.handle, CONTENT)
        yield server


class Desk:
    """Downloads into a folder, and looks at what is there."""

    def __init__(self, kaggle: Kaggle, folder: Path) -> None:
        self.kaggle, self.folder = kaggle, folder
        self.file = folder / KNOWN.file_name
        self.part = folder / f"{KNOWN.file_name}.part"
        self.note = folder / f"{KNOWN.file_name}.part.json"

    def fetch(
        self,
        credentials: Credentials = GOOD,
        patience: Patience = QUICK,
        max_bytes: int = 1 << 20,
        on_progress: Progress = lambda done, total: None,
    ) -> Path:
        return fetch(
            "stock_market",
            self.folder,
            credentials,
            base_url=self.kaggle.url,
            on_progress=on_progress,
            patience=patience,
            max_bytes=max_bytes,
        )

    def fails(self, match: str, **options: object) -> str:
        with pytest.raises(Failed, match=match) as failed:
            self.fetch(**options)  # type: ignore[arg-type]
        return str(failed.value)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if not path.name.startswith("."))

    def leave_part(self) -> None:
        """Break off as a process that is interrupted."""
        self.kaggle.storage_faults = deque([CUT])
        self.fails("gave up", patience=Patience(attempts=1))
        assert self.names() == [self.part.name, self.note.name]
        self.kaggle.storage_requests.clear()

    def ranges(self) -> list[str | None]:
        return [seen.headers.get("range") for seen in self.kaggle.storage_requests]


@pytest.fixture
def desk(kaggle: Kaggle, tmp_path: Path) -> Desk:
    return Desk(kaggle, tmp_path / "downloads")


# Getting it


def test_a_file_arrives_under_our_name_with_nothing_beside_it(desk: Desk):
    assert desk.fetch() == desk.file
    assert desk.file.read_bytes() == CONTENT
    assert desk.names() == [KNOWN.file_name]
    assert not (desk.folder.parent.parent / "evil.zip").exists()


def test_progress_begins_at_what_is_there_and_ends_at_the_size(desk: Desk):
    heard: list[tuple[int, int | None]] = []
    desk.fetch(on_progress=lambda done, total: heard.append((done, total)))

    assert heard[0] == (0, len(CONTENT))
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert heard == sorted(heard)

    desk.file.unlink()
    desk.leave_part()
    there = desk.part.stat().st_size
    heard.clear()
    desk.fetch(on_progress=lambda done, total: heard.append((done, total)))
    assert heard[0] == (there, len(CONTENT))


def test_what_is_there_and_the_same_is_not_transferred_again(desk: Desk):
    desk.fetch()
    heard: list[int] = []

    assert desk.fetch(on_progress=lambda done, total: heard.append(done)) == desk.file
    assert heard == []


def test_a_new_version_replaces_the_old_one(desk: Desk):
    desk.fetch()
    desk.kaggle.publish(KNOWN.handle, OTHER)

    desk.fetch()

    assert desk.file.read_bytes() == OTHER
    assert desk.names() == [KNOWN.file_name]


def test_an_empty_file_is_a_file(desk: Desk):
    desk.kaggle.publish(KNOWN.handle, b"")
    assert desk.fetch().read_bytes() == b""


def test_a_checksum_of_crc32c_alone_is_verified(desk: Desk):
    pytest.importorskip("google_crc32c")
    desk.kaggle.hashes = ("crc32c",)
    assert desk.fetch().read_bytes() == CONTENT

    desk.file.unlink()
    desk.kaggle.storage_faults = deque([Fault(damage=True), Fault(damage=True)])
    desk.fails("expected the crc32c .*, found ")


# Who asks


@pytest.mark.parametrize("credentials", [GOOD, Credentials(key=SecretStr("kaggle-token"))])
def test_credentials_go_to_kaggle_and_never_to_the_storage(desk: Desk, credentials: Credentials):
    desk.kaggle.storage_faults = deque([CUT])

    desk.fetch(credentials)

    assert [seen.headers["authorization"] for seen in desk.kaggle.api_requests] == [credentials.authorization()] * 2
    for seen in desk.kaggle.storage_requests:
        assert "authorization" not in seen.headers
        assert "kaggle-" not in str(seen)


def test_public_sets_need_no_credentials(desk: Desk):
    desk.kaggle.public = True
    assert desk.fetch(Credentials()).read_bytes() == CONTENT
    assert "authorization" not in desk.kaggle.api_requests[0].headers


@pytest.mark.parametrize("credentials", [Credentials(), Credentials("trader", SecretStr("wrong-secret"))])
def test_wrong_credentials_fail_at_once_with_what_to_set(desk: Desk, credentials: Credentials):
    said = desk.fails(
        "401 Unauthorized.*CRYPTODUDEZ_KAGGLE_USERNAME and CRYPTODUDEZ_KAGGLE_KEY", credentials=credentials
    )
    assert "wrong-secret" not in said
    assert len(desk.kaggle.api_requests) == 1


def test_terms_not_accepted_and_a_set_that_is_gone_say_so(desk: Desk):
    desk.kaggle.forbidden = True
    desk.fails(f"403 Forbidden.*www.kaggle.com/datasets/{KNOWN.handle}")
    desk.kaggle.forbidden = False
    desk.kaggle._objects.clear()
    desk.fails(f"404 Not Found.*no data set {KNOWN.handle}")
    assert desk.names() == []


def test_neither_key_nor_signature_is_in_errors_and_no_key_in_logs(desk: Desk, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    desk.kaggle.storage_faults = deque([Fault(status=500), CUT, Fault(status=403)])

    said = desk.fails("403")

    for secret in ("kaggle-key", GOOD.authorization() or "", desk.kaggle.signature(KNOWN.handle)):
        assert secret not in said
    assert "kaggle-key" not in caplog.text
    assert str(GOOD.authorization()) not in caplog.text


@pytest.mark.parametrize(
    "location", ["http://storage.example/a?X=signature", "ftp://127.0.0.1/a?X=signature", "file:///etc/passwd"]
)
def test_a_redirect_to_an_unsafe_place_is_not_followed(desk: Desk, location: str):
    desk.kaggle.redirect_to = location
    said = desk.fails("neither https nor on this machine")
    assert "signature" not in said
    assert desk.names() == []


def test_redirects_in_a_circle_end(desk: Desk):
    desk.kaggle.redirect_to = f"{desk.kaggle.url}/api/v1/datasets/download/{KNOWN.handle}"
    desk.fails("redirects")
    assert len(desk.kaggle.api_requests) <= 6


# Breaking off and going on


@pytest.mark.parametrize("fault", [CUT, Fault(at=100_000, reset=True), Fault(at=100_000, stall=1)])
def test_a_connection_that_breaks_is_taken_up_where_it_was(desk: Desk, fault: Fault):
    desk.kaggle.storage_faults = deque([fault])

    desk.fetch()

    assert desk.file.read_bytes() == CONTENT
    first, second = desk.ranges()
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= 100_000


def test_another_run_goes_on_where_the_last_one_ended(desk: Desk):
    desk.leave_part()
    there = desk.part.stat().st_size

    desk.fetch()

    assert desk.ranges() == [f"bytes={there}-"]
    assert desk.kaggle.storage_requests[0].headers["if-range"].startswith('"')
    assert desk.file.read_bytes() == CONTENT
    assert desk.names() == [KNOWN.file_name]


def test_all_came_but_the_process_died_before_the_name_was_given(desk: Desk):
    desk.leave_part()
    desk.part.write_bytes(CONTENT)

    desk.fetch()

    assert desk.ranges() == []
    assert desk.file.read_bytes() == CONTENT


@pytest.mark.parametrize("minds", [True, False], ids=["minds If-Range", "ignores If-Range"])
def test_a_file_that_changed_in_between_begins_anew(desk: Desk, minds: bool):
    desk.kaggle.minds_if_range = minds
    desk.kaggle.hashes = ()  # a mixture would not be noticed afterwards
    desk.leave_part()
    desk.kaggle.publish(KNOWN.handle, OTHER)

    desk.fetch()

    assert desk.file.read_bytes() == OTHER
    assert desk.names() == [KNOWN.file_name]


def test_a_file_that_shrank_below_what_is_there_begins_anew(desk: Desk):
    desk.kaggle.minds_if_range = False
    desk.leave_part()
    desk.kaggle.publish(KNOWN.handle, b"small")

    assert desk.fetch().read_bytes() == b"small"


@pytest.mark.parametrize("offer", ["ranges", "tags"])
def test_a_server_without_ranges_or_tags_sends_all_again(desk: Desk, offer: str):
    setattr(desk.kaggle, offer, False)
    desk.kaggle.storage_faults = deque([CUT])

    desk.fetch()

    assert desk.file.read_bytes() == CONTENT
    assert len(desk.kaggle.storage_requests) == 2


def lose_note(desk: Desk) -> None:
    desk.note.unlink()


def break_note(desk: Desk) -> None:
    desk.note.write_text(desk.note.read_text()[:10])


def lose_part(desk: Desk) -> None:
    desk.part.unlink()


def lengthen_part(desk: Desk) -> None:
    desk.part.write_bytes(CONTENT + b"more")


def damage_part(desk: Desk) -> None:
    desk.part.write_bytes(bytes(desk.part.stat().st_size))


@pytest.mark.parametrize("harm", [lose_note, break_note, lose_part, lengthen_part, damage_part])
def test_whatever_became_of_the_part_the_file_is_right(desk: Desk, harm: Callable[[Desk], None]):
    desk.leave_part()
    harm(desk)

    desk.fetch()

    assert desk.file.read_bytes() == CONTENT
    assert desk.names() == [KNOWN.file_name]


def test_an_interrupt_leaves_what_came_to_be_resumed(desk: Desk):
    def interrupt(done: int, total: int | None) -> None:
        if done > 50_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.fetch(on_progress=interrupt)
    desk.kaggle.storage_requests.clear()
    assert desk.part.stat().st_size > 50_000

    desk.fetch()

    assert desk.ranges() != [None]
    assert desk.file.read_bytes() == CONTENT


# Waiting


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("where", ["api_faults", "storage_faults"])
def test_a_busy_server_is_asked_again(desk: Desk, where: str, status: int):
    setattr(desk.kaggle, where, deque([Fault(status=status)] * 2))
    assert desk.fetch().read_bytes() == CONTENT


def test_retry_after_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []
    monkeypatch.setattr("cryptodudez_assets.venues.download.time.sleep", slept.append)
    desk.kaggle.api_faults = deque([Fault(status=429, headers=(("Retry-After", "2"),))])

    desk.fetch()

    assert slept == [2]


def test_who_asks_for_longer_than_patience_lasts_is_quoted(desk: Desk):
    desk.kaggle.api_faults = deque([Fault(status=429, headers=(("Retry-After", "3600"),))])
    desk.fails("429 Too Many Requests; it asks to come back in 3600 seconds")


def test_patience_ends(desk: Desk):
    desk.kaggle.api_faults = deque([Fault(status=503)] * 9)
    desk.fails("gave up after 3 attempts: 127.0.0.1 answered 503 Service Unavailable")
    assert len(desk.kaggle.api_requests) == 3


def test_cuts_do_not_count_while_each_attempt_brings_a_megabyte(desk: Desk):
    desk.kaggle.publish(KNOWN.handle, content := bytes(8 << 20))
    desk.kaggle.storage_faults = deque([Fault(at=1_500_000, cut=True)] * 4)

    assert desk.fetch(max_bytes=1 << 30).read_bytes() == content
    assert len(desk.kaggle.storage_requests) == 5


def test_nobody_there_fails_after_all_attempts(tmp_path: Path):
    with pytest.raises(Failed, match="gave up after 3 attempts"):
        fetch("stock_market", tmp_path, GOOD, base_url="http://127.0.0.1:9", patience=QUICK)


# Refusing


def test_damage_is_fetched_once_more(desk: Desk):
    desk.kaggle.storage_faults = deque([Fault(at=5, damage=True)])
    assert desk.fetch().read_bytes() == CONTENT
    assert desk.ranges() == [None, None]


def test_damage_twice_fails_with_what_was_expected_and_found(desk: Desk):
    desk.kaggle.storage_faults = deque([Fault(at=5, damage=True)] * 2)
    desk.fails(r"twice came damaged: expected the md5 \S+==, found \S+==$")
    assert desk.names() == []


def test_damage_leaves_the_file_that_was_there(desk: Desk):
    desk.fetch()
    desk.kaggle.publish(KNOWN.handle, OTHER)
    desk.kaggle.storage_faults = deque([Fault(at=5, damage=True)] * 2)

    desk.fails("twice came damaged")

    assert desk.file.read_bytes() == CONTENT


def test_without_a_length_the_checksum_tells_that_all_came(desk: Desk):
    desk.kaggle.lengths = False
    desk.kaggle.storage_faults = deque([CUT])
    assert desk.fetch().read_bytes() == CONTENT


def test_what_cannot_be_verified_is_not_taken(desk: Desk):
    desk.kaggle.lengths, desk.kaggle.hashes = False, ()
    desk.fails("neither a size nor a checksum")


def test_a_web_page_is_no_file(desk: Desk):
    desk.kaggle.content_type = "text/html; charset=utf-8"
    desk.fails("answered with a web page")


@pytest.mark.parametrize("lengths", [True, False])
def test_a_file_beyond_the_limit_is_not_taken(desk: Desk, lengths: bool):
    desk.kaggle.lengths = lengths
    desk.fails("300000 bytes; 200000 are allowed|goes on beyond the 200000 bytes", max_bytes=200_000)
    assert desk.part.exists() != lengths
    assert lengths or desk.part.stat().st_size <= 200_000


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_disk_is_told_before_anything_is_written(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 30, 1 << 30, 1000))
    desk.fails(r"downloads has 1000 bytes free, \d+ are needed")
    assert not desk.part.exists()


def test_two_processes_do_not_write_one_file(desk: Desk):
    desk.fetch()
    with FileLock(desk.folder / f".{KNOWN.file_name}.lock", is_singleton=False):
        desk.fails("is being downloaded by another process")
