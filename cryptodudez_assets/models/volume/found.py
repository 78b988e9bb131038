"""What a training of the volume model found: errors of every recipe on both splits, the verdict, and the leak, in words."""

from abc import abstractmethod
from datetime import date
from typing import Literal

from pydantic import Field

from cryptodudez_assets.declared_models.volume import VolumeOptions
from cryptodudez_assets.models.findings import Finding, Test, Verdict
from cryptodudez_assets.models.volume.recipes import ONE_NUMBER, SHARE
from cryptodudez_assets.models.volume.scoring import Errors

REFERENCE, CHAMPION, WITHOUT_TODAY = "reference_forest", "champion", "without_today"
"""Names among the scores that are no recipe's: WITHOUT_TODAY is the chosen recipe on nothing that the day itself is in."""

SplitName = Literal["time", "random"]
Part = Literal["choose", "test"]
Which = Literal["all", "sample"]


class Scored(Finding):
    """Errors of one recipe on one set of rows: all those of a part of a split, or those of them in the sample."""

    name: str
    split: SplitName
    part: Part
    rows: Which
    errors: Errors


class Found(Finding):
    """What one training found out, of whatever sees so many rows, splits them by days and serves the best of its recipes."""

    rows: int = Field(description="With all features.")
    first_day: date
    choose_from: date
    test_from: date
    last_day: date
    chosen: str
    size_bytes: int = Field(description="Of the model file.")
    champion: str | None = Field(
        description="The version that served, whose errors are among the scores; None before one."
    )
    scores: list[Scored]

    def errors(self, name: str, split: SplitName = "time", part: Part = "test", rows: Which = "all") -> Errors:
        """Of one recipe on one set of rows."""
        wanted = (name, split, part, rows)
        return next(one.errors for one in self.scores if (one.name, one.split, one.part, one.rows) == wanted)

    @property
    @abstractmethod
    def verdict(self) -> Verdict:
        """Whether the model may serve: all of the tests are passed."""

    @property
    @abstractmethod
    def words(self) -> dict[str, str]:
        """What is said of it beside the verdict."""


class VolumeFindings(Found):
    """Everything that one training of a volume model found out."""

    options: VolumeOptions

    @property
    def without_today(self) -> Errors | None:
        """Of the chosen recipe on nothing that the day itself is in; None where the window is of calendar days."""
        return next((one.errors for one in self.scores if one.name == WITHOUT_TODAY), None)

    @property
    def verdict(self) -> Verdict:
        """Whether the model may serve: all of the tests are passed."""
        ours = self.errors(self.chosen)
        share = f", {less(ours, self.errors(SHARE))} than one share of the average" if self.chosen != SHARE else ""
        words = (
            f"{self.chosen} is off by {ours.mae:,.0f} shares on average over {ours.n:,} rows from {self.test_from} on, "
            f"{less(ours, self.errors(ONE_NUMBER))} than one number for all{share}."
        )
        return verdict_of(words, _tests(self))

    @property
    def words(self) -> dict[str, str]:
        """What is said of it beside the verdict."""
        return {"leak_of_the_random_split": self.leak}

    @property
    def leak(self) -> str:
        """What the brief's numbers do not show."""
        at_random, in_time = (self.errors(REFERENCE, split, rows="sample") for split in ("random", "time"))
        return (
            f"A random split leaks: it mixes days of the same stock, so the days around a tested one were learned from. The "
            f"reference forest has {r2_of(at_random)} on it, and {r2_of(in_time)} on days that are later than all it learned "
            f"from. Either split leaks in another way: the day's own volume is in its vol_moving_avg, and its close in its "
            f"adj_close_rolling_med. {self._forecast}"
        )

    @property
    def _forecast(self) -> str:
        if (without := self.without_today) is None:
            return "How much that flatters is not known: in a window of calendar days the rows are not counted."
        return (
            f"With nothing but the mean volume of the 29 rows before, {self.chosen} is off by {without.mae:,.0f} shares and "
            f"not by {self.errors(self.chosen).mae:,.0f}: only the first is a forecast, from one number; `ml/volume_forecast` makes one "
            "from the days before, one by one."
        )


def _tests(found: VolumeFindings) -> list[Test]:
    ours, one_number = found.errors(found.chosen).mae, found.errors(ONE_NUMBER).mae
    sampled, reference = (found.errors(name, rows="sample").mae for name in (found.chosen, REFERENCE))
    return [
        Test(
            name="better than one number",
            passed=ours < one_number,
            words=f"MAE {ours:,.0f} against {one_number:,.0f} shares for the median, whatever the stock.",
        ),
        Test(
            name="no worse than the reference",
            passed=sampled <= reference,
            words=f"MAE {sampled:,.0f} against the forest's {reference:,.0f} shares on the same sampled later days.",
        ),
        within_the_size(found, found.options.size_budget_bytes),
    ]


def within_the_size(found: Found, budget: int) -> Test:
    """Whether the model file is smaller than this many bytes."""
    return Test(
        name="within the size budget",
        passed=found.size_bytes < budget,
        words=f"{found.size_bytes:,} bytes of less than {budget:,}.",
    )


def verdict_of(words: str, tests: list[Test]) -> Verdict:
    """Skill if all tests are passed; `words` are followed by those that failed."""
    failed = [test.name for test in tests if not test.passed]
    ends = f"Failed: {'; '.join(failed)}." if failed else "It passed all tests."
    return Verdict(skill=not failed, words=f"{words} {ends}", tests=tests)


def less(ours: Errors, other: Errors) -> str:
    """By how much errors are smaller than others, in words."""
    share = 1 - ours.mae / other.mae if other.mae else 0.0
    return f"{abs(share):.1%} {'less' if share >= 0 else 'more'}"


def r2_of(errors: Errors) -> str:
    """R2 and MAE, in words."""
    return "no R2" if errors.r2 is None else f"an R2 of {errors.r2:.3f} (MAE {errors.mae:,.0f})"
