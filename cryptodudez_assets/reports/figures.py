"""Drawings as SVG in the style of the reports. Colours are names until a page is made, so that one drawing suits light and dark."""

import io
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Stand-ins that appear nowhere else in an SVG; blue, orange and green are told apart by everybody (Okabe and Ito).
INK, FAINT, BLUE, ORANGE, GREEN, PAPER = (f"#01020{n}" for n in range(3, 9))
ON_PAGE = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    BLUE: "var(--blue)",
    ORANGE: "var(--orange)",
    GREEN: "var(--green)",
    PAPER: "var(--paper)",
}
ON_WHITE = {INK: "#222222", FAINT: "#c8c8c8", BLUE: "#0072b2", ORANGE: "#d55e00", GREEN: "#00805c", PAPER: "#ffffff"}
STYLE: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    "axes.edgecolor": FAINT,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "font.size": 10,
    "font.family": "sans-serif",
    "legend.frameon": False,
    "svg.fonttype": "none",
}
WIDTH = 4.8  # inches; as wide as a phone, where a point is then about a pixel


def draw(name: str, height: float, drawn: Callable[[Figure], None]) -> str:
    """One figure. The same numbers make the same bytes; ids differ between names, so that a page can hold them all."""
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        drawn(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg ") :]


def on_page(svg: str) -> str:
    """The drawing as part of a page that defines the colours."""
    return _coloured(svg, ON_PAGE)


def data_uri(svg: str) -> str:
    """The drawing by itself, on white, as an address."""
    svg = _coloured(svg, ON_WHITE).replace("<svg ", '<svg style="background: white" ', 1)
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def _coloured(svg: str, colours: dict[str, str]) -> str:
    for stand_in, colour in colours.items():
        svg = svg.replace(stand_in, colour)
    return svg
