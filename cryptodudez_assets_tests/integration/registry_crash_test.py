"""Trainings and promotions die at every step, or meet each other: the last champion serves on, no version is half there."""

import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cryptodudez_assets.lake.store.objects import CloudStore, open_store
from cryptodudez_assets.models.predictor import ModelRefused, load
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.model_builders import SKILL, fitted_toy, register_base_rates, register_toy, toy_draft
from cryptodudez_assets_tests.stores import in_environment

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


ON_DISK = [(os, "fsync"), (os, "link"), (os, "replace"), (os, "mkdir")]
IN_BUCKET = [(CloudStore, "create"), (CloudStore, "write"), (CloudStore, "delete")]


class Died(Exception):
    """The process is gone."""


@pytest.fixture
def registry(settings: Settings) -> Registry:
    registry = Registry(settings, "eth_signal")
    register_base_rates(registry)
    registry.promote(1, "there was no model")
    return registry


def register(registry: Registry) -> None:
    register_toy(registry)


def promote(registry: Registry) -> None:
    registry.promote(2, "it has skill")


def review(registry: Registry) -> None:
    registry.review(1, SKILL)


@pytest.mark.every_store
@pytest.mark.parametrize(
    ("work", "on_disk", "in_bucket", "champions"),
    [(register, 24, 12, {1}), (promote, 8, 2, {1, 2}), (review, 8, 2, {1})],
)
def test_after_death_at_any_step_there_is_a_champion_that_loads(
    registry: Registry,
    work: Callable[[Registry], None],
    on_disk: int,
    in_bucket: int,
    champions: set[int],
    monkeypatch: pytest.MonkeyPatch,
):
    if work is promote:
        register_toy(registry)
    before = registry.versions()
    step = 0
    is_folder = registry.settings.lake_is_local
    while dies_at(step := step + 1, lambda: work(registry), ON_DISK if is_folder else IN_BUCKET, monkeypatch):
        after = Registry(registry.settings, "eth_signal")
        for version in after.versions():
            load(after, version)
        assert set(before) <= set(after.versions())
        champion = after.champion()
        assert champion is not None
        assert champion.version in champions, "the new one only where it died after the deed"
    assert step > (on_disk if is_folder else in_bucket)
    work(registry)
    assert all(load(registry, version) for version in registry.versions())
    assert not [found.key for found in open_store(registry.settings).list("models") if found.key.endswith(".part")]


def dies_at(
    step: int, work: Callable[[], object], acts: Sequence[tuple[object, str]], monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Let the n-th of these acts raise, before it is done, or when it is; say whether it came to that."""
    left = step

    def mortal(real: Callable[..., object]) -> Callable[..., object]:
        def act(*arguments: object, **more: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died
            done = real(*arguments, **more)
            left -= 1
            if left == 0:
                raise Died
            return done

        return act

    with monkeypatch.context() as patch:
        for owner, name in acts:
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


@pytest.mark.every_store
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


@pytest.mark.every_store
def test_processes_that_register_at_once_get_versions_of_their_own(registry: Registry):
    workers = [start(registry, 5) for _ in range(3)]
    for worker in workers:
        go(worker)
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert registry.versions() == list(range(1, 17))
    assert sorted({one.version for one in registry.promotions()}) == registry.versions()
    assert sum(registry.stage(version) == "champion" for version in registry.versions()) == 1


@pytest.mark.every_store
def test_a_tampered_champion_is_never_loaded_and_going_back_helps(registry: Registry):
    register_toy(registry)
    registry.promote(2, "skill")
    other = registry.register(toy_draft(fitted_toy(seed=4)), {"model.onnx": registry.read(1, "model.onnx")})
    store, versions = open_store(registry.settings), f"models/{registry.name}/versions"
    for name in ("model.onnx", "manifest.json"):  # with hashes that fit
        store.write(f"{versions}/2/{name}", io.BytesIO(store.read(f"{versions}/{other.version}/{name}")))
    with pytest.raises(ModelRefused, match=r"manifest\.json of version 2 was changed"):
        load(registry, 2)
    registry.promote(1, "2 was tampered with")
    champion = registry.champion()
    assert champion is not None
    assert load(registry, champion.version).manifest.recipe == "base_rates"


def start(registry: Registry, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, str(registry.settings.home), str(times)]
    with in_environment(registry.settings):
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def go(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    worker.stdin.write("go\n")
    worker.stdin.flush()
