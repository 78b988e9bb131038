"""What a look for drift found, as plain numbers: made once, read by the check and the page."""

from pydantic import Field

from cryptodudez_assets.models.drift.distances import Method
from cryptodudez_assets.models.findings import Finding


class Histogram(Finding):
    """Shares of the known values in bins between `edges` (one more than bins); what lies outside is in the outer bins."""

    edges: list[float]
    reference: list[float]
    current: list[float]


class Column(Finding):
    """One feature or probability, now against then."""

    name: str
    level: bool = Field(description="Moves as prices do: its values are not monitored, only whether they are missing.")
    distance: float | None = Field(description="In the terms of the method. None: a level, or too few known values.")
    threshold: float | None = Field(description="The distance that would be an alarm.")
    missing_reference: float = Field(description="Share of rows without a value.")
    missing_current: float
    missing_threshold: float = Field(description="The difference of these shares that would be an alarm.")
    score: float = Field(description="Of both distances the more unusual one, in deviations from the ordinary.")
    missing_score: float = Field(description="That of the missing values alone.")
    drifted: bool
    histogram: Histogram | None


class PastLook(Finding):
    """A block of the reference that was looked at as if it were new."""

    first_row: int = Field(description="Of the reference; all rows before it were what it was compared with.")
    score: float
    limit: float

    @property
    def alarm(self) -> bool:
        """A false one, as nothing is known to have broken."""
        return self.score > self.limit


class Rate(Finding):
    """A share of looks, with its 95 % interval (Wilson's, as if looks were independent)."""

    value: float
    low: float
    high: float
    alarms: int
    looks: int


class Drift(Finding):
    """Today's sample against the reference."""

    n_reference: int
    n_given: int = Field(description="Rows of the current sample.")
    n_current: int = Field(description="Of these, the latest that were looked at.")
    false_alarm_rate: float = Field(description="Asked for: of whole looks at days like those of the reference.")
    method: Method
    judged: bool = Field(description="False: too few rows to say anything; there is no alarm then, and no numbers.")
    alarm: bool = False
    score: float | None = Field(default=None, description="The largest of the columns.")
    limit: float | None = Field(default=None, description="The score beyond which there is an alarm.")
    columns: list[Column] = Field(default=[], description="The most unusual first.")
    maxima: list[float] = Field(
        default=[], description="The largest score of each (overlapping) block of the reference."
    )
    looks: list[PastLook] = Field(default=[], description="The replay, in order of time.")
    replayed_rate: Rate | None = None

    @property
    def drifted(self) -> list[Column]:
        """Those that are the reason for the alarm."""
        return [one for one in self.columns if one.drifted]
