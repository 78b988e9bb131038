"""Two homes, as of two machines, of one lake and catalog: what one of them does the other one serves and explains."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.explain import Explanation, UnknownReceipt, explain
from cryptodudez_assets.models.predictor import load
from cryptodudez_assets.models.registry import Registry, names_of_models
from cryptodudez_assets.models.verify import verify_models
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.model_builders import fitted_toy, register_base_rates, register_toy, toy_draft
from cryptodudez_assets_tests.serving_builders import MODEL, PATIENCE_SECONDS, ROW, champion, served
from cryptodudez_assets_tests.stores import Store, in_environment, other_home
from serving import model_slot
from serving.metrics import Metrics
from serving.model_slot import ModelSlot
from serving.receipt_shipper import SHIP_SECONDS

pytestmark = [pytest.mark.every_store, pytest.mark.long]


@pytest.fixture
def homes(store: Store, tmp_path: Path) -> list[Settings]:
    """Settings of two machines."""
    one = store.settings(tmp_path / "one")
    return [one, other_home(one, tmp_path / "other")]


def test_what_is_promoted_in_one_home_is_served_by_the_other(homes: list[Settings], monkeypatch: pytest.MonkeyPatch):
    one, other = homes
    slot = ModelSlot(Registry(other, MODEL), Metrics())
    slot.refresh()
    assert slot.current is None
    for seed in (0, 1):
        champion(one, seed=seed)
        slot.refresh()
        assert slot.require().version == seed + 1
    slot.registry.promote(1, "back again")
    assert Registry(one, MODEL).champion() == Registry(other, MODEL).manifest(1)
    assert max(model_slot.POLL_SECONDS, model_slot.POLL_BUCKET_SECONDS) < 60
    monkeypatch.setattr(model_slot, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(model_slot, "POLL_BUCKET_SECONDS", 0.01)

    async def watched() -> None:
        watching = asyncio.create_task(slot.watch())
        while slot.require().version != 1:
            await asyncio.sleep(0.01)
        watching.cancel()

    asyncio.run(asyncio.wait_for(watched(), 60))


def test_a_store_that_does_not_answer_leaves_what_serves(homes: list[Settings], monkeypatch: pytest.MonkeyPatch):
    champion(homes[0])
    slot = ModelSlot(Registry(homes[1], MODEL), Metrics())
    slot.refresh()
    serving = slot.require()

    def gone(_: Registry) -> str:
        raise OSError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "generation", gone)
        slot.refresh()
    assert slot.require() is serving
    slot.registry.promote(champion(homes[0], seed=1).versions()[-1], "again")
    slot.refresh()
    assert slot.require().version == 2


def test_versions_that_are_registered_at_once_are_whole_and_apart(homes: list[Settings]):
    register_base_rates(Registry(homes[0], MODEL))
    draft = toy_draft(fitted_toy())

    def register(number: int) -> int:
        files = {"model.onnx": f"{number}".encode(), "notes.txt": f"{number}".encode() * 100}
        return Registry(homes[number % 2], MODEL).register(draft, files).version

    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(register, range(12)))
    assert sorted(versions) == list(range(2, 14)) == Registry(homes[0], MODEL).versions()[1:]
    for number, version in enumerate(versions):
        for home in homes:
            assert Registry(home, MODEL).read(version, "notes.txt") == f"{number}".encode() * 100
    assert names_of_models(homes[1]) == [MODEL]
    assert [one.differences for one in verify_models(homes[1])] == [[]]


def test_a_file_is_fetched_once_and_again_where_the_kept_one_was_changed(homes: list[Settings]):
    one, other = homes
    manifest = register_toy(Registry(one, MODEL))
    registry = Registry(other, MODEL)
    load(registry, 1)
    kept = other.home / "cache" / "models" / manifest.files["model.onnx"]
    if other.lake_is_local:
        assert not kept.exists()
        return
    content = kept.read_bytes()
    Registry(one, MODEL)._store.delete(f"models/{MODEL}/versions/1/model.onnx")
    assert registry.read(1, "model.onnx") == content
    (told,) = verify_models(other)
    assert [difference.where for difference in told.differences] == [registry.uri(1, "model.onnx")]
    Registry(one, MODEL)._store.create(f"models/{MODEL}/versions/1/model.onnx", content)
    kept.write_bytes(b"others")
    assert registry.read(1, "model.onnx") == content == kept.read_bytes()


def test_an_answer_that_was_given_before_a_kill_is_explained_by_the_other_home(
    homes: list[Settings],
):
    one, other = homes
    champion(one)
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}/models/{MODEL}/predict"
    with in_environment(one), served(one, port) as process:
        answers = [httpx.post(url, json={"rows": [ROW]}, timeout=30).json()["receipt_id"] for _ in range(3)]
        process.kill()
        process.wait()
    with in_environment(one), served(one, port):
        found = explained(open_lake(other), answers[-1])
        assert found.replay.replayed
        assert all(explained(open_lake(other), name).receipt.id == name for name in answers)
    assert SHIP_SECONDS < 60
    assert not other.receipts.exists()


def explained(lake: Lake, receipt_id: str) -> Explanation:
    """What the home says of a receipt, once it does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return explain(lake, receipt_id)
        except UnknownReceipt:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
