"""Sections as one HTML file that needs nothing else: no script, no address. Light and dark, for a screen or a phone."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from cryptodudez_assets.reports.figures import on_page
from cryptodudez_assets.reports.sections import Section


def page(title: str, lead: str, sections: Iterable[Section], plots: Mapping[str, str]) -> str:
    """The whole page. A section's plot that was not drawn is left out."""
    shapes = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = {name: on_page(svg) for name, svg in plots.items()}
    return shapes.get_template("page.html").render(title=title, lead=lead, sections=sections, plots=drawn)


def write(path: Path, text: str) -> None:
    """Put the page in its place, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
