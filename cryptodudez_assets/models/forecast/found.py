"""What a training of the forecast found: errors of what knows only days before, beside what knows the day itself, and the verdict."""

from cryptodudez_assets.declared_models.forecast import ForecastOptions
from cryptodudez_assets.models.findings import Test, Verdict
from cryptodudez_assets.models.forecast.recipes import HAR_NAME, MONTH, YESTERDAY
from cryptodudez_assets.models.volume.found import REFERENCE, Found, less, r2_of, verdict_of, within_the_size

WITH_THE_DAY = "with the day inside: "
"""What names begin with of recipes that know the day itself: those of the volume model."""


class ForecastFindings(Found):
    """Everything that one training found out. All scores of the test are of the same days."""

    options: ForecastOptions

    @property
    def verdict(self) -> Verdict:
        """Whether the model may serve: all of the tests are passed."""
        ours = self.errors(self.chosen)
        share = f", {less(ours, self.errors(MONTH))} than one share of the month's mean" if self.chosen != MONTH else ""
        words = (
            f"{self.chosen} is off by {ours.mae:,.0f} shares on average over {ours.n:,} rows from {self.test_from} on, from days before "
            f"alone, {less(ours, self.errors(YESTERDAY))} than the day before{share}."
        )
        return verdict_of(words, _tests(self))

    @property
    def words(self) -> dict[str, str]:
        """What is said of it beside the verdict: how it stands to what knows the day itself."""
        before = [f"{name} {r2_of(self.errors(name))}" for name in (self.chosen, HAR_NAME)]
        inside = [one.name for one in self.scores if one.name.startswith(WITH_THE_DAY)]
        told = [f"{name.removeprefix(WITH_THE_DAY)} {r2_of(self.errors(name))}" for name in inside]
        return {
            "beside_the_day_itself": f"On the same rows, from days before alone: {', '.join(before)}. With the day's own volume in "
            f"the average that is seen: {', '.join(told)}; these are no forecasts."
        }


def _tests(found: ForecastFindings) -> list[Test]:
    ours = found.errors(found.chosen).mae
    yesterday, month = (found.errors(name).mae for name in (YESTERDAY, MONTH))
    return [
        Test(
            name="better than the day before",
            passed=ours < yesterday,
            words=f"MAE {ours:,.0f} against {yesterday:,.0f} shares for the volume of the day before.",
        ),
        Test(
            name="no worse than the month's mean",
            passed=ours <= month,
            words=f"MAE {ours:,.0f} against {month:,.0f} shares for one share of the mean of 22 days.",
        ),
        within_the_size(found, found.options.size_budget_bytes),
    ]


FOREST = WITH_THE_DAY + REFERENCE
