"""Whether a view can be taken as it is declared, beyond what it sees to itself when it is made."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.derived.checking import (
    problem_with_checks,
    problem_with_columns,
    problem_with_exports,
    problem_with_inputs,
)
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, refuse_too_early
from cryptodudez_assets.sources.checking import NAME, OWNER


def problem_of(view: FeatureView, contracts: Mapping[str, type[Contract]]) -> str | None:
    """What is wrong with it, if something is; whatever it raises is wrong, too. `contracts`: of what it may read, by table."""
    if not isinstance(view.name, str) or not NAME.fullmatch(view.name):
        return f"name={view.name!r}: expected letters, digits and _, as it names a table"
    if not (isinstance(view.contract, type) and issubclass(view.contract, FeatureContract)):
        return f"contract={view.contract!r}: expected a subclass of FeatureContract"
    if not OWNER.fullmatch(view.owner):
        return f"owner={view.owner!r}: expected team:name or an e-mail address"
    if problem := problem_with_inputs(view) or problem_with_exports(view) or problem_with_checks(view):
        return problem
    if not callable(view.transform):
        return f"transform={view.transform!r}: expected a function"
    if problem := problem_with_columns(view, contracts):
        return problem
    refuse_too_early([view], contracts)
    return None if view.code_hash and view.features else "its contract declares no features"


def refuse_unknown_others(model: SignalModel, views: Sequence[FeatureView]) -> None:
    """Raise ValueError where a signal names columns of other coins that its views do not have."""
    there = {name for view in views if view.name == model.coin.predictors for name in view.features}
    if unknown := [name for name in model.others if name not in there]:
        alike = get_close_matches(unknown[0], there, n=3, cutoff=0.5) or sorted(there)[:3]
        raise ValueError(
            f"{model.name}'s others name {unknown[0]!r}, which features.{model.coin.predictors} does not have; "
            f"it has such as {', '.join(alike)}"
        )
