"""What a training run tries: every recipe and the reference, fitted and tested on both splits, every number kept for the log."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from cryptodudez_assets.declared_models.volume import VolumeOptions
from cryptodudez_assets.models.volume.data import (
    Cells,
    Rows,
    cells_of,
    in_memory,
    random_split,
    sample,
    split_of,
    without_today,
)
from cryptodudez_assets.models.volume.found import REFERENCE, WITHOUT_TODAY, Part, Scored, SplitName, Which
from cryptodudez_assets.models.volume.model_file import says, to_file
from cryptodudez_assets.models.volume.recipes import Says, VolumeRecipe, candidates, fit, reference_forest
from cryptodudez_assets.models.volume.scoring import errors_of


class Judge:
    """One run over usable rows. `scores` and `losses` (of every iteration of every fit) grow with whatever is tried."""

    def __init__(self, rows: pl.LazyFrame, options: VolumeOptions, progress: Callable[[str], None]) -> None:
        self.split = split_of(rows, options)
        day = pl.col("date")
        self._learned, self._before = rows.filter(day < self.split.choose_from), rows.filter(day < self.split.test_from)
        self._choice = rows.filter(day >= self.split.choose_from, day < self.split.test_from)
        self._tested = rows.filter(day >= self.split.test_from)
        self._sample = sample(rows, self.split.rows, options)
        self.probes = in_memory(self._sample.lazy()).features
        self._seed, self._progress = options.seed, progress
        self.recipes = candidates(options.seed)
        self.scores: list[Scored] = []
        self.losses: list[dict[str, Any]] = []

    @property
    def learned(self) -> int:
        """How many rows are learned from."""
        return self.split.rows_before_test

    def choose(self) -> VolumeRecipe:
        """The recipe that was least off on the second part, having learned from the first."""
        files = self._fit_all("time split, first part", cells_of(self._learned))
        self._score(_all_say(files), in_memory(self._choice), "time", "choose", "all")
        mae = {one.name: one.errors.mae for one in self.scores}
        return min(self.recipes, key=lambda recipe: mae[recipe.name])

    def test(self, others: Mapping[str, Says]) -> dict[str, bytes]:
        """Files of all recipes, having learned from all that is before the test; they and `others` are scored on it."""
        files = self._fit_all("time split, before the test", cells_of(self._before))
        self._score({**_all_say(files), **others}, in_memory(self._tested), "time", "test", "all")
        return files

    def compare_with_reference(self, files: Mapping[str, bytes]) -> None:
        """Score files and the reference, which learns from the sample, on the sample's rows of the test."""
        early = in_memory(self._sample.lazy().filter(pl.col("date") < self.split.test_from))
        late = in_memory(self._sample.lazy().filter(pl.col("date") >= self.split.test_from))
        self._score({**_all_say(files), **self._reference("time split, sample", early)}, late, "time", "test", "sample")

    def split_at_random(self) -> None:
        """Score all on the split that leaks, within the sample."""
        learned, tested = random_split(self._sample, self._seed)
        files = self._fit_all("random split, sample", cells_of(learned.lazy()))
        forest = self._reference("random split, sample", in_memory(learned.lazy()))
        self._score({**_all_say(files), **forest}, in_memory(tested.lazy()), "random", "test", "sample")

    def leave_out_today(self, recipe: VolumeRecipe) -> None:
        """Score a recipe that sees nothing the day itself is in, neither in learning nor in the test."""
        file = self._fit("time split, without the day itself", recipe, cells_of(without_today(self._before)))
        self._score({WITHOUT_TODAY: says(file)}, in_memory(without_today(self._tested)), "time", "test", "all")

    def log(self) -> list[dict[str, Any]]:
        """Every loss value, then every score."""
        told = (one.model_dump(exclude={"errors"}) | one.errors.model_dump() for one in self.scores)
        return [*self.losses, *told]

    def _fit_all(self, what: str, cells: Cells) -> dict[str, bytes]:
        return {recipe.name: self._fit(what, recipe, cells) for recipe in self.recipes}

    def _fit(self, what: str, recipe: VolumeRecipe, cells: Cells) -> bytes:
        fitted = fit(recipe, cells)
        of = "volume / average" if recipe.of_average else "volume"
        self._note(what, recipe.name, of, fitted.losses)
        return to_file(fitted, self.probes)

    def _reference(self, what: str, rows: Rows) -> dict[str, Says]:
        forest = reference_forest(rows, self._seed)
        self._note(what, REFERENCE, "volume", [errors_of(forest, rows).mae])
        return {REFERENCE: forest}

    def _note(self, fit: str, recipe: str, of: str, losses: list[float]) -> None:
        self._progress(f"volume model, {fit}: {recipe} fitted")
        for iteration, loss in enumerate(losses, start=1):
            self.losses.append({"fit": fit, "recipe": recipe, "loss_of": of, "iteration": iteration, "loss": loss})

    def _score(self, all_say: Mapping[str, Says], rows: Rows, split: SplitName, part: Part, which: Which) -> None:
        for name, one in all_say.items():
            found = Scored(name=name, split=split, part=part, rows=which, errors=errors_of(one, rows))
            self.scores.append(found)


def _all_say(files: Mapping[str, bytes]) -> dict[str, Says]:
    return {name: says(file) for name, file in files.items()}
