"""Erase an identity, in this order: what lands is recognised first, then raw files, tables, what is computed of them, their past, and
what is beside the lake; in the end everything is looked at. Each step looks for what is still there, so that the same call, after a
death, goes on.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from cryptodudez_assets.contracts.base import personal_of
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.erasing.receipt import Receipt
from cryptodudez_assets.erasing.work import RunUnderWay, Say, Work
from cryptodudez_assets.features import configured_tables, topological
from cryptodudez_assets.lake.erasing import registry
from cryptodudez_assets.lake.erasing.identity import Identity, Mode, Names
from cryptodudez_assets.lake.erasing.others import others_beside
from cryptodudez_assets.lake.erasing.rows import holding_of
from cryptodudez_assets.lake.iceberg import homes
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.store.locks import RUNS, alive, exclusive
from cryptodudez_assets.settings import Settings

LOOK_SECONDS = 0.5
"""Between two looks at whether a run is over."""


def erase(
    lake: Lake,
    identity: Identity | Sequence[Identity],
    mode: Mode = Mode.PSEUDONYMISE,
    *,
    derived: Sequence[Derived] | None = None,
    say: Say = lambda _: None,
    own_run: str = "",
    patience_seconds: float = 0.0,
) -> Receipt:
    """Erase an identity, or several of one kind at once, from everything that is kept; interrupted, the same call goes on.

    `mode`: whether the rows that tell of it stay, under a pseudonym, or go. `derived`: the tables that are computed, by default all
    that are declared. `own_run`: the id of the run that asks for it, if one does. `patience_seconds`: so long other runs are waited for.
    Raises `registry.NoKey` without the key, `rows.NoPlace` where a pseudonym cannot stand, `RunUnderWay`, and
    LookupError where no source has identities of that kind. What could not be erased is in the receipt's `left`.
    """
    key = registry.erasure_key(lake.settings)
    identities = [identity] if isinstance(identity, Identity) else list(identity)
    if len({one.kind for one in identities}) != 1:
        raise ValueError(f"expected identities of one kind, found {sorted({one.kind for one in identities})}")
    kind = identities[0].kind
    insist_on_sql(lake.settings)
    sources = [one for one in lake.sources.values() if kind in personal_of(one.contract).values()]
    if not sources:
        raise LookupError(f"no source has a column that is tagged with {{'personal': {kind!r}}}")
    names = Names(kind, {one.value: one.pseudonym(key) for one in identities}, mode)
    for source in sources:
        holding_of(source, names)
    with no_run(lake.settings, own_run, patience_seconds, say):
        registry.insist_on_same_key(lake.tables, key)
        registry.begin(lake.tables, identities, mode, key, now())
        tables = configured_tables(lake.settings.rolling_days) if derived is None else derived
        names = replace(names, others=others_beside(lake, sources, names))
        work = Work(lake, names, sources, topological(tables), say)
        return work.do()


def insist_on_sql(settings: Settings) -> None:
    """Refuse a catalog that keeps old versions of tables, whatever they say. Raises HomeRefused."""
    homes.insist_on_sql(settings, "erasing", "have the catalog in PostgreSQL where identities are to be erased")


@contextmanager
def no_run(settings: Settings, own: str, patience_seconds: float, say: Say) -> Iterator[None]:
    """No run but `own` is at work on this machine as long as this lasts: what one has read already, it may still write.

    Those that are at work are waited for; those that begin meanwhile wait for the end of this. Raises `RunUnderWay`.
    """
    until = time.monotonic() + patience_seconds
    said: set[str] = set()
    with exclusive(settings, registry.ERASING):
        while others := [name.removeprefix(RUNS) for name in alive(settings, RUNS) if name != f"{RUNS}{own}"]:
            if time.monotonic() >= until:
                raise RunUnderWay(f"the run {others[0]} is under way: wait for its end, or end it in Dagster's UI")
            if not said.issuperset(others):
                say(f"waiting for the end of the run {others[0]}")
                said.update(others)
            time.sleep(LOOK_SECONDS)
        yield
