"""Whether a view can be taken as it is declared, beyond what it sees to itself when it is made."""

from collections.abc import Mapping

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.derived.checking import problem_with_exports, problem_with_inputs
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
    if isinstance(view.key, str):
        return f"key={view.key!r}: expected a list of columns"
    if problem := problem_with_inputs(view) or problem_with_exports(view):
        return problem
    if not callable(view.transform):
        return f"transform={view.transform!r}: expected a function"
    refuse_too_early([view], contracts)
    return None if view.code_hash and view.features else "its contract declares no features"
