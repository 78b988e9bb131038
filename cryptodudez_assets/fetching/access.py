"""With what a feed's client asks, and which feeds are asked by schedule: what settings say of feeds."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.lake.store.database import open_database
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.venues.pages import Access


def access_of(settings: Settings, feed: Feed, tell: Callable[[str], None] = lambda _: None) -> Access:
    """What the client is handed: of its own settings (`<name>_url`, `<name>_token`, `<name>_dollars_a_month`) those that there are.

    `tell` hears a line of whatever is waited for.
    """
    return Access(
        folder=settings.fetching,
        url=getattr(settings, f"{feed.name}_url", ""),
        token=getattr(settings, f"{feed.name}_token", None),
        open_database=lambda tables, subject: open_database(spending_url(settings), tables, subject),
        dollars_a_month=getattr(settings, f"{feed.name}_dollars_a_month", Access.dollars_a_month),
        tell=tell,
    )


def is_on(settings: Settings, feed: Feed) -> bool:
    """Whether it is asked by schedule."""
    return feed.name in _named(settings)


def spending_url(settings: Settings) -> str:
    """Where what is spent is written down: in the catalog's database server, or else in that of notifications, where one of them is.

    Beside a catalog in a file it is a file of its own: whoever restores an older catalog has not got the money back.
    """
    for server in (settings.catalog, settings.notifications if settings.catalog_is_rest else ""):
        if server.startswith("postgresql"):
            return server
    return f"sqlite:///{quote(str(settings.fetching / 'spending.db'))}"


def feeds_on(settings: Settings, declared: Mapping[str, Feed]) -> list[Feed]:
    """The feeds that the setting names, each once. Raises ValueError where there is no such feed."""
    named = _named(settings)
    if unknown := [one for one in named if one not in declared]:
        there = ", ".join(declared) or "none"
        raise ValueError(f"CRYPTODUDEZ_FEEDS: there is no feed {unknown[0]!r}; there are: {there}")
    return [declared[name] for name in named]


def _named(settings: Settings) -> tuple[str, ...]:
    return tuple(dict.fromkeys(settings.feeds.replace(",", " ").split()))
