"""Bring a lake with its catalog to another place, such as a bucket and PostgreSQL, in steps that can all be done again.

Most is copied while the lake may still be written to. Then a note in it says that it is leaving (`store/moved.py`): from there on nobody
writes to it, and the last difference is copied, metadata are written, and all tables are compared. One transaction gives the tables their
names in the catalog there. A note in the new lake says whose it is, and that it is not whole yet, until then. Whoever is killed anywhere
leaves a lake that is whole, the old one or the new one, and the same call goes on.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from uuid import uuid4

import polars as pl

from cryptodudez_assets.lake.iceberg import catalog_database, homes
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.moving.comparing import Compared
from cryptodudez_assets.lake.moving.copying import Copier, Journal
from cryptodudez_assets.lake.moving.inventory import UNFINISHED, Inventory, inventory_of
from cryptodudez_assets.lake.moving.place import catalog_of, claim, insist_on_two_places, note_of, write_note
from cryptodudez_assets.lake.moving.tables import Arriving, ExpectedSums, Incomplete, mapping
from cryptodudez_assets.lake.store.beside_lake import FOLDERS
from cryptodudez_assets.lake.store.locks import BATCHES, RUNS, alive, sign_of_life
from cryptodudez_assets.lake.store.moved import KEY, LOOK_SECONDS, Move, State
from cryptodudez_assets.lake.store.objects import open_store_that_moves
from cryptodudez_assets.lake.store.places import same
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.lake.upkeep.moving import at_rest, name_new_places
from cryptodudez_assets.lake.upkeep.same_bytes import Generations
from cryptodudez_assets.settings import Settings

LOOKS = 5
"""So often what changed meanwhile is looked for, while nobody may write."""


@dataclass(frozen=True)
class Listeners:
    """Who hears of the progress: what is about to be copied, bytes that arrived (from any thread), and each step that was done."""

    plan: Callable[[Inventory, int], None] = lambda _inventory, _left: None
    on_bytes: Callable[[int], None] = lambda _: None
    step: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Migrated:
    """What was brought, and what to set now."""

    move: Move
    inventory: Inventory
    tables: list[Compared] = field(default_factory=list)
    was_done: bool = False


class Migration:
    """One lake on its way from `source` to `target`. `signs`: names of locks, or how they begin, of whoever works in a lake for long;
    `locks`: names of those that are held by whoever changes what `carry` brings.

    `begin` is called while the lake may still be written to, `carry` brings what is neither an object nor a table once nobody writes any
    more; both may be called more than once.
    """

    def __init__(
        self,
        source: Settings,
        target: Settings,
        sources: Collection[str],
        signs: Sequence[str] = (),
        locks: Sequence[str] = (),
        begin: Callable[[], None] = lambda: None,
        carry: Callable[[], None] = lambda: None,
        listeners: Listeners | None = None,
    ) -> None:
        self._source, self._target = homes.own(source), target
        self._sources, self._locks, self._begins, self._carry = sources, locks, begin, carry
        self._signs = (*signs, RUNS, BATCHES)
        self._tell = listeners or Listeners()
        self._old, self._new = (open_store_that_moves(one) for one in (self._source, target))

    def carry_out(self) -> Migrated:
        """All of it, or what is left of it. Raises `HomeRefused`, and `HomeMoved` where the lake went to another place."""
        insist_on_two_places(self._source, self._target)
        with sign_of_life(self._source, "migrating") as is_alone:
            if not is_alone:
                raise HomeRefused(f"another process moves {self._source.lake} already: let it end")
            sealed = self._sealed()
            if sealed and sealed.state == "left":
                return Migrated(sealed, Inventory([], []), was_done=True)
            self._insist_on_rest()
            id_, is_whole = self._begin(sealed)
            if sealed and is_whole:
                self._end(sealed)
                return Migrated(sealed, Inventory([], []), was_done=True)
            journal = Journal(self._source.home / "moves" / f"{id_}.jsonl")
            try:
                done = self._brought(id_, sealed, journal)
            finally:
                journal.close()
            self._end(done.move)
            journal.remove()
            return done

    def _brought(self, id_: str, sealed: Move | None, journal: Journal) -> Migrated:
        if not sealed:
            self._begins()
            self._copy(journal, self._inventory())
        with self._closed(id_, sealed) as note:
            for _ in range(LOOKS):
                if (done := self._difference(note, journal)) is not None:
                    return done
        raise HomeRefused(
            f"files in {self._source.lake} change again and again, from outside: stop what writes them, and migrate again"
        )

    # Before anything is copied.

    def _sealed(self) -> Move | None:
        """What the lake says of its move, if it is this one."""
        note = note_of(self._old)
        if note is None or note.state == "whole":
            return None
        if note != self._goal(note.id, note.state):
            note.insist_on_staying(self._source.lake)
        return note

    def _insist_on_rest(self) -> None:
        for sign in self._signs:
            for name in alive(self._source, sign):
                raise HomeRefused(
                    f"something is at work in {self._source.home} ({name}): stop it, then run the same command again"
                )

    def _begin(self, sealed: Move | None) -> tuple[str, bool]:
        """Make the other place ours, or find that it is: the move's id, and whether all is there."""
        mark = self._mark(sealed.id if sealed else uuid4().hex, "arriving")
        mine = claim(self._new, self._target, mark)
        states = ("arriving", "whole") if sealed else ("arriving",)
        if mine.state not in states or mine != self._mark(sealed.id if sealed else mine.id, mine.state):
            raise HomeRefused(
                f"{self._target.lake} holds another lake, which came from {mine.place}: name a place where nothing is"
            )
        self._tell.step("begun")
        return mine.id, mine.state == "whole"

    def _mark(self, id_: str, state: State) -> Move:
        """What the other place says."""
        return Move(id_, state, self._source.lake, self._source.raw, catalog_of(self._source))

    def _goal(self, id_: str, state: State) -> Move:
        """What the lake says that leaves."""
        return Move(id_, state, self._target.lake, self._target.raw, catalog_of(self._target))

    # Copying.

    def _inventory(self) -> Inventory:
        named = catalog_database.named(self._source)
        return inventory_of(self._old, self._source.lake, named.pointers if named else [])

    def _copy(self, journal: Journal, inventory: Inventory) -> bool:
        """Copy what is not there yet; whether all of it is there now."""
        expected = ExpectedSums(self._source, list(inventory.tables))
        copier = Copier((self._old, self._new), journal, expected.of, self._tell.on_bytes)
        left = list(copier.left(inventory.objects, self._there(inventory)))
        self._tell.plan(inventory, sum(one.size for one in left))
        arrived = 0
        for key in copier.bring(left):
            arrived += 1
            self._tell.step(f"copied {key}")
        return arrived == len(left)

    def _there(self, inventory: Inventory) -> dict[str, StoredObject]:
        """What lies in the other place of these rooms."""
        rooms = {one.key.partition("/")[0] for one in inventory.objects}
        return {one.key: one for room in sorted(rooms) for one in self._new.list(room) if not one.oddity}

    @contextmanager
    def _closed(self, id_: str, sealed: Move | None) -> Iterator[Move]:
        """From here on nobody writes to the lake: it says so, whoever looked before has ended, and every lock is ours. Yields what it says.

        Where somebody is at work, or a file is missing that a table names, it is opened again.
        """
        before, note = note_of(self._old), sealed or self._goal(id_, "leaving")
        if not sealed:
            write_note(self._old, note)
            self._tell.step("sealed")
        if not self._source.lake_is_local:
            time.sleep(
                LOOK_SECONDS
            )  # whoever looked before goes by what it saw: also where we were killed since, and begin again here
        try:
            with ExitStack() as held:
                try:
                    self._insist_on_rest()
                    held.enter_context(at_rest(self._source, self._sources, self._locks))
                except HomeRefused:
                    if not sealed:
                        self._open_again(before)
                    raise
                yield note
        except Incomplete:
            self._open_again(None if sealed else before)
            raise

    def _open_again(self, before: Move | None) -> None:
        if before:
            write_note(self._old, before)
        else:
            self._old.delete(KEY)

    def _difference(self, sealed: Move, journal: Journal) -> Migrated | None:
        """Copy what changed, write the metadata, compare; None where more changed meanwhile."""
        inventory = self._inventory()
        if not self._copy(journal, inventory):
            return None
        self._let_go(journal, inventory)
        self._carry()
        self._tell.step("carried")
        there = self._there(inventory)
        arriving = Arriving(self._source, self._target, ExpectedSums(self._source, list(inventory.tables)))
        pointers = []
        for one in inventory.tables:
            pointers.append(arriving.write(one, there))
            self._tell.step(f"wrote the metadata of {one.name}")
        catalog_database.stage(self._target, pointers)
        self._tell.step("staged")
        generations = partial(_generations, self._generations(inventory, there))
        changed = name_new_places(mapping(self._source, self._target), self._target, generations, self._tell.step)
        compared = []
        for told in arriving.compare(list(inventory.tables), changed):
            if told.differing:
                raise HomeRefused(
                    f"{told.table} does not say the same in {self._target.lake}: {', '.join(told.differing[:3])}. Nothing was switched; "
                    "run the same command again, and if it says so again, `cryptodudez verify`"
                )
            compared.append(told)
            self._tell.step(f"compared {told.table}")
        if _changed(inventory, self._inventory()):
            return None
        catalog_database.switch(self._target)
        self._tell.step("switched")
        return Migrated(sealed, inventory, compared)

    def _let_go(self, journal: Journal, inventory: Inventory) -> None:
        """Remove what was copied and is not there any more, and what whoever died left half written. All else stays."""
        half_written = [key for key in self._there(inventory) if UNFINISHED.search(key)]
        for key in (*half_written, *sorted(set(journal.by_key) - {one.key for one in inventory.objects})):
            self._new.delete(key)

    def _generations(self, inventory: Inventory, there: dict[str, StoredObject]) -> pl.DataFrame:
        """Of raw files as they are now the version that the catalogue may know, and the one that they are in the new place."""
        rows = [
            (self._new.uri(one.key), known, there[one.key].generation)
            for one in inventory.objects
            if one.key.startswith("raw/")
            for known in one.generations
        ]
        return pl.DataFrame(
            rows, schema={"uri": pl.String, "generation": pl.String, "_now": pl.String}, orient="row"
        ).unique()

    # The end.

    def _end(self, move: Move) -> None:
        """Say in both places that it is done."""
        write_note(self._new, self._mark(move.id, "whole"))
        self._tell.step("whole")
        for name in FOLDERS:
            _unlink(self._source, name)
        write_note(self._old, replace(move, state="left"))
        self._tell.step("left")


def _generations(known: pl.DataFrame, _files: pl.LazyFrame) -> Generations:
    return Generations(known)


def _changed(before: Inventory, after: Inventory) -> bool:
    versions = ({(one.key, one.generation) for one in told.objects} for told in (before, after))
    return len(set(map(frozenset, versions))) > 1 or list(before.tables) != list(after.tables)


def _unlink(settings: Settings, name: str) -> None:
    """In the home, a link to a folder of the lake would be taken for that folder of another lake."""
    link = settings.home / name
    if link.is_symlink() and same(str(link), f"{settings.lake}/{name}"):
        link.unlink()
