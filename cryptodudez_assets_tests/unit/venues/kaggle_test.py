"""What the downloader decides without a server: credentials, waits, and which hosts may be asked at all."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from cryptodudez_assets.simulator.venues.kaggle import crc32c
from cryptodudez_assets.venues.download import Download, Failed, Patience, Remote, _Part
from cryptodudez_assets.venues.http import retry_after
from cryptodudez_assets.venues.kaggle import Credentials, fetch


def test_name_and_key_are_basic_a_token_is_a_bearer_nothing_is_nothing():
    basic = Credentials("zoë", SecretStr("k:ey\n")).authorization() or ""

    assert b64decode(basic.removeprefix("Basic ")).decode() == "zoë:k:ey"
    assert Credentials(key=SecretStr("token")).authorization() == "Bearer token"
    assert Credentials("zoë").authorization() is None


def test_the_key_is_shown_nowhere():
    assert "secret" not in repr(Credentials("name", SecretStr("secret")))
    with pytest.raises(Failed) as failed:
        Credentials(key=SecretStr("secret\r\nHost: evil")).authorization()
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    "base_url",
    ["http://www.kaggle.com", "http://127.0.0.1.evil.example", "http://10.0.0.1", "ftp://127.0.0.1", "kaggle.com", ""],
)
def test_only_https_or_this_machine_is_asked(tmp_path: Path, base_url: str):
    with pytest.raises(Failed, match="neither https nor on this machine"):
        fetch("stock_market", tmp_path, Credentials(), base_url=base_url)


def test_what_began_in_the_network_is_not_led_to_this_machine(tmp_path: Path):
    from_network = Download("https://www.kaggle.com", tmp_path / "file", lambda done, total: None)
    from_network._insist_on_safe(httpx.URL("https://storage.googleapis.com/x"))
    with pytest.raises(Failed, match="neither https nor on this machine"):
        from_network._insist_on_safe(httpx.URL("http://127.0.0.1/x"))


def test_an_unknown_data_set_fails_with_those_there_are(tmp_path: Path):
    with pytest.raises(Failed, match=r"no data set '\.\./x'; there are: stock_market"):
        fetch("../x", tmp_path, Credentials())


def test_waits_double_up_to_the_longest_with_jitter_and_are_no_shorter_than_asked():
    patience = Patience(first_wait=1, longest_wait=10)

    for failures, longest in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (50, 10)]:
        assert longest / 2 <= patience.wait(failures, None) <= longest
    assert patience.wait(1, 7) == 7


def test_retry_after_is_seconds_or_a_date():
    def asked(value: str) -> float | None:
        return retry_after(value, datetime.now(UTC))

    in_a_minute = datetime.now(UTC) + timedelta(minutes=1)
    assert asked("17") == 17
    assert asked(format_datetime(in_a_minute, usegmt=True)) == pytest.approx(60, abs=5)
    assert asked("Thu, 02 Apr 2020 00:00:00 GMT") == 0
    assert asked("soon") is None
    assert asked("") is None


@pytest.mark.parametrize("headers", [[("crc32c", "a=="), ("md5", "b==")], [("md5", "b=="), ("crc32c", "a==")]])
def test_checksums_are_read_from_one_header_or_two(headers: list[tuple[str, str]]):
    two = httpx.Response(200, headers=[("x-goog-hash", f"{name}={value}") for name, value in headers])
    one = httpx.Response(200, headers={"x-goog-hash": ",".join(f"{name}={value}" for name, value in headers)})

    assert Remote.of(two).checksums == Remote.of(one).checksums == {"crc32c": "a==", "md5": "b=="}


def test_the_better_checksum_decides(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"abc")
    remote = Remote(etag=None, size=3, checksums={"crc32c": "wrong", "md5": "kAFQmDzST7DWlj99KOF/cg=="})

    assert remote.difference(tmp_path / "file") is None


def test_another_size_is_a_difference_without_any_checksum(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"abc")

    assert Remote(etag=None, size=4, checksums={}).difference(tmp_path / "file") == "expected 4 bytes, found 3"
    assert Remote(etag=None, size=3, checksums={}).difference(tmp_path / "file") is None


@pytest.fixture
def part(tmp_path: Path) -> _Part:
    """Three bytes of ten."""
    part = _Part(tmp_path / "file.zip")
    part.begin(Remote(etag='"one"', size=10, checksums={}))
    part.path.write_bytes(b"abc")
    return part


def test_the_rest_is_asked_for_of_the_same_version_only(part: _Part):
    assert part.headers() == {"Range": "bytes=3-", "If-Range": '"one"'}
    for useless in ('W/"one"', None):
        part.begin(Remote(etag=useless, size=10, checksums={}))
        part.path.write_bytes(b"abc")
        assert part.headers() == {}


@pytest.mark.parametrize(
    ("tag", "stated", "fits"),
    [
        ('"one"', "bytes 3-9/10", True),
        ('"two"', "bytes 3-9/10", False),
        ('"one"', "bytes 2-9/10", False),
        ('"one"', "bytes 3-9/11", False),
        ('"one"', "bytes 3-9/*", False),
        ('"one"', "", False),
    ],
)
def test_only_what_is_missing_continues_a_part(part: _Part, tag: str, stated: str, fits: bool):
    answer = httpx.Response(206, headers={"ETag": tag, "Content-Range": stated})
    assert part.is_continued_by(answer) is fits


def test_the_servers_crc32c_is_that_of_rfc_3720():
    assert crc32c(bytes(32)).hex() == "8a9136aa"
    assert crc32c(bytes(range(32))).hex() == "46dd794e"
