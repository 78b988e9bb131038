"""The report on one training of a signal: what was found, in words, tables and plots. Computes nothing new.

Here is where it lies and which code makes it.
"""

from pathlib import Path

from cryptodudez_assets import reports
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.declared_models.signal import SignalModel

PAGE_FILES = {".css", ".html"}


def report_name(model: SignalModel) -> str:
    """What the page is called."""
    return f"{model.name}.html"


def code_hash() -> str:
    """A hash of the report's code, and of the page that it is put into."""
    made_by = [
        *(f"{__name__}.{name}" for name in ("page.page", "plots.draw", "words.markdown")),  # loading them takes long
        "cryptodudez_assets.models.signal.record.summary.summary",
    ]
    files = [path for path in sorted(Path(reports.__file__).parent.iterdir()) if path.suffix in PAGE_FILES]
    return hash_of_code(*made_by, within=(__name__, reports.__name__), more=[path.read_text("utf-8") for path in files])
