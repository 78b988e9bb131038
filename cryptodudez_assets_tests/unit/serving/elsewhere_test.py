"""Which requests are those of another site's page, in the browser of somebody who can reach the API."""

import pytest

from serving.elsewhere import refusal

HERE = {b"host": b"127.0.0.1:8000"}


@pytest.mark.parametrize(
    "host",
    [
        *(b"evil.example", b"evil.example:8000", b"127.0.0.1.evil.example", b"localhost.evil.example:80"),
        *(b"[2001:db8::1]", b"192.168.1.2:8000", b"0.0.0.0:8000", b"localhost@evil.example"),
        *(b"\xff\xfe", b"[", b":8000", b"2130706433"),
    ],
)
def test_a_name_that_was_made_to_point_here_is_not_answered_where_no_key_is_asked(host: bytes):
    refused = refusal("GET", {b"host": host}, only_here=True)
    assert refused is not None
    assert refused[0] == 421
    assert refusal("GET", {b"host": host}, only_here=False) is None


@pytest.mark.parametrize(
    "host", [b"localhost", b"LocalHost:8000", b"127.0.0.1:8000", b"127.9.9.9", b"[::1]:8000", b"localhost.:80", b""]
)
def test_this_machines_own_names_are(host: bytes):
    assert refusal("GET", {b"host": host}, only_here=True) is None


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("only_here", [True, False])
@pytest.mark.parametrize(
    "sent",
    [
        {b"sec-fetch-site": b"cross-site", b"sec-fetch-mode": b"no-cors"},
        {b"sec-fetch-site": b"same-site", b"sec-fetch-mode": b"cors"},
        {b"sec-fetch-site": b"cross-site"},
        {b"sec-fetch-site": b"", b"origin": b"http://127.0.0.1:8000"},
        {b"origin": b"http://evil.example"},
        {b"origin": b"http://127.0.0.1:3000"},
        {b"origin": b"null"},
    ],
)
def test_pages_of_other_sites_ask_in_vain(method: str, only_here: bool, sent: dict[bytes, bytes]):
    refused = refusal(method, HERE | sent, only_here)
    assert refused is not None
    assert refused[0] == 403


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {b"origin": b"http://127.0.0.1:8000"},
        {b"sec-fetch-site": b"same-origin", b"sec-fetch-mode": b"cors", b"origin": b"https://behind.a.proxy.example"},
        {b"sec-fetch-site": b"none", b"sec-fetch-mode": b"navigate"},
    ],
)
def test_its_own_pages_and_whoever_is_no_browser_are_answered(sent: dict[bytes, bytes]):
    assert refusal("POST", HERE | sent, only_here=True) is None


def test_a_link_may_be_followed_and_a_form_not_be_sent():
    followed = {b"sec-fetch-site": b"cross-site", b"sec-fetch-mode": b"navigate"}
    assert refusal("GET", HERE | followed, only_here=True) is None
    assert refusal("POST", HERE | followed, only_here=True) is not None
