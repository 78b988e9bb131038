"""The external data sets: every module here that holds a `SOURCE` is one. Adding a file adds a source."""

import re
from functools import cache

from cryptodudez_assets.declarations import Declarations, LeftOut, declared_in, folders_of_own, pickled_by_name
from cryptodudez_assets.sources.checking import problem_of
from cryptodudez_assets.sources.declaration import Layout, Lookup, Source

__all__ = ["Layout", "Lookup", "Source", "all_sources", "left_out_sources"]

__path__ += folders_of_own("sources")

SHARES_RAW_WITH = re.compile(r"""shares_raw_with\s*=\s*["'](?P<host>\w+)["']""")


@cache
def all_sources() -> dict[str, Source]:
    """Every declared source by name, in alphabetical order. What cannot be taken is in `left_out_sources`."""
    taken = [one.value for one in _look().taken]
    return {source.name: source for source in sorted(taken, key=lambda source: source.name)}


pickled_by_name(Source, all_sources, lambda source: source.name)


def left_out_sources() -> list[LeftOut]:
    """The files of sources that are left out, each with its reason."""
    return sorted(_look().left_out)


def _look() -> Declarations[Source]:
    found = declared_in(__name__, __path__, "SOURCE", "source", Source)
    found.keep(problem_of)
    found.leave_out_shared(lambda source: [source.name], "the source")
    found.leave_out_shared(lambda source: [source.table, *filter(None, [source.observations])], "the table")
    _leave_out_of_shared_folders(found)
    return found


def _leave_out_of_shared_folders(found: Declarations[Source]) -> None:
    """A folder that a source shares with one that is left out: their files cannot be told apart today, so both wait."""
    there = {one.value.name for one in found.taken}
    hosts = {
        name for path in found.unread for name in SHARES_RAW_WITH.findall(path.read_text("utf-8", errors="replace"))
    }
    for one in list(found.taken):
        if one.value.raw not in there:
            found.leave_out(one, f"it shares the raw folder of {one.value.raw!r}, and there is no such source now")
        elif one.value.raw in hosts:
            found.leave_out(one, f"it shares the folder raw/{one.value.raw} with a source that is left out")
