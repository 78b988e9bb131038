"""A queue of messages, as far as it is used here: what both clouds have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cryptodudez_assets.lake.bucket_events.decoding import BucketEvent

LEASE_SECONDS = 150
"""So long a message that was handed out is not handed out again: longer than Dagster gives two ticks.

So long a file may wait of which a tick was told that died."""


@dataclass(frozen=True)
class Message:
    """A message as it was handed out. `id`: the same each time. `receipt`: acknowledges it, and is another each time."""

    id: str
    receipt: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class Queue(Protocol):
    """Messages are handed out until they are acknowledged: at least once, in any order. Each method raises EventsUnusable."""

    def pull(self, most: int, wait_seconds: float) -> list[Message]:
        """Up to `most` messages, leased for LEASE_SECONDS; waits so long at most for the first. None are no sign that there are none."""

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """These are done, and not handed out again. A receipt that is too old does nothing, or is refused."""

    def events(self, message: Message) -> list[BucketEvent]:
        """What a message tells. Raises Undecodable."""
