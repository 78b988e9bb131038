"""The steps of an erasure, from raw files to the search at the end. Why in this order is in `erase.py`."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from cryptodudez_assets.contracts.base import Contract, places_of
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep.materialize import NoRows, materialize, table_specs
from cryptodudez_assets.erasing.columns import in_columns
from cryptodudez_assets.erasing.files import erase_from_files
from cryptodudez_assets.erasing.journal import (
    BACKUPS,
    COPY,
    DERIVED,
    EXPORT,
    HISTORY,
    ONLINE,
    RAW,
    TABLE,
    VERSION,
    WHOLE,
    Done,
    Journal,
)
from cryptodudez_assets.erasing.old_versions import OldVersions
from cryptodudez_assets.erasing.places import among, everything, holds_rows, names_of_everything
from cryptodudez_assets.erasing.receipt import Receipt
from cryptodudez_assets.erasing.scan import Needle, scan_files, times_in
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.erasing import registry
from cryptodudez_assets.lake.erasing.copies import erase_from_copies
from cryptodudez_assets.lake.erasing.history import forget_past
from cryptodudez_assets.lake.erasing.identity import ERASED, PSEUDONYM_LENGTH, Mode, Names, is_distinctive, is_telling
from cryptodudez_assets.lake.erasing.raw import erase_from_objects
from cryptodudez_assets.lake.erasing.removed import take_out
from cryptodudez_assets.lake.erasing.rows import Holding, erase_from_rows, holding_of, keys_of
from cryptodudez_assets.lake.erasing.set_aside import texts_without
from cryptodudez_assets.lake.erasing.twins import leave_one_of_twins
from cryptodudez_assets.lake.iceberg.catalog_database import back_up, backups
from cryptodudez_assets.lake.iceberg.homes import HomeRefused
from cryptodudez_assets.lake.ingest.claims import others
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries, inventory
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.store.locks import FOREVER, SOURCES, WRITING, exclusive
from cryptodudez_assets.lake.store.places import key_within
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.sources.declaration import Source

Say = Callable[[str], None]
SAID: dict[str, type[Contract]] = {
    spec.name: spec.contract
    for spec in (
        file_entries.FILES,
        file_entries.SCHEMAS,
        inventory.TABLES,
        quarantine.ROWS,
        quarantine.FILES,
        registry.ERASURES,
    )
}
"""Tables of what was found and said about data."""
TOO_SHORT = (
    "it is so short, or such a word, that in other text it may mean something else: it went from the columns that are tagged with its "
    "kind and from raw files as far as they feed these, and nothing else was looked at"
)

WAY_OUT = (
    "in the name of the file or of a member of an archive, or in a form in which nothing is changed here. Have it without that (a raw file "
    "landed under another name), remove this one, and call this again"
)
VERSIONS = (
    "where the bucket keeps old versions of objects, these still hold what was there: have them removed "
    "(a rule of its life cycle for versions that are not current)"
)


class RunUnderWay(Exception):
    """A run is at work, which may have read what is to go; the message says which."""


@dataclass
class Work:
    """One erasure: what is done in which order. Each step looks for what is still there."""

    lake: Lake
    names: Names
    sources: Sequence[Source]
    derived: Sequence[Derived]
    say: Say
    left: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pseudonyms = sorted(self.names.instead.values())
        together = hashlib.sha256("".join(self.pseudonyms).encode()).hexdigest()[:PSEUDONYM_LENGTH]
        self.name = self.pseudonyms[0] if len(self.pseudonyms) == 1 else f"{ERASED}{together}"
        """What this erasure is called: its pseudonym, or one for all of them."""
        keys = {old: new for source in self.sources for old, new in keys_of(source, self.names).items()}
        self.words = replace(self.names, instead={**self.names.instead, **keys})
        """The identity, and as text the keys that were made of it: what may stand in messages, logs and other databases."""
        self.buckets = OldVersions(self.lake.settings)
        self.journal = Journal(self.lake.settings.home, self.name, self.words)

    def do(self) -> Receipt:
        """All of it. Raises `HomeRefused` while the lake is copied elsewhere."""
        self.insist_on_one_lake()
        self.settle_batches()
        for source in self._folders():
            with ExitStack() as held:
                for name in self._sharing(source):
                    held.enter_context(exclusive(self.lake.settings, f"{SOURCES}{name}", FOREVER))
                self.raw_files(source)
                self.tables_of(self._sharing(source))
        self.note(COPY, erase_from_copies(self.lake, self.names, self._refused))
        self.said()
        self.computed()
        self.others()
        self.pasts()
        for place, kind, n in erase_from_files(self.lake, self.words, self._refused):
            self._done(Done(kind, place, n))
        self.old_versions()
        return self.finish()

    def insist_on_one_lake(self) -> None:
        """What is erased here may have been copied already, into a bucket that keeps old versions."""
        for journal in (self.lake.settings.home / "moves").glob("*.jsonl"):
            raise HomeRefused(
                "the lake is being copied elsewhere, and what is erased here may be there already: let `cryptodudez migrate` end, and "
                f"erase there; or remove what was copied, with its old versions, and then {journal}"
            )

    def settle_batches(self) -> None:
        """What somebody died over is brought to its end first: it notes what the catalogue calls its files."""
        for source in self.lake.sources.values():
            entries = file_entries.open_entries(self.lake.tables, source.name)
            if (entries["status"] == "claimed").any():
                self.say(f"{source.name}: an ingest that was interrupted is brought to its end")
                ingest(self.lake, source)
                if left := list(others(self.lake, source)):
                    raise RunUnderWay(f"{left[0]}: wait for its end, or end it")

    def _folders(self) -> list[str]:
        """A source for each folder of the raw zone; those that have identities of this kind first."""
        own = [source.name for source in self.sources]
        known = dict.fromkeys([*own, *self.lake.sources, *self.lake.store.folders("raw")])
        by_folder = {self.lake.raw_folder(name): name for name in reversed(known)}
        return [name for name in known if name in by_folder.values()]

    def _sharing(self, source: str) -> list[str]:
        folder = self.lake.raw_folder(source)
        return sorted({source, *(name for name in self.lake.sources if self.lake.raw_folder(name) == folder)})

    def raw_files(self, source: str) -> None:
        """The raw files in a source's folder."""
        self.say(f"raw files of {source}")
        taking_out = partial(take_out, self.lake)
        self.note(RAW, erase_from_objects(self.lake, source, self.names, taking_out, self._refused))

    def note(self, what: str, notes: Iterable) -> None:  # type: ignore[type-arg]
        """Write down what became of objects."""
        for one in notes:
            self._done(Done(what, self.lake.store.uri(one.key), one.places, one.before, one.after.sha256))

    def tables_of(self, names: Iterable[str]) -> None:
        """The tables of sources."""
        for name in names:
            source = self.lake.sources.get(name)
            for table in filter(None, (source.table, source.observations) if source else ()):
                self._rows(table, holding_of(source, self.names) if source else Holding())
            if source:
                leave_one_of_twins(self.lake, source, holding_of(source, self.names), self.names)

    def _rows(self, table: str, holding: Holding, names: Names | None = None) -> None:
        try:
            n = erase_from_rows(
                self.lake.tables, table, holding, names or self.names, lambda: self._done(Done(TABLE, table))
            )
        except Exception as error:
            self.left.append((table, f"its rows could not be changed: {error}"))
            return
        if n:
            self._done(Done(TABLE, table, n))

    def said(self) -> None:
        """What was set aside, and what is said of files."""
        for name, contract in SAID.items():
            left = frozenset([*places_of(contract), "member", "pseudonym", "shape"])
            by_column = name == quarantine.ROWS.name and self.names.mode is Mode.PSEUDONYMISE
            raw = partial(texts_without, self.lake) if by_column else None
            self._rows(name, Holding(is_said=True, left=left, raw=raw), self.words)

    def computed(self) -> None:
        """Tables that are computed of those that told of it follow, the rows that a change reaches, as always."""
        for table in self._concerned():
            if not self._is_there(table):
                continue
            self.say(f"{table.table} follows")
            try:
                made = materialize(self.lake, table)
            except NoRows:
                continue
            except Exception as error:
                self.left.append((table.table, f"it could not be brought up to date: {error}"))
                continue
            if made.rows or made.reach is not None:
                self._done(Done(DERIVED, table.table, made.rows))

    def _is_there(self, table: Derived) -> bool:
        return any(self.lake.tables.table(spec.name) is not None for spec in table_specs(table))

    def _concerned(self) -> Iterator[Derived]:
        """Tables that are computed of those of these sources, in their order."""
        return self._made_of({name for source in self.sources for name in (source.table, source.observations) if name})

    def _made_of(self, known: set[str]) -> Iterator[Derived]:
        for table in self.derived:
            if known & {one.table for one in table.inputs}:
                known |= {spec.name for spec in table_specs(table)}
                yield table

    def others(self) -> None:
        """All other tables, and what is made of those that are computed."""
        own = {name for source in self.lake.sources.values() for name in (source.table, source.observations)}
        for name in self.lake.tables.names():
            if name not in own and name not in SAID:
                self._rows(name, Holding())
        if not self._was_found():
            return
        tables = {spec.name for one in self._concerned() for spec in table_specs(one)}
        tables |= {source.table for source in self.sources}
        for export in exports_of(self.lake.sources.values(), self.derived):
            if export.table in tables and export.is_there(self.lake):
                export.write(self.lake)
                self._done(Done(EXPORT, export.place(self.lake)))
        views = [one for one in self._concerned() if isinstance(one, FeatureView)]
        if views:
            store = open_online_store(self.lake.settings.online)
            try:
                for view in views:
                    store.drop(view.name)
                    self._done(Done(ONLINE, f"online.{view.name}"))
            finally:
                store.close()

    def pasts(self) -> None:
        """Old snapshots, tags and orphans of every table that told of it."""
        changed = self._changed()
        forgotten = False
        for name in self.lake.tables.names():
            if name not in changed and not self._is_in_files_of(name):
                continue
            with ExitStack() as held:
                for lock in self._writers_of(name):
                    held.enter_context(exclusive(self.lake.settings, lock, FOREVER))
                n = forget_past(self.lake, name, self.names)
            self._done(Done(HISTORY, name, n))
            forgotten = True
        # They name metadata that are gone.
        if forgotten and (old := backups(self.lake.settings)):
            for path in old:
                path.unlink()
            back_up(self.lake.settings, now())
            self._done(Done(BACKUPS, str(old[0].parent), len(old)))

    def _was_found(self) -> bool:
        return any(one.what in (RAW, TABLE) for one in self.journal.since_whole())

    def _changed(self) -> set[str]:
        """Tables of which rows were changed, in this try or an earlier one, and what is computed of them."""
        changed = {one.place for one in self.journal.since_whole() if one.what in (TABLE, DERIVED)}
        own = {name for source in self.sources for name in (source.table, source.observations) if name}
        if changed & own or any(one.what == RAW for one in self.journal.since_whole()):
            changed |= own
            changed |= {spec.name for one in self._concerned() for spec in table_specs(one)}
        return changed

    def _writers_of(self, name: str) -> list[str]:
        """The locks of those who write files of a table before they commit."""
        owners = (one for one in self.lake.sources.values() if name in (one.table, one.observations))
        return [*(f"{SOURCES}{one.name}" for one in owners), f"{WRITING}{name}"]

    def _is_in_files_of(self, name: str) -> bool:
        if self.names.mode is Mode.REMOVE:
            return False
        needle = Needle(*filter(is_telling, self.words.instead), others=self.names.others, in_data=True)
        here = list(self.lake.store.list(key_within(self.lake.tables.location(name), self.lake.settings.lake)))
        is_there = among(self.lake.store.uri(found.key) for found in here)
        for found in here:
            if found.oddity:
                continue
            with self.lake.store.open(found.key) as content:
                if times_in(content, needle, is_there):
                    return True
        return False

    def old_versions(self) -> None:
        """What buckets keep of objects as they were."""
        told = self.words.instead if self.names.mode is Mode.PSEUDONYMISE else ()
        needle = Needle(*filter(is_telling, told), others=self.names.others, in_data=True)
        rewritten = {one.place for one in self.journal.since_whole() if one.what in (RAW, COPY)}
        removed = Counter(one.place for one in self.buckets.remove(needle, rewritten))
        for place, n in sorted(removed.items()):
            self._done(Done(VERSION, place, n))

    def finish(self) -> Receipt:
        """Look at everything, and write the receipt."""
        self.say("looking at everything")
        scanned = scan_files(
            chain(everything(self.lake), self.buckets.everything()),
            *filter(is_telling, self.words.instead),
            others=self.names.others,
            is_data=partial(holds_rows, self.lake.settings),
            is_there=among(names_of_everything(self.lake)),
        )
        told = [one for one in scanned.found if one.problem or self.names.mode is Mode.PSEUDONYMISE]
        self.left += [(one.place, one.problem or f"it is still there, {one.times} times: {WAY_OUT}") for one in told]
        if not all(map(is_distinctive, self.names.instead)):
            self.left += in_columns(self.lake, self.names, self.sources, self.derived)
        said = [] if all(map(is_telling, self.names.instead)) else [TOO_SHORT]
        said += [f"{one}. {VERSIONS}" for one in self.buckets.unknown] + self.buckets.kept_until(now())
        if self.lake.settings.notifications.startswith("postgres"):
            said.append("the outbox of notifications is in PostgreSQL, and was not searched")
        if mentioned := [one.place for one in scanned.found if one not in told]:
            said.append(f"what refers to it stays, in {len(mentioned):,} files, the first of which is {mentioned[0]}")
        left = [
            (self.words.telling.out_of_text(place), self.words.telling.out_of_text(why)) for place, why in self.left
        ]
        done = [one for one in self.journal.places()]
        receipt = Receipt.of(self.name, self.names.kind, self.names.mode, now(), done, left, said, scanned)
        self.journal.path.with_suffix(".json").write_text(receipt.as_json, "utf-8")
        if receipt.is_whole:
            registry.finish(self.lake.tables, self.pseudonyms, len(done), receipt.as_json, receipt.done_at)
            self._agree_with_registry()
            self.journal.note(Done(WHOLE, self.name))
        return receipt

    def _agree_with_registry(self) -> None:
        """What reads who was erased is computed of what is noted of it now, so that it is not behind."""
        tables = [table for table in self._made_of({registry.ERASURES.name}) if self._is_there(table)]
        for table in tables:
            with suppress(NoRows):
                materialize(self.lake, table)
        for export in exports_of([], tables):
            if export.is_there(self.lake):
                export.write(self.lake)

    def _done(self, done: Done) -> None:
        told = self.journal.note(done)
        self.say(f"{told.what} {told.place}" + (f": {told.count:,}" if told.count is not None else ""))

    def _refused(self, place: str, why: str) -> None:
        self.left.append((place, why))
