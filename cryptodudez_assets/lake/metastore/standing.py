"""Which of two files tells the newer observation, as their source declares it; and which files are versions of one name.

An order over files that does not change as more of them land: so a table comes out the same in whatever batches they are
read. What is done with it is in `merge.py`.
"""

import re
from collections.abc import Collection, Iterable

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import Entry, frame_of
from cryptodudez_assets.sources.declaration import BY_LANDING, Source

NAME = " name"  # no column's name begins with a blank
# Folders that `land` puts before a name: the day, and where the name was taken a hash (and a number where that was, too).
LANDED_IN = r"^\d{4}-\d\d-\d\d/(?:[0-9a-f]{16}(?:-\d+)?/)?"
# What `replay --edited` puts before it: a corrected copy is a version of the file that it corrects.
CORRECTS = r"^corrected/([0-9a-f]{16})/"
LANDING = ["discovered_at", "modified_at"]
NEEDED = ["entry_id", "file_id", "uri", "member", "status", "as_of", *LANDING]


def standing(lake: Lake, source: Source, file_ids: Collection[str], read_now: Iterable[Entry] = ()) -> pl.DataFrame:
    """A row for each of these files, `file_id` first; by the further columns, from left to right, they are sorted by age.

    `read_now`: entries of the batch under way, with `as_of` as it was found; they count rather than what is catalogued.
    """
    now = frame_of(read_now).select(NEEDED)
    known = file_entries.files_of(lake.tables, source.name).filter(pl.col("file_id").is_not_null())
    by_landing = source.newest_by is BY_LANDING
    if by_landing:  # other versions of a name need not be looked at
        known = known.filter(pl.col("file_id").is_in(list(file_ids)))
    before = known.select(NEEDED).collect().join(now, on="entry_id", how="anti")
    theirs = pl.concat([now, in_table(before).join(now, on="file_id", how="anti")])
    theirs = theirs.filter(pl.col("file_id").is_in(list(file_ids)))
    if by_landing:
        return theirs.select("file_id", *(pl.col(name).alias(f" {name}") for name in [*LANDING, "uri", "member"]))
    names = named(lake, source, pl.concat([before, now]))
    first = names.sort(*LANDING, "uri", "member").group_by(NAME, maintain_order=True).agg(pl.col("file_id").first())
    told = theirs.join(names.select("entry_id", NAME), on="entry_id").join(
        first.rename({"file_id": " first"}), on=NAME, how="left"
    )
    return told.select(
        "file_id", pl.col("as_of").alias(" as_of"), " first", *(pl.col(n).alias(f" {n}") for n in LANDING)
    )


def in_table(entries: pl.DataFrame) -> pl.DataFrame:
    """Of each file the entry of which rows are in the table: what is to be read (again) counts from then on."""
    never = [Status.UNREADABLE, Status.IGNORED, Status.DUPLICATE]
    read = entries.filter(~pl.col("status").is_in(never)).sort(pl.col("status") == Status.LOADED, maintain_order=True)
    return read.unique("file_id", keep="last", maintain_order=True)


def landed_name(lake: Lake, key: str, source: str) -> str:
    """The name under which an object landed, whatever day that was and however often."""
    return re.sub(LANDED_IN, "", key.removeprefix(f"{lake.raw_folder(source)}/"))


def corrected_by(lake: Lake, source: Source, entry: Entry) -> pl.DataFrame | None:
    """What a corrected copy corrects, as the catalogue has it; None for any other file."""
    found = re.match(CORRECTS, landed_name(lake, lake.store.key(entry.uri), source.name))
    return file_entries.files_of(lake.tables, source.name).filter(file_id=found[1]).collect() if found else None


def named(lake: Lake, source: Source, entries: pl.DataFrame) -> pl.DataFrame:
    """The entries with the `NAME` that all versions of a file share: without what landing and correcting put before it."""
    folder = lake.store.uri(f"{lake.raw_folder(source.name)}/")
    own = pl.col("uri").str.strip_prefix(folder).str.replace(LANDED_IN, "")
    entries = entries.with_columns(pl.concat_str(own, "member", separator="!", ignore_nulls=True).alias(NAME))
    corrections = entries[NAME].str.contains(CORRECTS)
    if not corrections.any():
        return entries
    names: dict[str, str] = {}
    for entry_id, file_id, name in entries.sort(*LANDING).select("entry_id", "file_id", NAME).iter_rows():
        names[entry_id] = name
        names.setdefault(file_id, name)

    def original(name: str) -> str:
        seen = {name}
        while (found := re.match(CORRECTS, name)) and (other := names.get(found[1], name)) not in seen:
            seen.add(name := other)
        return name

    return entries.with_columns(pl.col(NAME).replace({n: original(n) for n in entries.filter(corrections)[NAME]}))
