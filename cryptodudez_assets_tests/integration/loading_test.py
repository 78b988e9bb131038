"""The graph is loaded without a word: whoever starts something is told of what concerns them, and of nothing else."""

import os
import subprocess
import sys
from pathlib import Path

from cryptodudez_assets_tests.conftest import ROOT


def test_no_warning_is_printed_where_the_graph_is_loaded(tmp_path: Path):
    load = "from cryptodudez_assets.definitions import defs; defs()"
    environment = os.environ | {"CRYPTODUDEZ_HOME": str(tmp_path), "PYTHONWARNINGS": "default::UserWarning"}
    done = subprocess.run(
        [sys.executable, "-c", load], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "BetaWarning" not in done.stderr
