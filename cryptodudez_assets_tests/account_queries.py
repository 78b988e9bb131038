"""`docs/accounts/queries.sql` asked of tables, wherever they are: its answers in the form of `eight_questions`."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from cryptodudez_assets.lake.sql import by_heading

FOLDER = Path(__file__).parents[1] / "docs" / "accounts"
QUESTIONS = by_heading((FOLDER / "queries.sql").read_text())
Ask = Callable[[str, Mapping[str, object]], pl.DataFrame]


class FromQueries:
    """The eight questions by the published SQL. `ask`: what runs a statement with its parameters."""

    def __init__(self, ask: Ask, user_ids: Mapping[int, str]) -> None:
        self._ask, self._user_ids = ask, user_ids

    def rows(self, number: int, **given: object) -> pl.DataFrame:
        return self._ask(QUESTIONS[f"question {number}"], given)

    def active(self, day: date) -> set[int]:
        return set(self.rows(1, day=day)["user_key"])

    def without_deposit(self, *, counted: bool) -> set[int]:
        found = self.rows(2)
        return set((found if counted else found.filter("none_at_all"))["user_key"])

    def with_many_deposits(self, day: date) -> set[int]:
        return set(self.rows(3, day=day)["user_key"])

    def last_login(self) -> dict[int, datetime]:
        return self._of_everybody(4, "last_login")

    def logins(self, first: date, last: date) -> dict[int, int]:
        return self._of_everybody(5, "logins", **{"from": first, "to": last})

    def currencies(self, kind: str, day: date) -> set[str]:
        found = self.rows(6 if kind == "deposit" else 7, day=day)
        names = set((found["which"].item() or "").split())
        assert len(names) == found["currencies"].item()
        return names

    def total(self, currency: str, day: date) -> Decimal:
        found: Decimal = self.rows(8, currency=currency, day=day)["amount"].item()
        return found

    def _of_everybody(self, number: int, column: str, **given: object) -> dict[int, Any]:
        """The users of whom there is anything to tell."""
        asked = {key: self.rows(number, user_id=name, **given) for key, name in self._user_ids.items()}
        assert {key: rows["user_key"].item() for key, rows in asked.items()} == {key: key for key in asked}
        return {key: value for key, rows in asked.items() if (value := rows[column].item())}
