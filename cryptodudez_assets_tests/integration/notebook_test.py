"""The notebook of the documentation, executed: it says again what it said, from a raw file to the answer of `GET /predict`."""

import json
import subprocess
import sys

import pytest

from cryptodudez_assets_tests.conftest import ROOT

pytestmark = pytest.mark.long

NOTEBOOK = ROOT / "docs" / "notebooks" / "raw_file_to_predict.ipynb"


def test_it_says_again_what_it_said() -> None:
    command = [sys.executable, str(ROOT / "docs" / "run_notebook.py"), "--check", str(NOTEBOOK)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    outputs = [one for cell in json.loads(NOTEBOOK.read_text())["cells"] for one in cell.get("outputs", ())]
    said = "".join(line for one in outputs for line in one.get("text", ()))
    assert "\n200 " in said
    assert "quarantined 2" in said
