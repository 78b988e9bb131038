"""Dagster's configuration is one file, which an installed package has as well."""

import cryptodudez_assets
from cryptodudez_assets.instance import CONFIGURATION
from cryptodudez_assets_tests.conftest import ROOT


def test_the_package_has_the_configuration_that_lies_at_the_top_of_the_project() -> None:
    (package,) = cryptodudez_assets.__path__
    assert CONFIGURATION.is_relative_to(package)
    assert CONFIGURATION.resolve() == (ROOT / "dagster.yaml").resolve()
    assert "telemetry" in CONFIGURATION.read_text()
