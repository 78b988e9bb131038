"""What a metric declares: a number that people agree on, computed of one table. Data only: asking for it is in `asking`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Joined:
    """An expression over another table: `join` is the JOIN that leads there, of the metric's table as `fact`."""

    expression: str
    table: str
    join: str


@dataclass(frozen=True)
class Metric:
    """A number and what it may be asked by, in expressions of DuckDB's SQL over the columns of `table`.

    `measure`: an aggregate. `all_statuses`: the same where transactions count whatever became of them; it is told beside.
    `day`: the column with the UTC day, by which it is asked from, to and by day, week, month, quarter or year.
    `where`: which rows count at all. `dimensions`: what else it may be asked by, each an expression.
    `always_by`: dimensions without which the number means nothing, such as the currency of an amount.
    `unit`: of the number, in words.
    """

    name: str
    description: str
    table: str
    measure: str
    day: str
    unit: str
    all_statuses: str | None = field(default=None, kw_only=True)
    where: str | None = field(default=None, kw_only=True)
    dimensions: Mapping[str, "str | Joined"] = field(default_factory=dict, kw_only=True)
    always_by: Sequence[str] = field(default=(), kw_only=True)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name.replace("_", " ").capitalize()

    @property
    def measures(self) -> Mapping[str, str]:
        """The columns of an answer behind those that it was asked by."""
        beside = {f"{self.name}_all_statuses": self.all_statuses} if self.all_statuses else {}
        return {self.name: self.measure, **beside}
