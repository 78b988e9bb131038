"""What a signal says now, asked without a server: by the champion, of the newest features, and HODL where nothing is to be believed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.signal.deciding import decision_now
from cryptodudez_assets.models.signal.signal import STALE_AFTER
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import ETHER
from cryptodudez_assets_tests.serving_builders import champion, write_features


def test_there_is_nothing_to_say_without_a_champion_or_without_features(settings: Settings):
    assert decision_now(settings, ETHER, datetime.now(UTC)) is None
    champion(settings)
    assert decision_now(settings, ETHER, datetime.now(UTC)) is None


def test_a_champion_without_skill_says_hodl_and_is_not_loaded(settings: Settings):
    registry = champion(settings, skill=False)
    _spoil(registry)

    told = decision_now(settings, ETHER, datetime.now(UTC))

    assert (told.decision, told.model) == ("HODL", "eth_signal-1")
    assert told.reasons
    assert told.since == registry.promotions()[0].at


def test_the_champion_decides_and_features_that_age_make_it_hodl(settings: Settings):
    registry = champion(settings)
    known = write_features(settings, value=3.0)
    now = datetime.now(UTC)

    told, later = decision_now(settings, ETHER, now), decision_now(settings, ETHER, now + timedelta(days=9))

    assert (told.decision, told.since) == ("BUY", max(known, registry.promotions()[0].at))
    assert (later.decision, later.since) == ("HODL", known + STALE_AFTER)


def test_a_champion_that_cannot_be_loaded_says_nothing(settings: Settings):
    registry = champion(settings)
    write_features(settings)
    _spoil(registry)

    assert decision_now(settings, ETHER, datetime.now(UTC)) is None


def _spoil(registry: Registry) -> None:
    [model] = Path(registry.location).rglob("model.onnx")
    model.chmod(0o600)
    model.write_bytes(b"not a model")
