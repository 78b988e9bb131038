"""What every source needs to write its archives: where to, how much, how dirty, and its own random numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

import polars as pl

from cryptodudez_assets.simulator.archives import ArchiveWriter
from cryptodudez_assets.simulator.dirt import Dirt, Row
from cryptodudez_assets.simulator.sizes import Size
from cryptodudez_assets.simulator.truth import TruthTable


@dataclass(frozen=True)
class Job:
    """One call of `simulate`."""

    target: Path
    size: Size
    last_day: date
    seed: int
    dirt: Dirt
    on_progress: Callable[[str], None]
    planted: bool = False

    def rng(self, *names: str) -> Random:
        """Random numbers of one purpose: another coin or tweet more elsewhere does not change them."""
        return Random("/".join((str(self.seed), *names)))

    def archive(self, source: str, name: str) -> ArchiveWriter:
        """Open an archive of a source."""
        return ArchiveWriter(self.target / source / name, self.dirt, self.seed, self.last_day, self.on_progress)

    def loose(self, source: str, name: str) -> Path:
        """Where a file of a source lies that is in no archive; told as finished."""
        path = self.target / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.on_progress(f"{source}: {path.name}")
        return path

    def truth(self, source: str, rows: pl.DataFrame) -> None:
        """Write the table of a source's good rows at once."""
        path = self.target / "truth" / f"{source}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.write_parquet(path)

    def truth_table(self, source: str, frame: Callable[[list[Row]], pl.DataFrame]) -> TruthTable:
        """Open the table of a source's good rows; `frame` turns rows as archived into what an ingest makes of them."""
        return TruthTable(self.target / "truth" / f"{source}.parquet", frame)
