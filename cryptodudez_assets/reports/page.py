"""Sections as one HTML file that needs nothing else: no script, no address. Light and dark, for a screen or a phone."""

from collections.abc import Iterable, Mapping

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
