"""What the routes of one app share: opened when it starts, closed when it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from litestar import Litestar, Request
from litestar.exceptions import NotFoundException

from cryptodudez_assets.declared_models import Model, all_models
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.feature_store.online import OnlineStore, open_online_store
from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.settings import Settings
from serving.live.hub import Hub
from serving.metrics import Metrics
from serving.model_slot import ModelSlot
from serving.receipt_shipper import ReceiptShipper
from serving.receipt_writer import ReceiptWriter
from serving.signal_service import SignalService


@dataclass
class Services:
    """Parts of a running app, of models by their names. `draining` is set when it is about to stop."""

    models: dict[str, Model]
    slots: dict[str, ModelSlot]
    store: OnlineStore
    recorder: ReceiptWriter
    desks: dict[str, SignalService]
    metrics: Metrics
    live: Hub
    draining: bool = False

    def slot(self, name: str) -> ModelSlot:
        """That of a model by its name; raises what is answered where there is none."""
        if name not in self.slots:
            raise NotFoundException(f"there is no model of this name; there are: {', '.join(self.slots)}")
        return self.slots[name]


@asynccontextmanager
async def open_services(settings: Settings, metrics: Metrics) -> AsyncIterator[Services]:
    """Load the champions, and keep watch for the next; leaving writes the receipts that wait."""
    models = all_models()
    slots = {name: ModelSlot(registry_of(settings, model), metrics) for name, model in models.items()}
    store, receipts = open_online_store(settings.online), Receipts(settings.receipts)
    recorder, shipper = ReceiptWriter(receipts), ReceiptShipper(settings, receipts)
    desks = {
        name: SignalService(settings, model, slots[name], store, receipts)
        for name, model in models.items()
        if isinstance(model, SignalModel)
    }
    for slot in slots.values():
        await asyncio.to_thread(slot.refresh)
    watching = [asyncio.create_task(slot.watch()) for slot in slots.values()]
    writing, shipping = asyncio.create_task(recorder.run()), asyncio.create_task(shipper.run())
    live = Hub(settings)
    watching.append(asyncio.create_task(live.run()))
    try:
        yield Services(models, slots, store, recorder, desks, metrics, live)
    finally:
        live.close()
        for task in watching:
            task.cancel()
        recorder.close()
        await writing
        shipper.close()
        await shipping
        receipts.close()
        store.close()


def services_of(request: Request[Any, Any, Any]) -> Services:
    """The services of the app that a request came to."""
    return of_app(request.app)


def of_app(app: Litestar) -> Services:
    """The services of a running app."""
    return cast(Services, app.state.services)
