"""The registry: versions, stages, verdicts, and what it refuses."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from cryptodudez_assets.models.registry import Damaged, Registry, Tampered, UnknownVersion
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.model_builders import (
    NO_SKILL,
    SKILL,
    fitted_toy,
    register_base_rates,
    register_toy,
    toy_draft,
)


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return Registry(settings, "eth_signal")


@pytest.fixture
def folder(settings: Settings) -> Path:
    return Path(settings.lake) / "models" / "eth_signal"


def test_an_empty_registry_has_nothing_and_makes_nothing(registry: Registry, folder: Path):
    assert registry.versions() == []
    assert registry.champion() is None
    assert registry.promotions() == []
    assert not folder.exists()


def test_versions_are_numbered_and_keep_what_they_were_given(registry: Registry):
    draft = toy_draft(fitted_toy(), parameters={"widths": (1, 2)})
    first = registry.register(draft, {"model.onnx": b"one", "notes.txt": b""})
    second = registry.register(draft, {"model.onnx": b"two"})
    assert registry.versions() == [1, 2]
    assert (first.label, second.label) == ("eth_signal-1", "eth_signal-2")
    assert registry.manifest(1) == first
    assert first.parameters == {"widths": [1, 2]}, "as it will be read: JSON knows no tuples"
    assert registry.read(1, "model.onnx") == b"one"
    assert registry.read(1, "notes.txt") == b""
    assert registry.read(2, "model.onnx") == b"two"


def test_a_toy_has_all_files(registry: Registry):
    manifest = register_toy(registry)
    files = {"model.onnx", "model.skops", "findings.json", "predictions.parquet", "training.log"}
    assert set(manifest.files) == files
    assert all(registry.read(1, name) for name in files)


def test_ten_comes_after_nine(registry: Registry):
    draft = toy_draft(fitted_toy())
    for _ in range(11):
        registry.register(draft, {})
    assert registry.versions() == list(range(1, 12))


def test_stages_follow_from_promotions(registry: Registry):
    draft = toy_draft(fitted_toy())
    for _ in range(5):
        registry.register(draft, {})
    assert {registry.stage(version) for version in registry.versions()} == {"candidate"}
    registry.promote(1, "the first")
    registry.promote(3, "better")
    assert [registry.stage(version) for version in registry.versions()] == [
        *("archived", "archived", "champion", "candidate", "candidate")
    ]
    registry.promote(5, "better still")
    registry.promote(3, "5 was wrong")
    champion = registry.champion()
    assert champion is not None
    assert champion.version == 3
    assert [registry.stage(version) for version in registry.versions()] == [
        *("archived", "archived", "champion", "candidate", "archived")
    ]
    assert [(one.version, one.reason) for one in registry.promotions()] == [
        *((1, "the first"), (3, "better"), (5, "better still"), (3, "5 was wrong"))
    ]


def test_promoting_the_champion_changes_nothing(registry: Registry):
    register_base_rates(registry)
    registry.promote(1, "first")
    registry.promote(1, "again")
    assert [one.reason for one in registry.promotions()] == ["first"]


def test_the_latest_review_is_the_verdict_and_the_champion_stays(registry: Registry):
    register_toy(registry)
    registry.promote(1, "skill")
    assert registry.verdict(1) == SKILL
    registry.review(1, NO_SKILL)
    assert registry.verdict(1) == NO_SKILL
    assert registry.manifest(1).verdict == SKILL
    assert registry.stage(1) == "champion"
    registry.review(1, SKILL)
    assert registry.verdict(1) == SKILL


@pytest.mark.parametrize("ask", ["manifest", "stage", "verdict"])
def test_an_unknown_version_is_said_to_be_so(registry: Registry, ask: str):
    with pytest.raises(UnknownVersion, match=r"no version 7 of eth_signal .* there are: none"):
        getattr(registry, ask)(7)


def test_nothing_is_promoted_or_reviewed_that_is_not_there(registry: Registry):
    with pytest.raises(UnknownVersion):
        registry.promote(1, "why not")
    with pytest.raises(UnknownVersion):
        registry.review(1, SKILL)
    assert registry.promotions() == []


def test_a_changed_file_is_refused_and_not_promoted(registry: Registry, folder: Path):
    register_toy(registry)
    path = folder / "versions" / "1" / "model.skops"
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(Tampered, match=r"model\.skops of version 1") as caught:
        registry.read(1, "model.skops")
    assert caught.value.expected == registry.manifest(1).files["model.skops"] != caught.value.found
    with pytest.raises(Tampered):
        registry.promote(1, "looks fine")
    path.unlink()
    with pytest.raises(Tampered, match="no file"):
        registry.read(1, "model.skops")


def test_a_changed_manifest_of_a_promoted_version_is_refused(registry: Registry, folder: Path):
    register_toy(registry, skill=False)
    registry.promote(1, "first")
    path = folder / "versions" / "1" / "manifest.json"
    told = json.loads(path.read_bytes())
    path.write_text(json.dumps(told | {"verdict": {"skill": True, "words": "Trust me.", "tests": []}}))
    for ask in (registry.champion, lambda: registry.manifest(1), lambda: registry.read(1, "model.onnx")):
        with pytest.raises(Tampered, match=r"manifest\.json"):
            ask()


@pytest.mark.parametrize(
    "content", [b"x{", b"[]", b'{"promotions": [{"version": "../../x"}]}', b"\xff", b'{"more": 1}']
)
def test_damaged_stages_are_told_with_their_place_and_what_to_do(registry: Registry, folder: Path, content: bytes):
    register_toy(registry, skill=False)
    path = folder / "stages.json"
    path.write_bytes(content)
    for ask in (registry.champion, registry.held, lambda: registry.verdict(1), lambda: registry.promote(1, "again")):
        with pytest.raises(Damaged, match=r"stages\.json is not what the registry writes there.*from a backup$"):
            ask()
    assert path.read_bytes() == content


def test_only_registered_names_are_read(registry: Registry):
    register_toy(registry)
    for name in ("manifest.json", "../../stages.json", "/etc/passwd", "other.onnx"):
        with pytest.raises(LookupError, match="eth_signal-1 has no"):
            registry.read(1, name)


@pytest.mark.parametrize("name", ["a/b", "../up", "manifest.json", ".hidden"])
def test_odd_names_of_files_are_not_registered(registry: Registry, name: str):
    with pytest.raises(ValueError, match="not names of files"):
        registry.register(toy_draft(fitted_toy()), {name: b""})
    assert registry.versions() == []


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden"])
def test_odd_names_of_models_are_refused(settings: Settings, name: str):
    with pytest.raises(ValueError, match="cannot be the name of a model"):
        Registry(settings, name)


def test_a_metric_that_is_no_number_is_not_registered():
    with pytest.raises(ValidationError, match="finite"):
        toy_draft(fitted_toy(), metrics={"sharpe": float("nan")})
