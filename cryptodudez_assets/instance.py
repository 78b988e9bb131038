"""Dagster's own folder (runs, events, schedules), below our home and with the project's configuration in it."""

from pathlib import Path

from cryptodudez_assets.settings import Settings

CONFIGURATION = Path(__file__).parents[1] / "dagster.yaml"


def dagster_home(settings: Settings) -> Path:
    """The folder, made ready."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(CONFIGURATION.read_text())
    return home
