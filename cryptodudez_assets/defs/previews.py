"""Of which tables a run may show rows. It remembers what it shows, and text of a post that is to be removed would stay there."""

from collections.abc import Collection

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.x_posts import posts_in
from cryptodudez_assets.derived import all_derived, topological
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.sources.declaration import Source


def shows(table: Derived, sources: Collection[Source]) -> bool:
    """Whether rows of a derived table may be shown: not where it is made of posts, and has their text, names or ids."""
    of_posts = [source for source in sources if posts_in(source.contract)]
    if table.table not in _made_of(of_posts):
        return True
    ids = {name for source in of_posts for name in posts_in(source.contract)}
    return not any(name in ids or dtype == pl.String for name, dtype in polars_schema(table.contract).items())


def _made_of(sources: Collection[Source]) -> set[str | None]:
    """The tables of these sources, and those that are computed of them, at whatever distance."""
    found = {name for source in sources for name in (source.table, source.observations)}
    for table in topological(all_derived().values()):
        if any(one.table in found for one in table.inputs):
            found |= {stored.name for stored in table.stored}
    return found
