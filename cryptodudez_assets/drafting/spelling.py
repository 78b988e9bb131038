"""How single texts are spelled: numbers, days, times of day. Says what a text may be, not what its column is."""

import re

INTEGER = r"^-?(?:0|[1-9][0-9]{0,18})$"
NUMBER = r"^-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
PADDED = r"^-?0[0-9]+$"
"""Digits that are no number, for it would lose its zeros."""
COMMA = r"^-?[0-9]+(?:,[0-9]+)?$"
MONEY = r"^-?[$€£]?[0-9]{1,3}(?:,[0-9]{3})*(?:\.[0-9]+)?$|^-?[$€£]?[0-9]+(?:\.[0-9]+)?$"
"""With a currency's sign, or commas between thousands."""
SURELY_MONEY = r"[$€£]|,[0-9]{3}[.,]"
NOTHING = ("null", "NULL", "Null", "nan", "NaN", "NAN", "N/A", "n/a", "#N/A", "NA", "None", "-", "--", "\\N")
"""How it is written in columns of numbers that there is none."""

MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
CLOCK = r"\d{1,2}:\d{2}(?P<second>:\d{2}(?:\.\d+)?)?(?P<half> ?[AaPp][Mm])?"
ZONE = r"(?P<blank> ?)(?P<zone>Z|UTC|GMT|[+-]\d{2}:?(?:\d{2})?)"
TIME_OF_DAY = rf"^{CLOCK}(?:{ZONE})?$"
DAY_AND_TIME = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[T ]\d{1,2}:\d{2}"
"""How a day and a time of day begin, whatever zone may be behind them."""
NUMERIC_DAY = r"(?P<first>\d{1,4})(?P<mark>[-/.])(?P<second_part>\d{1,2})(?P=mark)(?P<third>\d{1,4})"
NAMED_DAY = (
    rf"(?:(?P<d1>\d{{1,2}})(?P<m1>[-/ ])(?i:{MONTH})(?P<m2>[-/ ])(?P<y1>\d{{4}}|\d{{2}})"
    rf"|(?i:{MONTH}) (?P<d2>\d{{1,2}})(?P<comma>,?) \d{{4}})"
)
MOMENT = re.compile(
    rf"^(?:(?P<numeric>{NUMERIC_DAY})|(?P<compact>\d{{8}})|(?P<named>{NAMED_DAY}))"
    rf"(?:(?P<between>T|, | )(?P<clock>{CLOCK})(?:{ZONE})?)?$"
)
WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
WRITTEN_OUT = {
    r"^(?:19|20)\d{12}$": "%Y%m%d%H%M%S",
    rf"^{WEEKDAY} (?:{MONTH}) \d\d \d\d:\d\d:\d\d [+-]\d{{4}} \d{{4}}$": "%a %b %d %H:%M:%S %z %Y",
    rf"^{WEEKDAY}, \d\d? (?:{MONTH}) \d{{4}} \d\d:\d\d:\d\d GMT$": "%a, %d %b %Y %H:%M:%S GMT",
    rf"^{WEEKDAY}, \d\d? (?:{MONTH}) \d{{4}} \d\d:\d\d:\d\d [+-]\d{{4}}$": "%a, %d %b %Y %H:%M:%S %z",
}
"""Formats with a shape of their own."""
ORDER_OF = {"d": "day-first", "m": "month-first", "y": "year-first", "Y": "year-first"}


def looks_like_data(text: str) -> bool:
    """Whether it is surely no name: a number or a time."""
    return bool(re.match(NUMBER, text) or re.match(TIME_OF_DAY, text) or formats_of(text))


def formats_of(text: str) -> list[str]:
    """The formats (in chrono's terms) as which it may be meant: several where the order of day, month and year is open."""
    for pattern, form in WRITTEN_OUT.items():
        if re.match(pattern, text):
            return [form]
    found = MOMENT.match(text)
    if not found:
        return []
    behind = "" if found["clock"] is None else f"{found['between']}{_clock(found)}{_zone(found)}"
    return [f"{day}{behind}" for day in _days(found)]


def order_of(form: str) -> str:
    """In which order a format has day, month and year; empty where no other is possible."""
    return "" if "%b" in form or form.startswith(("%Y", "%a")) else ORDER_OF[form[1]]


def has_zone(form: str) -> bool:
    """Whether times of this format say in which time zone they are."""
    return form.endswith(("z", "UTC", "GMT")) or "%z" in form


def has_clock(form: str) -> bool:
    """Whether it says more than a day."""
    return "%H" in form or "%I" in form


def _days(found: re.Match[str]) -> list[str]:
    if found["compact"]:
        return ["%Y%m%d"]
    if found["named"]:
        if found["d2"]:
            return [f"%b %d{found['comma']} %Y"]
        return [f"%d{found['m1']}%b{found['m2']}{'%Y' if len(found['y1']) == 4 else '%y'}"]
    mark, first, third = found["mark"], found["first"], found["third"]
    if len(first) == 4 and len(third) <= 2:
        return [f"%Y{mark}%m{mark}%d"]
    if len(first) > 2 or len(third) not in (2, 4):
        return []
    year = "%Y" if len(third) == 4 else "%y"
    orders = [f"%d{mark}%m{mark}{year}", f"%m{mark}%d{mark}{year}"]
    return orders if year == "%Y" or len(first) < 2 else [*orders, f"%y{mark}%m{mark}%d"]


def _clock(found: re.Match[str]) -> str:
    hour, seconds = ("%I", "%H")[found["half"] is None], "" if found["second"] is None else ":%S%.f"
    half = "" if found["half"] is None else " %p" if found["half"].startswith(" ") else "%p"
    return f"{hour}:%M{seconds}{half}"


def _zone(found: re.Match[str]) -> str:
    if found["zone"] is None:
        return ""
    return found["blank"] + (found["zone"] if found["zone"] in ("UTC", "GMT") else "%#z")
