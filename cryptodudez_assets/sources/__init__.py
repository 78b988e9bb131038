"""The external data sets: every module here that holds a `SOURCE` is one. Adding a file adds a source."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from cryptodudez_assets.sources.declaration import Layout, Source

__all__ = ["Layout", "Source", "all_sources"]


@cache
def all_sources() -> dict[str, Source]:
    """Every declared source by name, in alphabetical order."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    sources = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    return {source.name: source for source in sorted(sources, key=lambda source: source.name)}
