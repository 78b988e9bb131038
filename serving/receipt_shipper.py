"""Receipts on their way into the lake, behind the answers: every home of the lake can explain what this one served.

That they are on this machine's disk before anybody has an answer is seen to in `receipt_writer.py`.
"""

import asyncio
import logging

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.receipts import Receipts
from cryptodudez_assets.models.shared_receipts import bring
from cryptodudez_assets.settings import Settings

SHIP_SECONDS = 20.0  # within a minute they are to be found; each time with new ones is a commit

log = logging.getLogger(__name__)


class ReceiptShipper:
    """Brings receipts again and again. Where the lake cannot be written to, they wait in the home, and the next try goes on."""

    def __init__(self, settings: Settings, receipts: Receipts) -> None:
        self._settings, self._receipts = settings, receipts
        self._problem = ""
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Bring what an earlier process left at once, then what comes, and at last what came until it was closed."""
        while not self._stopping.is_set():
            await asyncio.to_thread(self.ship)
            try:
                await asyncio.wait_for(self._stopping.wait(), SHIP_SECONDS)
            except TimeoutError:
                continue
        await asyncio.to_thread(self.ship)

    def close(self) -> None:
        """Let `run` end."""
        self._stopping.set()

    def ship(self) -> None:
        """Bring what there is. Opens the lake only if there is something."""
        try:
            if self._receipts.after(self._receipts.brought(self._settings.lake), 1, 1):
                bring(Lake.open(self._settings, {}), self._receipts)
            self._problem = ""
        except Exception as error:  # whatever is wrong with the lake must not end what serves
            if str(error) != self._problem:
                log.error("receipts wait in %s, the lake does not take them: %s", self._settings.receipts, error)
            self._problem = str(error)
