"""The platform's settings as pods are given them. Names are taken from the platform, so that none stands twice."""

from collections.abc import Mapping

import pulumi

from cryptodudez_assets.settings import PREFIX, Settings

HOME = "/var/lib/cryptodudez"
"""A pod's own folder; what must outlive the pod is in the lake, the database, or on a recorder's volume."""


def variable(setting: str) -> str:
    """The environment variable of a setting. Raises KeyError where the platform has none of that name."""
    if setting not in Settings.model_fields:
        raise KeyError(f"the platform has no setting {setting!r}")
    return f"{PREFIX}{setting}".upper()


def plain(settings: Mapping[str, pulumi.Input[str]]) -> dict[str, pulumi.Input[str]]:
    """Variables by the names of settings."""
    return {variable(name): value for name, value in settings.items()}
