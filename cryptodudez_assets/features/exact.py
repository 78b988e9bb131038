"""Means, deviations and co-moments whose value depends on nothing but the numbers that go into them, to the last bit.

Sums of floats depend on their order: Polars' rolling sums carry the rounding of every row before the window, and its
grouped sums may depend on how rows are spread over threads. Here numbers are rounded to a fixed grid and summed as
integers, which is exact: the same from a whole history or from its window only, in any order, by any engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

# Finer than a price's last digit. A square of a number up to 1e6, summed over a million rows, still fits into 128 bits.
GRID = 2.0**32


def finite(value: pl.Expr) -> pl.Expr:
    """Null where a quotient or logarithm has no value."""
    return pl.when(value.is_finite()).then(value)


def quotient(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Their quotient, null where it has no value.

    Polars multiplies by the reciprocal where it finds that the divisor is one value for all rows (as after a join with a
    single row), and 3 / 5 becomes 0.6000000000000001. Adding nothing of the numerator makes it a column like any other.
    """
    return finite(numerator / (denominator + numerator * 0))


def total(column: str) -> pl.Expr:
    """Sum of the values of a group, under the column's name."""
    return _float(_fixed(pl.col(column)).sum()) / GRID


def mean(value: pl.Expr) -> pl.Expr:
    """Mean of the values of a group; null without values."""
    return quotient(_float(_fixed(value).sum()), value.count()) / GRID


def mean_of_rows(value: pl.Expr, rows: int) -> pl.Expr:
    """Mean of so many rows, the last being the row's own, of whatever key; null where one has no value. Values are below 1e6."""
    fixed = (value * GRID).round().cast(pl.Int64)
    return quotient(_float(fixed.rolling_sum(rows)), pl.lit(float(rows))) / GRID


def deviation(value: pl.Expr) -> pl.Expr:
    """Standard deviation of the values of a group (n - 1); null below two."""
    fixed, n = _fixed(value), value.count().cast(pl.Int128)
    return _deviation(n, fixed.sum(), (fixed * fixed).sum())


@dataclass(frozen=True)
class Window:
    """So many calendar days, the last being the row's own; null with fewer than `at_least` values.

    Rows must be sorted by `keys` and `event_ts`.
    """

    days: int
    at_least: int
    keys: Sequence[str]

    def mean(self, value: pl.Expr) -> pl.Expr:
        """Mean within the window."""
        return self._enough(value, quotient(_float(self._sum(_fixed(value))), self._count(value)) / GRID)

    def deviation(self, value: pl.Expr) -> pl.Expr:
        """Standard deviation within the window (n - 1)."""
        fixed = _fixed(value)
        return self._enough(value, _deviation(self._count(value), self._sum(fixed), self._sum(fixed * fixed)))

    def beta(self, value: pl.Expr, market: pl.Expr) -> pl.Expr:
        """Slope of the value on the market, over days that have both."""
        both, xy, _, yy = self._co_moments(value, market)
        return self._enough(both, quotient(_float(xy), _float(yy)))

    def correlation(self, value: pl.Expr, market: pl.Expr) -> pl.Expr:
        """Correlation of the value with the market, over days that have both."""
        both, xy, xx, yy = self._co_moments(value, market)
        return self._enough(both, quotient(_float(xy), _float(xx).sqrt() * _float(yy).sqrt())).clip(-1, 1)

    def _co_moments(self, value: pl.Expr, market: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr, pl.Expr]:
        """Days with both, and n² times covariance and variances."""
        both = pl.when(value.is_not_null() & market.is_not_null())
        x, y = both.then(_fixed(value)), both.then(_fixed(market))
        n, sum_x, sum_y = self._count(x), self._sum(x), self._sum(y)
        xy, xx, yy = self._sum(x * y), self._sum(x * x), self._sum(y * y)
        return x, n * xy - sum_x * sum_y, n * xx - sum_x * sum_x, n * yy - sum_y * sum_y

    def _sum(self, fixed: pl.Expr) -> pl.Expr:
        return fixed.fill_null(0).rolling_sum_by("event_ts", f"{self.days}d").over(self.keys)

    def _count(self, value: pl.Expr) -> pl.Expr:
        return self._sum(value.is_not_null().cast(pl.Int128))

    def _enough(self, value: pl.Expr, result: pl.Expr) -> pl.Expr:
        return pl.when(self._count(value) >= self.at_least).then(result)


def _fixed(value: pl.Expr) -> pl.Expr:
    return (value * GRID).round().cast(pl.Int128)


def _float(fixed: pl.Expr) -> pl.Expr:
    return fixed.cast(pl.Float64)


def _deviation(n: pl.Expr, total: pl.Expr, squares: pl.Expr) -> pl.Expr:
    return quotient(_float(n * squares - total * total), _float(n * (n - 1))).sqrt() / GRID
