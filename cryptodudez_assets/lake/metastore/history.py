"""What each name in the raw zone held, one version after the other: whether bytes that are known land again.

Bytes under merely another name add nothing. Bytes that are there again after another version of the same name do: they are
what the name says now. The new entry is then the one that is read, the earlier one of these bytes becomes a duplicate.
"""

from collections.abc import Collection, Sequence

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in, frame_of
from cryptodudez_assets.lake.metastore.standing import LANDING, NAME, NEEDED, named
from cryptodudez_assets.sources.declaration import Source

NOT_HOLDING = [Status.UNREADABLE, Status.IGNORED, Status.DUPLICATE]


class History:
    """The names of a source, and who holds which bytes: as catalogued, and as new entries are added in their order."""

    def __init__(self, lake: Lake, source: Source, new: Sequence[Entry], known: Collection[str]) -> None:
        self.superseded: list[Entry] = []
        """Catalogued entries that were still to be read, and are not any more."""
        self._names: dict[str, str] = {}
        self._last: dict[str, str] = {}
        self._holders: dict[str, Entry] = {}
        self._fresh: set[str] = set()
        file_ids = [entry.file_id for entry in new if entry.file_id]
        if not known and len(set(file_ids)) == len(file_ids):
            return  # nothing that is known: the usual case, and there may be very many names
        fresh = frame_of(new).select(NEEDED)
        catalogued = file_entries.files_of(lake.tables, source.name).filter(pl.col("file_id").is_not_null())
        before = catalogued.select(NEEDED).collect().join(fresh, on="entry_id", how="anti")
        names = named(lake, source, pl.concat([before, fresh]))
        self._names = dict(names.select("entry_id", NAME).iter_rows())
        past = names.join(before, on="entry_id", how="semi").sort(*LANDING, "uri")
        self._last = dict(past.select(NAME, "file_id").iter_rows())
        holding = catalogued.filter(pl.col("file_id").is_in(list(known)), ~pl.col("status").is_in(NOT_HOLDING))
        self._holders = {str(entry.file_id): entry for entry in entries_in(holding.collect())}

    def lands_again(self, entry: Entry) -> bool:
        """Whether these bytes, which are known, are there after another version of the same name."""
        last = self._last.get(self._names[entry.entry_id])
        return last is not None and last != entry.file_id

    def supersede(self, entry: Entry) -> None:
        """Let this entry take the place of the one that holds its bytes."""
        holder = self._holders[str(entry.file_id)]
        entry.batch_id = holder.batch_id  # what that batch wrote of these bytes is replaced
        if holder.status != Status.PENDING:
            return  # a batch of its own turns it into a duplicate, once this one is read
        holder.status = Status.DUPLICATE
        holder.reason = landed_again(entry)
        if holder.entry_id not in self._fresh:
            self.superseded.append(holder)

    def add(self, entry: Entry) -> None:
        """Take in a new entry, behind those before it."""
        self._fresh.add(entry.entry_id)
        file_id = entry.file_id
        if file_id and entry.entry_id in self._names:
            self._last[self._names[entry.entry_id]] = file_id
        if file_id and entry.status not in NOT_HOLDING:
            self._holders[file_id] = entry


def landed_again(entry: Entry) -> str:
    """Why an earlier entry of the same bytes is a duplicate."""
    return f"the same bytes landed again later: {entry.uri}" + (f"!{entry.member}" if entry.member else "")
