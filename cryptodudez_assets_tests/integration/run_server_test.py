"""What the process that forks runs has imported, so that no run does."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cryptodudez_assets.run_server import ONE_RUN

RUN = """
import sys
import time
import polars as pl
from cryptodudez_assets.run_server import import_everything

import_everything()
before = set(sys.modules)
from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.rules import evaluate_rules
from cryptodudez_assets.sources import all_sources

contract = all_sources()["crypto_prices"].contract
list(evaluate_rules(contract, pl.DataFrame(schema=polars_schema(contract))))
heavy = {"hypothesis", "matplotlib", "pandera", "scipy", "sklearn"}
print(sorted({name.partition(".")[0] for name in set(sys.modules) - before} & heavy), sorted(heavy - before))
"""


def test_a_run_imports_nothing_of_weight(tmp_path: Path) -> None:
    environment = os.environ | {"CRYPTODUDEZ_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "[] []"


COMPUTES = """
from datetime import UTC, datetime
import polars as pl
from cryptodudez_assets.forking import computes
from cryptodudez_assets.run_server import import_everything

import_everything()
print(computes())
pl.select(pl.lit(datetime(2020, 1, 1, tzinfo=UTC)))
print(computes())
"""


@pytest.mark.parametrize("lake", ["folder", pytest.param("bucket", marks=pytest.mark.servers)])
def test_importing_everything_computes_nothing_which_a_fork_would_wait_for(
    tmp_path: Path, lake: str, request: pytest.FixtureRequest
) -> None:
    environment = os.environ | {"CRYPTODUDEZ_HOME": str(tmp_path)}
    if lake == "bucket":
        endpoint = request.getfixturevalue("gs_endpoint")
        environment |= {"CRYPTODUDEZ_LAKE": f"gs://lake/{tmp_path.name}", "CRYPTODUDEZ_GS_ENDPOINT": endpoint}
    done = subprocess.run(
        [sys.executable, "-c", COMPUTES], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-2:] == ["False", "True"]


SERVES = """
import sys
import time
from datetime import UTC, datetime
import polars as pl
from cryptodudez_assets.run_server import main

if sys.argv[2] == "computes":
    pl.select(pl.lit(datetime(2020, 1, 1, tzinfo=UTC)))
main(int(sys.argv[1]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("declarations", ["computes", "do not"])
def test_runs_are_forked_unless_a_declaration_computes(tmp_path: Path, declarations: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-c", SERVES, str(theirs.fileno()), declarations]
        environment = os.environ | {"CRYPTODUDEZ_HOME": str(tmp_path)}
        server = subprocess.Popen(
            command, env=environment, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True
        )
        with server, ours.makefile("rwb") as stream:
            theirs.close()
            stream.write(b"no arguments of a run\n")
            stream.flush()
            in_own_process = _is_one_run(int(stream.readline()))
            server.terminate()
            said = server.stderr.read() if server.stderr else ""

    assert in_own_process == (declarations == "computes")
    assert ("runs cannot be forked" in said) == in_own_process


def _is_one_run(process: int) -> bool:
    try:
        while not (words := psutil.Process(process).cmdline()):  # it has only just become another program
            time.sleep(0.001)
        return ONE_RUN in words
    except psutil.NoSuchProcess:  # a fork, which is done at once; one that imports everything is not
        return False
