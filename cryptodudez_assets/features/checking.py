"""Whether a view can be taken as it is declared, beyond what it sees to itself when it is made."""

from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Input
from cryptodudez_assets.sources.checking import NAME, OWNER, TABLE


def problem_of(view: FeatureView) -> str | None:
    """What is wrong with it, if something is; whatever it raises is wrong, too."""
    if not isinstance(view.name, str) or not NAME.fullmatch(view.name):
        return f"name={view.name!r}: expected letters, digits and _, as it names a table"
    if not (isinstance(view.contract, type) and issubclass(view.contract, FeatureContract)):
        return f"contract={view.contract!r}: expected a subclass of FeatureContract"
    if not OWNER.fullmatch(view.owner):
        return f"owner={view.owner!r}: expected team:name or an e-mail address"
    if isinstance(view.key, str):
        return f"key={view.key!r}: expected a list of columns"
    if not view.inputs or not all(isinstance(one, Input) for one in view.inputs):
        return "inputs: expected a list of at least one Input"
    if wrong := [one.table for one in view.inputs if not TABLE.fullmatch(one.table)]:
        return f"inputs name {wrong[0]!r}: expected two names with a dot between, such as market.crypto_prices"
    if not callable(view.transform):
        return f"transform={view.transform!r}: expected a function"
    return None if view.code_hash and view.features else "its contract declares no features"
