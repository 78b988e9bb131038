"""Sinks against a real HTTP server: signatures that it checks by itself, failures in words, and no secret in any of them."""

import base64
import hashlib
import hmac
import json
import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from cryptodudez_assets.notifications.event import Event, Kind
from cryptodudez_assets.notifications.signing import signed_headers
from cryptodudez_assets.notifications.sinks import LogSink, NotDelivered, SlackSink, WebhookSink, sinks_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.receiver import Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  (that of the standard's example)
EVENT = Event(
    rule="wide", subject="btc_mxn", kind=Kind.STARTED, started_at=1_651_291_826, at=1_651_291_828, severity="warning",
    title="Wide spread: <btc_mxn>", text="0.8 % & more", details={"spread": 0.8},
)  # fmt: skip


def test_the_signature_is_that_of_the_standard_s_own_example():
    key = base64.b64decode(SECRET[6:])

    headers = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", [SECRET, "any text with ümlauts"])
def test_a_receiver_verifies_what_it_is_sent(secret: str, tmp_path: Path):
    with receiving(Receiver(secret)) as receiver:
        settings = Settings(home=tmp_path, notify_webhook=receiver.url, notify_secret=secret)
        sinks_of(settings)[1].send(EVENT)

    assert receiver.refused == []
    told = receiver.taken[EVENT.id]
    assert told["type"] == "incident.started"
    assert told["timestamp"] == "2022-04-30T04:10:28+00:00"
    assert told["data"] == {
        **{"id": EVENT.id, "incident": EVENT.incident, "rule": "wide", "subject": "btc_mxn", "kind": "started"},
        **{"severity": "warning", "title": EVENT.title, "text": EVENT.text, "details": {"spread": 0.8}},
        **{"started_at": "2022-04-30T04:10:26+00:00", "at": "2022-04-30T04:10:28+00:00"},
    }


def test_a_receiver_refuses_another_s_signature():
    with receiving(Receiver("right")) as receiver, pytest.raises(NotDelivered, match="it answers 401"):
        WebhookSink(receiver.url, b"wrong").send(EVENT)

    assert receiver.refused == [EVENT.id]


def test_slack_gets_text_in_which_nothing_is_markup():
    with receiving(Receiver()) as receiver:
        SlackSink(receiver.url).send(EVENT)

    assert receiver.posts == [{"text": ":warning: *Wide spread: &lt;btc_mxn&gt;*\n0.8 % &amp; more"}]


def test_the_log_has_a_line_of_json_for_each_event(tmp_path: Path):
    sink = LogSink(tmp_path / "logs" / "notifications.log")
    sink.send(EVENT)
    sink.send(EVENT)

    path = tmp_path / "logs" / "notifications.log"
    assert [json.loads(line)["data"]["id"] for line in path.read_text().splitlines()] == [EVENT.id] * 2
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
def test_whatever_is_not_taken_is_told(status: int):
    with (
        receiving(Receiver(fails=2.0, status=status)) as receiver,
        pytest.raises(NotDelivered, match=f"^it answers {status}$"),
    ):
        SlackSink(receiver.url).send(EVENT)


def test_a_redirect_is_not_followed():
    with receiving(Receiver()) as elsewhere, receiving(Receiver(fails=2.0, status=307)) as receiver:
        receiver.headers = {"location": elsewhere.url}
        with pytest.raises(NotDelivered, match="307, a redirect, which is not followed"):
            WebhookSink(receiver.url, b"key").send(EVENT)

    assert elsewhere.posts == []


def test_a_receiver_may_ask_to_be_left_alone():
    with receiving(Receiver(fails=2.0, status=429)) as receiver:
        receiver.headers = {"retry-after": "120"}
        with pytest.raises(NotDelivered) as refused:
            SlackSink(receiver.url).send(EVENT)

    assert refused.value.wait_seconds == 120


def test_a_receiver_that_takes_its_time_is_not_waited_for():
    with receiving(Receiver()) as receiver:
        receiver.delay_seconds = 0.5
        with pytest.raises(NotDelivered, match=r"no answer within 0\.1 s"):
            SlackSink(receiver.url, timeout_seconds=0.1).send(EVENT)


def test_no_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture, tmp_path: Path):
    caplog.set_level(logging.DEBUG)
    with receiving(Receiver("other than what is sent")) as receiver:
        url = f"{receiver.url}/T0K3N?key=T0K3N"
        settings = Settings(home=tmp_path, notify_webhook=url, notify_slack=url, **{"notify_secret": "S3CRET"})
        problems = []
        for sink in sinks_of(settings)[1:]:
            with pytest.raises(NotDelivered) as refused:
                sink.send(EVENT)
            problems.append(str(refused.value))
        receiver.fails = 2.0
    for sink in (WebhookSink("http://127.0.0.1:1/T0K3N", b"S3CRET"), SlackSink("http://[::bad/T0K3N")):
        with pytest.raises(NotDelivered) as refused:
            sink.send(EVENT)
        problems.append(str(refused.value))

    said = caplog.text + repr(settings) + "".join(problems) + str(settings.model_dump())
    assert "T0K3N" not in said
    assert "S3CRET" not in said


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"notify_webhook": "https://host/T0K3N"}, "is missing"),
        ({"notify_webhook": "ftp://host/T0K3N", "notify_secret": "S3CRET"}, "must be https://host/path"),
        ({"notify_slack": "https:///T0K3N"}, "must be https://host/path"),
        ({"notify_slack": "https://host/T0K3N here"}, "has blanks"),
        ({"notify_webhook": "https://host/T0K3N", "notify_secret": "whsec_S3CRET!"}, "must be base64"),
        ({"notifications": "mysql://T0K3N"}, "must begin with sqlite"),
    ],
)
def test_what_cannot_be_used_is_refused_without_being_repeated(given: dict[str, str], told: str):
    with pytest.raises(ValidationError, match=told) as refused:
        Settings(**given)

    assert "T0K3N" not in str(refused.value)
    assert "S3CRET" not in str(refused.value)


def test_the_signature_is_over_id_time_and_body():
    headers = signed_headers(b"key", "id", 7, b"body")

    expected = base64.b64encode(hmac.new(b"key", b"id.7.body", hashlib.sha256).digest()).decode()
    assert headers == {"webhook-id": "id", "webhook-timestamp": "7", "webhook-signature": f"v1,{expected}"}
