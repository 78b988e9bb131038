"""What settings say of feeds: where to ask, with what, and which are on."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from cryptodudez_assets.fetching.access import access_of, feeds_on, is_on
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.toy_feed import FEED


def test_a_client_gets_its_own_settings_and_no_secret_is_shown(settings: Settings):
    told = settings.model_copy(
        update={"x_url": "http://127.0.0.1:1", "x_token": SecretStr("hunter2"), "x_dollars_a_month": Decimal("1.50")}
    )
    x, other = access_of(told, replace(FEED, name="x")), access_of(told, FEED)

    assert (x.url, x.token, x.dollars_a_month) == ("http://127.0.0.1:1", SecretStr("hunter2"), Decimal("1.50"))
    assert (other.url, other.token, other.dollars_a_month) == ("", None, 0)
    assert other.folder == x.folder == settings.home / "fetching"
    assert "hunter2" not in repr(x)
    assert settings.catalog not in repr(x)


def test_feeds_are_off_unless_they_are_named(settings: Settings):
    binance, x = (replace(FEED, name=name) for name in ("binance", "x"))
    declared = {"binance": binance, "x": x}
    both = settings.model_copy(update={"feeds": "x, binance x"})

    assert feeds_on(settings, declared) == []
    assert feeds_on(both, declared) == [x, binance]
    assert (is_on(both, x), is_on(both, FEED), is_on(settings, x)) == (True, False, False)
    with pytest.raises(ValueError, match="CRYPTODUDEZ_FEEDS: there is no feed 'binanec'; there are: binance, x"):
        feeds_on(settings.model_copy(update={"feeds": "binanec"}), declared)


@pytest.mark.parametrize(
    "wrong", [{"binance_url": "binance.com"}, {"x_dollars_a_month": "-1"}, {"feed_days_again": -1}]
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, wrong: dict[str, str]):
    with pytest.raises(ValidationError):
        Settings(home=tmp_path, **wrong)  # type: ignore[arg-type]
