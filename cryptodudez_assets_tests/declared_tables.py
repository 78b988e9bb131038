"""Every derived table there is, the project's own and the toys: what the generated tests of the kind are run over."""

from collections.abc import Iterator
from contextlib import contextmanager

from cryptodudez_assets import derived
from cryptodudez_assets.declarations import Declarations
from cryptodudez_assets.derived.declaration import Derived

TOYS = "cryptodudez_assets_tests.toy_derived"


@contextmanager
def toys_declared() -> Iterator[None]:
    """The toys' folder is one of those in which tables are declared."""
    derived.PACKAGES.append(TOYS)
    derived.all_derived.cache_clear()
    try:
        yield
    finally:
        derived.PACKAGES.remove(TOYS)
        derived.all_derived.cache_clear()


def found() -> Declarations[Derived]:
    """What is declared, the toys among it."""
    with toys_declared():
        return derived.look()


FOUND = found()
TABLES = {one.value.table: one.value for one in FOUND.taken}
TOY_TABLES = {name: table for name, table in TABLES.items() if name.startswith("toys.")}
