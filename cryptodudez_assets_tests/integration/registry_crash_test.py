"""Trainings and promotions die at every step, or meet each other: the last champion serves on, no version is half there."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cryptodudez_assets.models.predictor import ModelRefused, load
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.model_builders import SKILL, fitted_toy, register_base_rates, register_toy, toy_draft

WORKER = """
import sys
from pathlib import Path
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.manifest import Draft
from cryptodudez_assets.settings import Settings
registry = Registry(Settings(home=Path(sys.argv[1])), "eth_signal")
champion = registry.manifest(1)
draft = Draft(**{name: getattr(champion, name) for name in Draft.model_fields})
files = {name: registry.read(1, name) for name in champion.files}
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    registry.promote(registry.register(draft, files).version, "the next")
"""


class Died(Exception):
    """The process is gone."""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = Registry(Settings(home=tmp_path), "eth_signal")
    register_base_rates(registry)
    registry.promote(1, "there was no model")
    return registry


def register(registry: Registry) -> None:
    register_toy(registry)


def promote(registry: Registry) -> None:
    registry.promote(2, "it has skill")


def review(registry: Registry) -> None:
    registry.review(1, SKILL)


@pytest.mark.parametrize(("work", "steps", "champions"), [(register, 12, {1}), (promote, 4, {1, 2}), (review, 4, {1})])
def test_after_death_at_any_step_there_is_a_champion_that_loads(
    registry: Registry,
    work: Callable[[Registry], None],
    steps: int,
    champions: set[int],
    monkeypatch: pytest.MonkeyPatch,
):
    if work is promote:
        register_toy(registry)
    before = registry.versions()
    step = 0
    while dies_at(step := step + 1, lambda: work(registry), monkeypatch):
        after = Registry(registry.settings, "eth_signal")
        for version in after.versions():
            load(after, version)
        assert set(before) <= set(after.versions())
        champion = after.champion()
        assert champion is not None
        assert champion.version in champions, "the new one only where it died after the deed"
    assert step > steps
    work(registry)
    assert all(load(registry, version) for version in registry.versions())
    assert not list(Path(registry.location).rglob(".*.part"))


def dies_at(step: int, work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Let the n-th thing that is done to the disk raise; say whether it came to that."""
    left = step

    def mortal(real: Callable[..., object]) -> Callable[..., object]:
        def act(*arguments: object, **more: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died
            return real(*arguments, **more)

        return act

    with monkeypatch.context() as patch:
        for owner, name in ((os, "fsync"), (os, "link"), (os, "replace"), (os, "mkdir")):
            patch.setattr(owner, name, mortal(getattr(owner, name)))
        try:
            work()
        except Died:
            return True
    return False


def test_a_dead_trainings_leftovers_are_neither_a_version_nor_in_the_way(registry: Registry):
    unfinished = Path(registry.location) / "versions" / "2"
    unfinished.mkdir()
    (unfinished / "stale.bin").write_bytes(b"half")
    assert registry.versions() == [1]
    assert "stale.bin" not in register_toy(registry).files
    assert not (unfinished / "stale.bin").exists()


def test_killed_at_random_moments_there_is_always_a_champion_and_every_version_is_whole(registry: Registry):
    dice, killed = random.Random(5), 0
    for _ in range(8):
        worker = start(registry, 10_000)
        go(worker)
        time.sleep(dice.uniform(0.01, 0.3))
        worker.kill()
        killed += worker.wait() < 0
        champion = registry.champion()
        assert champion is not None
        load(registry, champion.version)
    assert killed == 8
    assert registry.versions() == list(range(1, len(registry.versions()) + 1))
    for version in registry.versions():
        for file in registry.manifest(version).files:
            registry.read(version, file)
    register_toy(registry)  # nobody holds the lock


def test_processes_that_register_at_once_get_versions_of_their_own(registry: Registry):
    workers = [start(registry, 5) for _ in range(3)]
    for worker in workers:
        go(worker)
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert registry.versions() == list(range(1, 17))
    assert sorted({one.version for one in registry.promotions()}) == registry.versions()
    assert sum(registry.stage(version) == "champion" for version in registry.versions()) == 1


def test_a_tampered_champion_is_never_loaded_and_going_back_helps(registry: Registry):
    register_toy(registry)
    registry.promote(2, "skill")
    other = registry.register(toy_draft(fitted_toy(seed=4)), {"model.onnx": registry.read(1, "model.onnx")})
    theirs = Path(registry.location) / "versions" / str(other.version)
    ours = Path(registry.location) / "versions" / "2"
    (ours / "model.onnx").write_bytes((theirs / "model.onnx").read_bytes())
    (ours / "manifest.json").write_bytes((theirs / "manifest.json").read_bytes())  # with hashes that fit
    with pytest.raises(ModelRefused, match=r"manifest\.json of version 2 was changed"):
        load(registry, 2)
    registry.promote(1, "2 was tampered with")
    champion = registry.champion()
    assert champion is not None
    assert load(registry, champion.version).manifest.recipe == "base_rates"


def start(registry: Registry, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, str(registry.settings.home), str(times)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def go(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    worker.stdin.write("go\n")
    worker.stdin.flush()
