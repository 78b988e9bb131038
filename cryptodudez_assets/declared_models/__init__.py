"""Declared models: every module here that holds a `MODEL` is one. Adding a file adds a model.

Data only, below all rooms that make something of it: `features` takes a signal's coin, `models` trains, `defs` makes assets,
`serving` answers. How a kind of model is trained does not belong here.
"""

from collections.abc import Iterable
from functools import cache
from typing import TypeVar

from cryptodudez_assets.declarations import Declarations, LeftOut, declared_in, folders_of_own
from cryptodudez_assets.declared_models.declaration import Model, problem_of

M = TypeVar("M", bound=Model)

__all__ = ["Model", "all_models", "declared_models", "left_out_models", "models_of_kind"]

__path__ += folders_of_own("declared_models")


@cache
def declared_models() -> Declarations[Model]:
    """What the files here declare, each with its place, and what of it is left out."""
    found = declared_in(__name__, __path__, "MODEL", "model", Model)
    found.keep(problem_of)
    found.leave_out_shared(lambda model: model.tables, "the asset")
    found.leave_out_shared(lambda model: [model.serves], "the route")
    return found


@cache
def all_models() -> dict[str, Model]:
    """Every declared model by name, as `Model.place` has them, then by name. What cannot be taken is in `left_out_models`."""
    taken = [one.value for one in declared_models().taken]
    return {model.name: model for model in sorted(taken, key=lambda model: (model.place, model.name))}


def models_of_kind(kind: type[M], models: Iterable[Model] | None = None) -> list[M]:
    """Those of one kind, in the same order; of all that are declared, unless some are named."""
    return [one for one in (all_models().values() if models is None else models) if isinstance(one, kind)]


def left_out_models() -> list[LeftOut]:
    """The files of models that are left out, each with its reason."""
    return sorted(declared_models().left_out)
