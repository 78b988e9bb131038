"""What all pages are made with: the templates' environment, how numbers and times are written, and what browsers are told.

What a page shows is made in the page's own module.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Response
from litestar.config.compression import CompressionConfig
from litestar.exceptions import NotFoundException
from litestar.middleware import DefineMiddleware

PAGES: Mapping[str, str] = {
    "Signal": "/",
    "Market": "/market",
    "Spread": "/live",
    "Data": "/data",
    "Models": "/models",
    "Accounts": "/accounts",
    "System": "/system",
}
# Nothing comes from anywhere else, nothing is inline: charts are coloured by the style sheet.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Cache-Control": "no-cache"}


def html(text: str, policy: str = PAGE_POLICY) -> Response[str]:
    """A page, with what it may load."""
    return Response(text, media_type=MediaType.HTML, headers={"Content-Security-Policy": policy, **HEADERS})


def one_of(names: Collection[str], name: str, kind: str) -> str:
    """The name, if it is one of these. Raises what is answered where it is not. `kind`: what they are names of."""
    if name not in names:
        raise NotFoundException(f"there is no {kind} of this name; there are: {', '.join(names) or 'none'}")
    return name


def compressed() -> DefineMiddleware:
    """For routers whose answers are text of some length."""
    config = CompressionConfig("gzip", gzip_compress_level=6)
    return DefineMiddleware(config.middleware_class, config=config)


def render(template: str, **values: object) -> str:
    """A page of a template."""
    return environment().get_template(template).render(pages=PAGES, **values)


@cache
def environment() -> Environment:
    """What all pages are made with."""
    made = Environment(
        loader=PackageLoader("serving.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": percent,
        "signed": signed,
        "number": number,
        "points": points,
        "dollars": dollars,
        "moment": moment,
        "day": day_words,
        "ago": ago,
        "words": lambda name: name.replace("_", " "),
    }
    return made


def percent(value: float, digits: int = 0) -> str:
    """`0.123` as `12%`."""
    return f"{value:,.{digits}%}".replace("-", "−")


def signed(value: float, digits: int = 0) -> str:
    """`0.123` as `+12%`."""
    return f"{value:+,.{digits}%}".replace("-", "−")


def dollars(value: float) -> str:
    """Cents only where they matter."""
    return f"${value:,.0f}" if value >= 100 else f"${value:,.2f}"


def points(value: float) -> str:
    """A difference of percentages."""
    return f"{value:+.1f} points".replace("-", "−")


def number(value: float | None, digits: int = 0) -> str:
    """With separators; a dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}".replace("-", "−")


def moment(value: datetime) -> str:
    """To the minute."""
    return f"{value:%-d %B %Y, %H:%M} UTC"


def day_words(value: Any) -> str:
    """A day, of a date or a time."""
    return f"{value:%-d %B %Y}"


def ago(value: timedelta) -> str:
    """How long, in the largest unit that gives two or more; a candle that is not over ends in the future, which is no time ago."""
    minutes = max(int(value.total_seconds()), 0) // 60
    for unit, length in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= 2 * length or (unit == "minute" and minutes):
            count = minutes // length
            return f"{count:,} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
