"""With what a feed's client asks, and which feeds are asked by schedule: what settings say of feeds."""

from collections.abc import Iterable

from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.venues.pages import Access


def access_of(settings: Settings, feed: Feed) -> Access:
    """What the client is handed: of its own settings (`<name>_url`, `<name>_token`, `<name>_dollars_a_month`) those that there are."""
    return Access(
        folder=settings.fetching,
        url=getattr(settings, f"{feed.name}_url", ""),
        token=getattr(settings, f"{feed.name}_token", None),
        database=settings.catalog,
        dollars_a_month=getattr(settings, f"{feed.name}_dollars_a_month", Access.dollars_a_month),
    )


def feeds_on(settings: Settings, declared: Iterable[str]) -> tuple[str, ...]:
    """The feeds that the setting names, each once. Raises ValueError where there is no such feed."""
    known = sorted(declared)
    named = tuple(dict.fromkeys(settings.feeds.replace(",", " ").split()))
    if unknown := [one for one in named if one not in known]:
        raise ValueError(f"CRYPTODUDEZ_FEEDS: there is no feed {unknown[0]!r}; there are: {', '.join(known) or 'none'}")
    return named
