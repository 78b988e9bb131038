"""What every model declares, of whatever kind. What only one kind has is in that kind's file."""

import re
from dataclasses import dataclass

NAME = re.compile(r"[a-z][a-z0-9_]*")
ROUTE = re.compile(r"(/[a-z0-9_]+)+")
OWNER = re.compile(r"team:[\w-]+|[^@\s]+@[^@\s]+")
RESERVED = ("/docs", "/features", "/health", "/metrics", "/models", "/reports", "/dashboard", "/assets")
"""Where the API answers other things."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """Something that is trained on a table, judged, promoted where it is better, served by a route, and explained by receipts.

    `name`: in registry, receipts, API and `ml.<name>`, its asset. `serves`: the path of the route that answers with it.
    `owner`: `team:name` or an e-mail address. `place`: among models, where they are listed; the first signal is what the
    dashboard opens with.
    """

    name: str
    serves: str
    owner: str = "team:quant-research"
    place: int = 100

    @property
    def asset(self) -> str:
        """The trained model, by the name of its asset."""
        return f"ml.{self.name}"

    @property
    def tables(self) -> list[str]:
        """All assets that are its own, by name."""
        return [self.asset]


def problem_of(model: Model) -> str | None:
    """Why a declaration cannot be taken; None if it can."""
    if not isinstance(model.name, str) or not NAME.fullmatch(model.name):
        return f"name={model.name!r}: expected small letters, digits and _, as it names a folder and assets"
    if not isinstance(model.serves, str) or not ROUTE.fullmatch(model.serves):
        return f"serves={model.serves!r}: expected a path such as /signal/sol"
    if model.serves.startswith(RESERVED):
        return f"serves={model.serves!r}: the API answers something else there; begin it with another word"
    if not OWNER.fullmatch(model.owner):
        return f"owner={model.owner!r}: expected team:name or an e-mail address"
    return None
