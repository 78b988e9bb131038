"""What a training run of the forecast tries: every recipe, and those of the volume model, which know the day itself, on the same rows."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from cryptodudez_assets.declared_models.forecast import ForecastOptions
from cryptodudez_assets.models.forecast.data import as_cells, as_rows, days_of
from cryptodudez_assets.models.forecast.found import FOREST, WITH_THE_DAY
from cryptodudez_assets.models.forecast.recipes import YESTERDAY, as_yesterday, candidates
from cryptodudez_assets.models.volume import recipes as knowing_the_day
from cryptodudez_assets.models.volume.data import Rows, cells_of, in_memory, sample, split_of, usable
from cryptodudez_assets.models.volume.found import Part, Scored
from cryptodudez_assets.models.volume.model_file import says, to_file
from cryptodudez_assets.models.volume.recipes import ONE_NUMBER, Says, VolumeRecipe, fit, reference_forest
from cryptodudez_assets.models.volume.scoring import errors_of


class Judge:
    """One run over the rows of the table. `scores` and `losses` (of every iteration of every fit) grow with whatever is tried."""

    def __init__(self, rows: pl.LazyFrame, options: ForecastOptions, progress: Callable[[str], None]) -> None:
        self._rows, self._options, self._progress = usable(rows), options, progress
        self.split = split_of(self._rows, options)
        self._days = days_of(rows, self.split, options)
        self.probes = as_rows(self._days.tested).features
        self.recipes = candidates(options.seed)
        self.scores: list[Scored] = []
        self.losses: list[dict[str, Any]] = []

    @property
    def learned(self) -> int:
        """How many days are learned from."""
        return len(self._days.learned)

    def choose(self) -> VolumeRecipe:
        """The recipe that was least off on the second part, having learned from the first."""
        is_first = pl.col("date") < self.split.choose_from
        files = self._fit_all("first part", self._days.learned.filter(is_first))
        self._score(files, as_rows(self._days.learned.filter(~is_first)), "choose")
        mae = {one.name: one.errors.mae for one in self.scores}
        return min(self.recipes, key=lambda recipe: mae[recipe.name])

    def test(self, others: Mapping[str, Says]) -> dict[str, bytes]:
        """Files of all recipes, having learned from all that is before the test; they, `others` and the day before are scored on it."""
        files = self._fit_all("before the test", self._days.learned)
        self._score(files, as_rows(self._days.tested), "test", {YESTERDAY: as_yesterday, **others})
        return files

    def compare_with_the_day_inside(self) -> None:
        """Score what the volume model's recipes and the brief's forest say of the same days, of which they know the volume's average."""
        before, tested = (self._rows.filter(day) for day in (self._is_before, ~self._is_before))
        cells, probes = cells_of(before), self._sampled(before).features
        known = [one for one in knowing_the_day.candidates(self._options.seed) if one.name != ONE_NUMBER]
        files = {WITH_THE_DAY + one.name: to_file(fit(one, cells), probes) for one in known}
        self._score(files, in_memory(tested), "test", {FOREST: self._forest(self._sampled(before))})

    @property
    def _is_before(self) -> pl.Expr:
        return pl.col("date") < self.split.test_from

    def _sampled(self, rows: pl.LazyFrame) -> Rows:
        return in_memory(sample(rows, self.split.rows, self._options).lazy())

    def _forest(self, rows: Rows) -> Says:
        self._progress("volume forecast: the brief's forest, to compare with")
        return reference_forest(rows, self._options.seed)

    def log(self) -> list[dict[str, Any]]:
        """Every loss value, then every score."""
        told = (one.model_dump(exclude={"errors"}) | one.errors.model_dump() for one in self.scores)
        return [*self.losses, *told]

    def _fit_all(self, what: str, days: pl.DataFrame) -> dict[str, bytes]:
        cells = as_cells(days)
        files = {}
        for recipe in self.recipes:
            fitted = fit(recipe, cells)
            self._progress(f"volume forecast, {what}: {recipe.name} fitted")
            for iteration, loss in enumerate(fitted.losses, start=1):
                self.losses.append({"fit": what, "recipe": recipe.name, "iteration": iteration, "loss": loss})
            files[recipe.name] = to_file(fitted, self.probes)
        return files

    def _score(self, files: Mapping[str, bytes], rows: Rows, part: Part, others: Mapping[str, Says] = {}) -> None:
        all_say = {name: says(file) for name, file in files.items()} | dict(others)
        for name, one in all_say.items():
            found = Scored(name=name, split="time", part=part, rows="all", errors=errors_of(one, rows))
            self.scores.append(found)
