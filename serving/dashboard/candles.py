"""The price of a coin as a trader reads it: candles, volume, and what a model said, with what came of it.

Nothing here asks the lake (`prices.py` does).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from markupsafe import Markup

from cryptodudez_assets.declared_models.signal import Decision
from serving.dashboard.frame import day_words, dollars
from serving.dashboard.plot import Plot, Size, Told, both, compact, log_ticks, round_dollars, round_ticks, svg
from serving.dashboard.tables import Table

VOLUME_SHARE = 0.2
LOGARITHMIC_FROM = 15
"""Where the highest price is so many times the lowest, equal distances are equal ratios."""
NARROWEST = 2.3
"""Pixels from one candle to the next. Where days are closer, a candle is of a week, or of a month."""
GRAINS: Mapping[str, int] = {"1d": 1, "1w": 7, "1mo": 30}
CALLED: Mapping[str, str] = {"1d": "day", "1w": "week", "1mo": "month"}
# Beside a candle, so that it stays visible: BUY from below, SELL from above.
SHAPES = {"BUY": "M{x:.1f} {below:.1f}l6 10h-12z", "SELL": "M{x:.1f} {above:.1f}l-6 -10h12z"}
DISTANCE = 4


@dataclass(frozen=True)
class Turn:
    """A day on which what a model says changed between BUY and SELL. `right`: whether that came first; None while nobody knows."""

    day: date
    decision: Decision
    right: bool | None

    @property
    def outcome(self) -> str:
        """In one word, which is also how it is drawn."""
        return "open" if self.right is None else "right" if self.right else "wrong"


@dataclass(frozen=True)
class Chart:
    """The picture of prices with the days that it is made of, and the turns that are marked in it."""

    picture: Markup
    days: pl.DataFrame
    turns: Sequence[Turn]

    @property
    def marked(self) -> list[Decision]:
        """Which kinds of turns there are."""
        return sorted({one.decision for one in self.turns})

    @property
    def last(self) -> str:
        """The newest day, in words."""
        return in_words(self.days.row(-1, named=True))


def charted(found: Table, coin: str, turns: Sequence[Turn] = ()) -> Chart | None:
    """The chart of days of a coin that `prices.days_of` found; None where there are not two."""
    days = found.rows.reverse()
    if len(days) < 2:
        return None
    marked = [one for one in turns if days["day"][0] <= one.day <= days["day"][-1]]
    return Chart(candle_chart(days, marked, price_words(days, coin, marked)), days, marked)


def candle_chart(days: pl.DataFrame, turns: Sequence[Turn], label: str) -> Markup:
    """`days`: `day`, `open`, `high`, `low`, `close` and `volume`, in order of time, two or more. Turns of other days are not drawn."""
    return both(lambda size: _drawn(size, days, turns, label))


def by_grain(days: pl.DataFrame, grain: str) -> pl.DataFrame:
    """Candles of days, weeks or months, each by its first day; what is not known of volume is null."""
    return days.group_by(pl.col("day").dt.truncate(grain).alias("start"), maintain_order=True).agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.when(pl.col("volume").count() > 0).then(pl.col("volume").sum()).alias("volume"),
        pl.col("day").first(),
        pl.col("day").last().alias("last"),
    )


def grain_for(n_days: int, width: float) -> str:
    """The finest whose candles can be told apart."""
    return next((grain for grain, length in GRAINS.items() if n_days / length * NARROWEST <= width), "1mo")


def price_words(days: pl.DataFrame, coin: str, turns: Sequence[Turn] = ()) -> str:
    """What such a chart shows, for those who cannot see it."""
    said = [one.decision for one in turns]
    low, high = _reach(days)
    marked = f" {said.count('BUY')} turns to BUY and {said.count('SELL')} to SELL are marked." if turns else ""
    return (
        f"Price of {coin} from {day_words(days['day'][0])} to {day_words(days['day'][-1])}: from {dollars(days['open'][0])} to "
        f"{dollars(days['close'][-1])}, lowest {dollars(low)}, highest {dollars(high)}.{marked}"
    )


def _drawn(size: Size, days: pl.DataFrame, turns: Sequence[Turn], label: str) -> Markup:
    first, last = days["day"][0], days["day"][-1]
    grain = grain_for((last - first).days + 1, size.width - 70)
    candles = by_grain(days, grain)
    low, high = _reach(candles)
    logarithmic = low > 0 and high / low > LOGARITHMIC_FROM
    ticks = log_ticks(low, high, None) if logarithmic else [one for one in round_ticks(high, low) if low <= one <= high]
    floor = VOLUME_SHARE * size.height
    plot = Plot(size, (first, last), (low, high), ticks, round_dollars, logarithmic, floor)
    inside = [one for one in turns if first <= one.day <= last]
    shapes = [plot.axes(), *_volumes(plot, candles, grain, floor), *_candles(plot, candles, grain)]
    return svg(size, "candles", label, [*shapes, *_marks(plot, candles, inside)], _told(plot, candles, inside, grain))


def _reach(candles: pl.DataFrame) -> tuple[float, float]:
    """Vendors' opens and closes may lie beyond a candle's low and high."""
    prices = pl.col("open", "high", "low", "close")
    low, high = candles.select(low=pl.min_horizontal(prices).min(), high=pl.max_horizontal(prices).max()).row(0)
    return float(low), float(high)


def _candles(plot: Plot, candles: pl.DataFrame, grain: str) -> list[Markup]:
    half = max(0.35 * plot.day_width * GRAINS[grain], 0.5)
    found: dict[str, list[str]] = {"up": [], "down": []}
    for day, opened, high, low, closed in candles.select("day", "open", "high", "low", "close").iter_rows():
        x = plot.x(day)
        top, bottom = plot.y(max(opened, closed)), plot.y(min(opened, closed))
        wick = f"M{x:.1f} {plot.y(high):.1f}V{plot.y(low):.1f}"
        body = f"M{x - half:.1f} {top:.1f}h{2 * half:.1f}v{max(bottom - top, 0.5):.1f}h-{2 * half:.1f}z"
        found["up" if closed >= opened else "down"].append(wick + body)
    return [Markup('<path class="candle {}" d="{}"/>').format(kind, "".join(parts)) for kind, parts in found.items()]


def _volumes(plot: Plot, candles: pl.DataFrame, grain: str, floor: float) -> list[Markup]:
    most = candles["volume"].max()
    if not most:
        return []
    half = max(0.35 * plot.day_width * GRAINS[grain], 0.5)
    ground = plot.bottom + floor
    bars = "".join(
        f"M{plot.x(day) - half:.1f} {ground:.1f}v{-(floor - 10) * volume / most:.1f}h{2 * half:.1f}V{ground:.1f}z"
        for day, volume in candles.select("day", "volume").drop_nulls().iter_rows()
    )
    return [Markup('<path class="volume" d="{}"/>').format(bars)]


def _marks(plot: Plot, candles: pl.DataFrame, turns: Sequence[Turn]) -> list[Markup]:
    found = []
    for turn, low, high in _placed(candles, turns):
        d = SHAPES[turn.decision].format(
            x=plot.x(turn.day), below=plot.y(low) + DISTANCE, above=plot.y(high) - DISTANCE
        )
        found.append(Markup('<path class="mark {} {}" d="{}"/>').format(turn.decision.lower(), turn.outcome, d))
    return found


def _placed(candles: pl.DataFrame, turns: Sequence[Turn]) -> list[tuple[Turn, float, float]]:
    """Each turn with the low and the high of the candle that it is in; none where a day has no candle."""
    spans = candles.select("day", "last", "low", "high").rows()
    return [(turn, low, high) for turn in turns for first, last, low, high in spans if first <= turn.day <= last]


def _told(plot: Plot, candles: pl.DataFrame, turns: Sequence[Turn], grain: str) -> list[Told]:
    said = {turn.day: f"; said {turn.decision}, {_outcome(turn)}" for turn in turns}
    points = []
    for row in candles.to_dicts():
        when = f"{row['day']:%-d %b %Y}" if grain == "1d" else f"{CALLED[grain]} of {row['start']:%-d %b %Y}"
        turned = "".join(words for day, words in said.items() if row["day"] <= day <= row["last"])
        points.append((row["day"], row["close"], in_words(row, when) + turned))
    return plot.told(points)


def in_words(row: Mapping[str, Any], when: str = "") -> str:
    """A candle. `when`: how it is called, if not by its day."""
    prices = ", ".join(f"{name} {_price(row[name])}" for name in ("open", "high", "low", "close"))
    volume = "" if row["volume"] is None else f", volume ${compact(row['volume'])}"
    return f"{when or format(row['day'], '%-d %b %Y')}: {prices}{volume}"


def _outcome(turn: Turn) -> str:
    return {"open": "not known yet", "right": "right", "wrong": "wrong"}[turn.outcome]


def _price(value: float) -> str:
    return f"${value:,.2f}" if value >= 1 else f"${value:.4g}"
