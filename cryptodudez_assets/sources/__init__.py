"""The external data sets: every module here that holds a `SOURCE` is one. Adding a file adds a source."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cryptodudez_assets.sources.declaration import Layout, Lookup, Source

__all__ = ["Layout", "Lookup", "Source", "all_sources", "neighbours"]


@cache
def all_sources() -> dict[str, Source]:
    """Every declared source by name, in alphabetical order."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    sources = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    return {source.name: source for source in sorted(sources, key=lambda source: source.name)}


def neighbours(source: Source) -> list[Source]:
    """The other sources whose files lie in the same raw folder."""
    return [other for other in all_sources().values() if other.raw == source.raw and other.name != source.name]
