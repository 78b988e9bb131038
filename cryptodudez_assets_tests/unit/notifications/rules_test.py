"""Rules are declared, one file each; what cannot be taken is left out and named. The examples of the documentation hold."""

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest

from cryptodudez_assets import declared_rules
from cryptodudez_assets.declarations import declared_in
from cryptodudez_assets.declared_rules import all_rules, left_out_rules, rules_about
from cryptodudez_assets.declared_rules.declaration import (
    FailedCheck,
    NoData,
    NoRecords,
    Notify,
    SpreadOver,
    Threshold,
    problem_of,
)
from cryptodudez_assets.features import left_out
from cryptodudez_assets.notifications.signing import signed_headers
from cryptodudez_assets_tests.conftest import ROOT

PAGE = (ROOT / "docs" / "notifications.md").read_text()
RULE, VERIFYING, _ = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)


def test_every_rule_is_declared_and_in_the_documentation():
    assert left_out_rules() == []
    assert all(f"`{name}`" in PAGE for name in all_rules())
    assert {rule.name for rule, _ in rules_about(SpreadOver)} == {"wide_spread"}


def test_a_file_more_is_a_rule_more_and_one_that_cannot_be_taken_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "eth_spread.py").write_text(RULE)
    (tmp_path / "broken_rule.py").write_text(RULE.replace('"eth_spread"', '"Eth spread!"'))
    (tmp_path / "twice.py").write_text(RULE.replace('"eth_spread"', '"failed_check"'))
    monkeypatch.setattr(declared_rules, "__path__", [*declared_rules.__path__, str(tmp_path)])
    declared_rules.declared_rules.cache_clear()
    declared_rules.all_rules.cache_clear()
    try:
        assert all_rules()["eth_spread"].when.books["eth_mxn"][0].over == 0.8
        told = [str(one) for one in left_out() if one.kind == "rule"]
        assert len(told) == 3  # both of a name
        assert "name='Eth spread!': expected small letters" in told[0]
        assert "the rule 'failed_check' is declared in" in told[1] + told[2]
        assert "failed_check" not in all_rules()
    finally:
        declared_rules.declared_rules.cache_clear()
        declared_rules.all_rules.cache_clear()


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (Notify("A", "A", FailedCheck()), "name='A'"),
        (Notify("a", " ", FailedCheck()), "title=' '"),
        (Notify("a", "A", "spread"), "when='spread': expected a condition"),
        (Notify("a", "A", FailedCheck(), "loud"), "severity='loud': expected one of info"),
        (Notify("a", "A", FailedCheck(), quiet_for=timedelta(-1)), "quiet_for="),
        (Notify("a", "A", SpreadOver({}), quiet_for=timedelta(1)), "say it of each Threshold"),
    ],
)
def test_what_a_rule_must_say(rule: Notify, told: str):
    assert told in (problem_of(rule) or "")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Threshold(0),
        lambda: Threshold(0.5, clear_below=0.6),
        lambda: Threshold(0.5, for_seconds=0),
        lambda: Threshold(0.5, quiet_for=-1),
        lambda: SpreadOver({"BTC": ()}),
        lambda: NoData(gap_seconds=0),
        lambda: NoRecords(books=("btc mxn",)),
        lambda: NoRecords(books=("btc_mxn",), after=timedelta(0)),
    ],
)
def test_conditions_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        wrong()


@pytest.mark.parametrize("secret", ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "any text"])
def test_the_documented_receiver_takes_what_is_signed_and_nothing_else(secret: str):
    from cryptodudez_assets.addresses import insist_on_key

    named: dict[str, object] = {}
    exec(VERIFYING, named)  # noqa: S102  (the documentation's own)
    is_genuine, now = named["is_genuine"], int(time.time())
    headers = signed_headers(insist_on_key(secret), "id", now, b"body")

    assert is_genuine(headers, b"body", secret)
    assert is_genuine({**headers, "webhook-signature": f"v1,other {headers['webhook-signature']}"}, b"body", secret)
    assert not is_genuine(headers, b"other", secret)
    assert not is_genuine({**headers, "webhook-id": "other"}, b"body", secret)
    assert not is_genuine(headers, b"body", "another secret")
    assert not is_genuine(signed_headers(insist_on_key(secret), "id", now - 600, b"body"), b"body", secret)


def test_helpers_of_the_room_declare_nothing():
    assert (
        declared_in("cryptodudez_assets.declared_rules", declared_rules.__path__, "RULE", "rule", Notify).left_out == []
    )
