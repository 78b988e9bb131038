"""Boxes, lines and text, drawn as SVG and as PNG: a picture is a list of shapes, and knows neither.

SVG follows the reader's light or dark; PNG is light. Colours are named by what they are for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

LIGHT = {
    **{
        "paper": "#ffffff",
        "card": "#ffffff",
        "ink": "#1c2228",
        "soft": "#5a646d",
        "line": "#c6ccd1",
        "wire": "#7b8690",
    },
    **{"dimension": "#0068a3", "fact": "#1c2228", "derived": "#5a646d", "on_band": "#ffffff", "stripe": "#f4f6f7"},
}
DARK = {
    **{
        "paper": "#121518",
        "card": "#1a1e22",
        "ink": "#e7eaec",
        "soft": "#a0abb4",
        "line": "#3a4249",
        "wire": "#8b97a1",
    },
    **{"dimension": "#0a6ea8", "fact": "#48535c", "derived": "#5a646d", "on_band": "#ffffff", "stripe": "#20262b"},
}
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Verdana, sans-serif"


@dataclass(frozen=True)
class Box:
    """A rectangle with a colour and, if it has one, an edge of another."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    edge: str | None = None


@dataclass(frozen=True)
class Line:
    """A line through these points, perhaps dashed."""

    points: Sequence[tuple[float, float]]
    colour: str = "wire"
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    colour: str = "wire"


@dataclass(frozen=True)
class Text:
    """A line of text that begins, or ends, at a point; `y` is where it stands on."""

    x: float
    y: float
    text: str
    colour: str = "ink"
    size: float = 13
    bold: bool = False
    from_right: bool = False


Shape = Box | Line | Dot | Text


def svg(shapes: Iterable[Shape], width: float, height: float, title: str) -> str:
    """The picture as SVG; `title` is what is said of it to those who cannot see it."""
    rules = "".join(f".f-{name}{{fill:{value}}}.s-{name}{{stroke:{value}}}" for name, value in LIGHT.items())
    dark = "".join(f".f-{name}{{fill:{value}}}.s-{name}{{stroke:{value}}}" for name, value in DARK.items())
    style = f"{rules}@media (prefers-color-scheme: dark){{{dark}}}path{{fill:none;stroke-width:1.4}}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="img" font-family="{FONT}">'
    )
    paper = _svg_shape(Box(0, 0, width, height, "paper"))
    drawn = "\n".join(_svg_shape(shape) for shape in shapes)
    return f"{head}\n<title>{escape(title)}</title>\n<style>{style}</style>\n{paper}\n{drawn}\n</svg>\n"


def _svg_shape(shape: Shape) -> str:
    match shape:
        case Box():
            edge = f' class="f-{shape.fill} s-{shape.edge}"' if shape.edge else f' class="f-{shape.fill}"'
            place = f'x="{shape.x:g}" y="{shape.y:g}" width="{shape.width:g}" height="{shape.height:g}"'
            return f"<rect {place}{edge}/>"
        case Line():
            path = " ".join(f"{'L' if n else 'M'}{x:g} {y:g}" for n, (x, y) in enumerate(shape.points))
            dashes = ' stroke-dasharray="5 4"' if shape.dashed else ""
            return f'<path class="s-{shape.colour}" d="{path}"{dashes}/>'
        case Dot():
            return f'<circle class="f-{shape.colour}" cx="{shape.x:g}" cy="{shape.y:g}" r="{shape.radius:g}"/>'
        case Text():
            weight = ' font-weight="650"' if shape.bold else ""
            anchor = ' text-anchor="end"' if shape.from_right else ""
            place = f'x="{shape.x:g}" y="{shape.y:g}" font-size="{shape.size:g}"'
            return f'<text class="f-{shape.colour}" {place}{weight}{anchor}>{escape(shape.text)}</text>'


def write_png(path: Path, shapes: Iterable[Shape], width: float, height: float, made_of: str) -> None:
    """The picture as PNG, twice as many pixels; `made_of` is noted in it, and read again by `png_made_of`."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Circle, Rectangle

    figure = plt.figure(figsize=(width / 72, height / 72), facecolor=LIGHT["paper"])
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for order, shape in enumerate(shapes):
        match shape:
            case Box():
                edge = LIGHT[shape.edge] if shape.edge else "none"
                corner, size = (shape.x, shape.y), (shape.width, shape.height)
                axes.add_patch(Rectangle(corner, *size, facecolor=LIGHT[shape.fill], edgecolor=edge, zorder=order))
            case Line():
                xs, ys = zip(*shape.points, strict=True)
                how = (0, (4, 3)) if shape.dashed else "-"
                axes.plot(xs, ys, color=LIGHT[shape.colour], linewidth=1.3, linestyle=how, zorder=order)
            case Dot():
                axes.add_patch(Circle((shape.x, shape.y), shape.radius, color=LIGHT[shape.colour], zorder=order))
            case Text():
                axes.text(
                    *(shape.x, shape.y, shape.text),
                    color=LIGHT[shape.colour],
                    fontsize=shape.size * 0.93,
                    fontweight="bold" if shape.bold else "normal",
                    ha="right" if shape.from_right else "left",
                    va="baseline",
                    zorder=order,
                )
    figure.savefig(path, dpi=144, metadata={"Source": made_of, "Software": None})
    plt.close(figure)


def png_made_of(path: Path) -> str | None:
    """What is noted in a PNG that `write_png` wrote; None where there is none."""
    if not path.is_file():
        return None
    return next((value for key, value in _texts(path.read_bytes()) if key == "Source"), None)


def _texts(png: bytes) -> Iterator[tuple[str, str]]:
    """The pairs in its chunks of text."""
    at = 8
    while at < len(png):
        length, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        if kind == b"tEXt":
            key, _, value = png[at + 8 : at + 8 + length].partition(b"\0")
            yield key.decode("latin-1"), value.decode("latin-1")
        at += 12 + length
