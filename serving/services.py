"""What the routes of one app share: opened when it starts, closed when it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from litestar import Litestar, Request
from litestar.exceptions import NotFoundException

from cryptodudez_assets.feature_store.online import OnlineStore, open_online_store
from cryptodudez_assets.models.eth_signal.options import SIGNAL
from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.volume.options import VOLUME
from cryptodudez_assets.settings import Settings
from serving.metrics import Metrics
from serving.model_slot import ModelSlot
from serving.receipt_writer import ReceiptWriter
from serving.signal_service import SignalService

MODELS = (SIGNAL, VOLUME)


@dataclass
class Services:
    """Parts of a running app. `draining` is set when it is about to stop."""

    slots: dict[str, ModelSlot]
    store: OnlineStore
    recorder: ReceiptWriter
    desk: SignalService
    metrics: Metrics
    draining: bool = False

    def slot(self, name: str) -> ModelSlot:
        """That of a model by its name; raises what is answered where there is none."""
        if name not in self.slots:
            raise NotFoundException(f"there is no model of this name; there are: {', '.join(self.slots)}")
        return self.slots[name]


@asynccontextmanager
async def open_services(settings: Settings, metrics: Metrics) -> AsyncIterator[Services]:
    """Load the champions, and keep watch for the next; leaving writes the receipts that wait."""
    slots = {name: ModelSlot(Registry(settings.models, name), metrics) for name in MODELS}
    store, receipts = open_online_store(settings.online), Receipts(settings.receipts)
    recorder = ReceiptWriter(receipts)
    desk = SignalService(slots[SIGNAL], store, receipts)
    for slot in slots.values():
        await asyncio.to_thread(slot.refresh)
    watching = [asyncio.create_task(slot.watch()) for slot in slots.values()]
    writing = asyncio.create_task(recorder.run())
    try:
        yield Services(slots, store, recorder, desk, metrics)
    finally:
        for task in watching:
            task.cancel()
        recorder.close()
        await writing
        receipts.close()
        store.close()


def services_of(request: Request[Any, Any, Any]) -> Services:
    """The services of the app that a request came to."""
    return of_app(request.app)


def of_app(app: Litestar) -> Services:
    """The services of a running app."""
    return cast(Services, app.state.services)
