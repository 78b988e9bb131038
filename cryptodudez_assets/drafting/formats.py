"""In which formats a column's times are written, and in which order the days' numbers stand: found out, or asked for."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from cryptodudez_assets.contracts.base import PLAUSIBLE
from cryptodudez_assets.drafting.choices import Undecided
from cryptodudez_assets.drafting.spelling import formats_of, has_clock, order_of

# So many values are looked at one by one, to see which formats are tried on all.
LOOKED_AT = 500
ANOTHER = 0.05
"""A further format is one of the column's if it reads so many of its values; what is rarer is a slip."""
CERTAIN = 10
"""Where values speak for one order and others against it, so many times more must speak for it."""


@dataclass(frozen=True)
class Formats:
    """The formats that read a column's values, and which of its distinct values each reads."""

    values: pl.DataFrame
    """`text`, `n`: each distinct value, and how often it is there."""
    reads: dict[str, pl.Series]

    @property
    def share(self) -> float:
        """How many of the values any format reads."""
        return self._weight(pl.any_horizontal(self.reads.values())) / max(1, int(self.values["n"].sum()))

    @property
    def have_clock(self) -> bool:
        """Whether most are more than days."""
        return has_clock(max(self.reads, key=lambda form: self._count(self.reads[form])))

    def decided(self, name: str, order: str | None) -> list[str]:
        """The formats to read with, the one that reads most first. Raises Undecided where the order is open and not said."""
        groups = defaultdict(list)
        for form in self.reads:
            groups[form.startswith("%Y"), "".join(sorted(form))].append(form)
        total = int(self.values["n"].sum())
        best = sorted(groups.values(), key=lambda forms: -max(self._count(self.reads[form]) for form in forms))
        chosen: list[str] = []
        left = pl.repeat(True, len(self.values), eager=True)
        for forms in best:
            gained = max(self._count(self.reads[form] & left) for form in forms)
            if not chosen or gained >= max(2, ANOTHER * total):
                chosen.append(self._in_order(name, forms, order))
                left &= ~self.reads[chosen[-1]]
        return chosen

    def _in_order(self, name: str, forms: list[str], order: str | None) -> str:
        if said := [form for form in forms if order_of(form) == order]:
            return said[0]
        # Years of two digits are behind unless they are surely not: that a day of the month is one shows in times to come.
        forms = [form for form in forms if not form.startswith("%y") or not self._reaches_beyond_today(form)] or forms
        first, *others = sorted(forms, key=lambda form: -self._count(self.reads[form]))
        rivals = [other for other in others if not self._surely(first, other)]
        if not rivals:
            return first
        second = rivals[0]
        if self._only(second, first).any():
            told = (
                f"{self._example(self._only(first, second))} can only be {order_of(first)}, "
                f"{self._example(self._only(second, first))} only {order_of(second)}"
            )
        else:
            told = f"{self._example(self.reads[first])} may be " + " or ".join(map(order_of, [first, *rivals]))
        options = " or ".join(f"--dates {order_of(form)}" for form in [first, *rivals])
        raise Undecided(f"in which order do the dates of {name} stand? {told}: say {options}")

    def _surely(self, one: str, other: str) -> bool:
        """Whether far more values speak for the one than for the other."""
        return self._count(self._only(one, other)) > CERTAIN * self._count(self._only(other, one))

    def _reaches_beyond_today(self, form: str) -> bool:
        days = (
            self.values["text"]
            .filter(self.reads[form])
            .str.strptime(pl.Datetime("us") if has_clock(form) else pl.Date, form, strict=False)
        )
        return bool((days.cast(pl.Date) > datetime.now(UTC).date() + timedelta(days=1)).any())

    def _only(self, one: str, other: str) -> pl.Series:
        return self.reads[one] & ~self.reads[other]

    def _example(self, flags: pl.Series) -> str:
        return repr(self.values["text"].filter(flags).first())

    def _count(self, flags: pl.Series) -> int:
        return int(self.values["n"].filter(flags).sum())

    def _weight(self, flags: pl.Expr) -> int:
        return self._count(self.values.select(flags).to_series())


def formats_in(text: pl.Series) -> Formats | None:
    """The formats that read values of a column; None where none does."""
    values = text.drop_nulls().alias("text").value_counts(name="n", sort=False)
    if values.is_empty():
        return None
    values = values.sort("text")
    every = max(1, len(values) // LOOKED_AT)
    seen = dict.fromkeys(form for value in values["text"].gather_every(every) for form in formats_of(value))
    reads = {form: flags for form in seen if (flags := _reads(values["text"], form)).any()}
    return Formats(values, reads) if reads else None


def _reads(text: pl.Series, form: str) -> pl.Series:
    times = text.str.strptime(pl.Datetime("us", "UTC") if has_clock(form) else pl.Date, form, strict=False)
    return (
        times.cast(pl.Datetime("us", "UTC")).is_between(PLAUSIBLE["min_value"], PLAUSIBLE["max_value"]).fill_null(False)
    )
