"""A release has one number: of the project, the lock file, the newest heading of the CHANGELOG, and what a tag may be put on."""

import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

from cryptodudez_assets_tests import documented
from cryptodudez_assets_tests.conftest import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_version_is_that_of_the_newest_heading_and_of_the_lock_file() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings.pop(0) == "Unreleased", "the place for what is to come"
    releases = [heading.split(" - ") for heading in headings]
    assert releases[0][0] == VERSION
    numbers = [tuple(map(int, number.split("."))) for number, _ in releases]
    days = [date.fromisoformat(day) for _, day in releases]
    assert numbers == sorted(set(numbers), reverse=True)
    assert days == sorted(days, reverse=True)
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    assert [one["version"] for one in locked if one["name"] == "cryptodudez"] == [VERSION]


def test_the_commands_of_a_release_tag_the_version_and_push_it(tmp_path: Path) -> None:
    (block,) = documented.page("CONTRIBUTING.md").commands
    project, origin = tmp_path / "project", tmp_path / "origin"
    project.mkdir()
    (project / ".venv").symlink_to(sys.prefix)
    (project / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    begun = f"""
        export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
        git init --quiet --bare {origin}
        git init --quiet
        git remote add origin {origin}
        git add pyproject.toml
        git commit --quiet --message one
    """
    told = f"git --git-dir {origin} for-each-ref --format '%(objecttype) %(refname:short) %(subject)'"
    done = subprocess.run(["bash", "-euc", f"{begun}\n{block}\n{told}"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"tag v{VERSION} cryptodudez {VERSION}"
