"""The package without the project: the wheel in an environment of its own, and an empty folder in which its commands are typed.

Libraries are those of the lock file, which were downloaded when this environment was made.
"""

import os
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import typed

from cryptodudez_assets_tests import documented
from cryptodudez_assets_tests.conftest import ROOT
from cryptodudez_assets_tests.integration.conftest import free_ports

pytestmark = pytest.mark.long

PATIENCE_SECONDS = 900
UV = str(Path(sys.executable).with_name("uv"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GAS = "hour,gwei\n" + "".join(f"2021-01-01T{hour:02}:00:00Z,{50 + hour}.5\n" for hour in range(24))


@dataclass(frozen=True)
class Installed:
    """An environment with the package, and the empty folder that its user is in."""

    commands: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Of a shell in which the environment is activated; nothing in it leads to the project."""
        path = os.pathsep.join([str(self.commands), "/usr/local/bin", "/usr/bin", "/bin"])
        return {"PATH": path, "HOME": str(self.folder.parent / "user"), "COLUMNS": "200"}

    def typed(self, *words: str, **more: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            [self.commands / words[0], *words[1:]],
            cwd=self.folder,
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    @contextmanager
    def started(self, *words: str) -> Iterator[Path]:
        """A server; gives the file in which is what it says, all of it once it was told to end."""
        said = self.folder.parent / f"{words[0]}.log"
        with said.open("wb") as log:
            process = subprocess.Popen(
                [self.commands / "cryptodudez", *words],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield said
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0, said.read_text()
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, built of this project and installed with what it needs: no extra, no group, nothing of the project beside it."""
    place = tmp_path_factory.mktemp("package")
    environment, wheels, libraries = place / "environment", place / "dist", place / "libraries.txt"
    for name in ("here", "user"):
        (place / name).mkdir()
    uv("build", "--quiet", "--wheel", "--out-dir", wheels, ROOT)
    uv("export", "--quiet", "--frozen", "--no-dev", "--no-hashes", "--no-emit-project", "--output-file", libraries)
    uv("venv", "--quiet", "--python", sys.executable, environment)
    (wheel,) = wheels.glob("*.whl")
    uv("pip", "install", "--quiet", "--python", environment / "bin" / "python", "--constraints", libraries, wheel)
    return Installed(environment / "bin", place / "here")


def uv(*words: str | Path) -> None:
    # It takes the environment that is activated for the one that it is to look after.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run([UV, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def answer(url: str, log: Path) -> str:
    """What is answered there, once somebody does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=60) as told:
                return str(told.read().decode())
        except OSError:
            assert time.monotonic() < deadline, log.read_text()[-4000:]
            time.sleep(0.5)


def test_the_version_is_said_in_one_place(installed: Installed) -> None:
    assert PROJECT["version"] in installed.typed("cryptodudez", "--version")
    assert f"\n## {PROJECT['version']} - " in (ROOT / "CHANGELOG.md").read_text()
    where = installed.typed("python", "-c", "import cryptodudez_assets, serving; print(serving.__file__)")
    assert where.startswith(str(installed.commands.parent)), "the project is imported, not the package"


def test_from_an_empty_folder_to_an_answer(installed: Installed) -> None:
    ui, api = free_ports(2)
    page = documented.page("docs/tutorial.md").text.replace("8765", str(api))
    with typed.shell(installed.folder, installed.environment) as run:
        told = typed.typed(page, run)
    demo, _, rest = told.partition("## 2.")
    assert "GET /signal/eth" in demo
    assert "  cryptodudez up  the Dagster UI" in demo, "as its user can type it"
    assert "make " not in demo.partition("$ cryptodudez demo")[2]
    for said in ("banana", "2021-02-30", "2281.47", "Raw files      ", '"decision": "HODL"'):
        assert said in rest
    with installed.started("up", "--port", str(ui), "--api-port", str(api)) as log:
        assert "Dagster" in answer(f"http://127.0.0.1:{ui}/", log)
        assert '"decision":"HODL"' in answer(f"http://127.0.0.1:{api}/signal/eth", log).replace(" ", "")
        assert "HODL" in answer(f"http://127.0.0.1:{api}/", log)
    assert "stopped" in log.read_text()


def test_a_source_of_its_user_s_is_a_file_in_a_folder_of_theirs(installed: Installed) -> None:
    (installed.folder / "gas.csv").write_text(GAS)
    (block,) = documented.page("docs/package.md").commands
    own = {"CRYPTODUDEZ_DECLARATIONS": "declarations", "CRYPTODUDEZ_SETTLE_SECONDS": "0"}
    with typed.shell(installed.folder, installed.environment | {"CRYPTODUDEZ_SETTLE_SECONDS": "0"}) as run:
        said = run(block)
    assert "wrote ~/here/declarations/sources/gas_prices.py" in said
    assert "CRYPTODUDEZ_DECLARATIONS=~/here/declarations" in said
    asked = "select count(*) as n, max(gwei) as most from market.gas_prices"
    assert installed.typed("cryptodudez", "sql", asked, "--format", "csv", **own).splitlines()[-1] == "24,73.5"
    assert "gas_prices" not in installed.typed("cryptodudez", "status"), "nothing is run that no setting names"
