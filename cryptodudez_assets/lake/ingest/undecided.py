"""Whose fault is it that a file fails: its own, or that of what is declared about its layout?

The first file of a layout that gives rows decides it: what is declared can be used, and a file that fails is set aside. Until
then such a file stays pending, with the reason.
"""

from dataclasses import replace

from cryptodudez_assets.lake.ingest.validating import Reading
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.sources.declaration import Source

UNDECIDED = "cannot be read as declared: "
"""How the reason of a pending file begins that failed."""


def undecided_in(lake: Lake, source: Source, entries: list[Entry], reading: Reading) -> dict[str, str]:
    """Files of a batch that failed while it cannot be told whether they or the declaration are at fault, with the reason.

    Any file of the same layout that gave rows, in this batch or before, tells that the others are at fault: so it depends
    neither on the order of landing nor on what lies in the same batch. How these are mended is added to their reason.
    """
    layouts = {quarantine.identity(entry): str(entry.layout) for entry in entries}
    failed = {file_id: layout for file_id, layout in layouts.items() if reading.counts[file_id].failed}
    read = {layout for file_id, layout in layouts.items() if reading.counts[file_id].gave_rows}
    read |= {layout for layout in set(failed.values()) - read if _was_read(lake, source, layout)}
    undecided = {}
    for file_id, layout in failed.items():
        count = reading.counts[file_id]
        if layout in read:
            mend = f"correct this one, or mend the declaration and run `cryptodudez quarantine replay {source.name}`"
            count.set_aside = f"{count.set_aside}; other files of layout {layout} are read: {mend}"
        else:
            mend = f"mend the declaration of {source.name}, or land a file that is right, and this one is set aside"
            undecided[file_id] = f"{UNDECIDED}{count.set_aside}; no file of layout {layout} was read yet: {mend}"
    return undecided


def _was_read(lake: Lake, source: Source, layout: str) -> bool:
    return file_entries.gave_rows(lake.tables, source.name, layout, source.code_hash)


def judged_anew(entry: Entry) -> Entry:
    """Why it stayed pending before is found out again; what cataloguing found wrong stands."""
    return replace(entry, reason=None) if (entry.reason or "").startswith(UNDECIDED) else entry
