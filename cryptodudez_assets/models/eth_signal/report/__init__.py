"""The report on one training of the Ethereum signal: what was found, in words, tables and plots. Computes nothing new.

Here is where it lies and which code makes it.
"""

from pathlib import Path

from cryptodudez_assets import reports
from cryptodudez_assets.lake.iceberg.provenance import code_of
from cryptodudez_assets.lake.lake import Lake


def report_path(lake: Lake) -> Path:
    """Where the report is written."""
    return lake.settings.reports / "eth_signal.html"


def version() -> str:
    """A hash of the report's code."""
    folders = (Path(__file__).parent, Path(reports.__file__).parent)
    return code_of(path for folder in folders for path in folder.iterdir() if path.is_file())
