"""Whether the objects of a batch are still what was catalogued: many are asked about together."""

from dataclasses import dataclass, replace
from threading import Barrier
from typing import Any, cast

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.ingest.ingest import _replaced
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.at_once import AT_ONCE
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets_tests.unit.catalogue_test import AT, entry


@dataclass(frozen=True)
class SlowStore:
    """A store that answers nobody before so many ask. Every third object was overwritten."""

    store: Any
    together: Barrier

    def key(self, uri: str) -> str:
        return str(self.store.key(uri))

    def stat(self, key: str) -> StoredObject:
        self.together.wait(timeout=60)
        return StoredObject(key, 1, AT, "2" if int(key[-1]) % 3 == 0 else "1")


def test_objects_are_looked_at_together(lake: Lake) -> None:
    number = 2 * AT_ONCE
    entries = [
        replace(entry(f"{n}", Status.CLAIMED), uri=lake.store.uri(f"raw/x/{n}"), generation="1") for n in range(number)
    ]
    slow = replace(lake, store=cast(Any, SlowStore(lake.store, Barrier(AT_ONCE))))
    assert _replaced(slow, entries) == {f"{n}" for n in range(number) if n % 10 % 3 == 0}
