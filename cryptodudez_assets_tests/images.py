"""The images of the stack, built for real: on a base of Debian's packages, since none can be pulled by its digest everywhere.

An image is named by what it is made of, so that what has not changed is not built again. How containers run is in `podman.py`.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cryptodudez_assets_tests.podman import FOLDER, ROOT, CommandFailed, inspected, lacking, podman, run

IMAGES = ROOT / "deploy" / "images"
APPS = ("code", "serving", "recorder")
BASE = "base"
DEBIAN, PACKAGES = "bookworm", "python3,python3-venv,ca-certificates,libstdc++6,tzdata"
LEFT_OUT = ("doc", "man", "info", "locale")
BOUNDS = {BASE: 200, "code": 1700, "serving": 1050, "recorder": 500}
"""Megabytes (of a million bytes) that an image takes with its base, uncompressed, at most."""
SOURCES = ("cryptodudez_assets", "serving", "pyproject.toml", "uv.lock", "README.md", "dagster.yaml", "deploy/images")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LARGEST = """
import importlib.metadata as metadata
def size(one):
    paths = [str(file.locate()) for file in one.files or ()]
    return sum(os.stat(path).st_size for path in paths if os.path.exists(path))
import os
sizes = sorted(((size(one), one.name) for one in metadata.distributions()), reverse=True)
print(", ".join(f"{name} {round(bytes / 1e6)}" for bytes, name in sizes[:10]))
"""


def image(app: str) -> str:
    """The name of an app's image, or of the base, which is built where there is none yet. Raises CommandFailed."""
    made_of = _base_is_made_of() if app == BASE else _is_made_of()
    name = f"localhost/cryptodudez-{app}:{hashlib.sha256(made_of).hexdigest()[:16]}"
    if not _is_there(name):
        _forget_older(name)
        began = time.monotonic()
        (_build_base if app == BASE else _build)(app, name)
        print(f"built {app} in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return name


def megabytes(name: str) -> float:
    """What an image takes, uncompressed, with its base."""
    return float(inspected("image", name)["Size"]) / 1e6


def largest(name: str) -> str:
    """The ten largest packages of an image, each with its megabytes, without what Python compiles of them."""
    return podman("run", "--rm", "--network", "none", name, "python3", "-c", LARGEST)


def _build_base(_: str, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    archive = FOLDER / "base.tar"
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{one}/*" for one in LEFT_OUT]
    run("mmdebstrap", "--quiet", "--variant=essential", f"--include={PACKAGES}", *left_out, DEBIAN, archive)
    made = run("buildah", "from", "scratch")
    try:
        run("buildah", "add", made, archive, "/")
        run("buildah", "config", "--env", f"PATH={PATH}", made)
        run("buildah", "commit", made, name)
    finally:
        run("buildah", "rm", made)
        archive.unlink()


def _build(app: str, name: str) -> None:
    """As an operator does, with the packages that this machine has downloaded already."""
    cache = run(Path(sys.executable).with_name("uv"), "cache", "dir")
    run(IMAGES / "build.sh", app, name, BASE=image(BASE), BUILDAH_OPTIONS=f"--volume {cache}:/root/.cache/uv")


def _is_there(name: str) -> bool:
    try:
        inspected("image", name)
    except CommandFailed:
        return False
    return True


def _forget_older(name: str) -> None:
    """What other sources were built to would fill the disk."""
    of_app, _, _ = name.rpartition(":")
    for one in podman("images", "--format", "{{.Repository}}:{{.Tag}}").split():
        if one.startswith(f"{of_app}:"):
            podman("rmi", "--force", one)


def _base_is_made_of() -> bytes:
    return repr((DEBIAN, PACKAGES, LEFT_OUT, PATH)).encode()


def _is_made_of() -> bytes:
    made_of = hashlib.sha256(_base_is_made_of())
    for path in _files():
        made_of.update(f"{path.relative_to(ROOT)}\0{os.access(path, os.X_OK)}\0".encode())
        made_of.update(hashlib.sha256(path.read_bytes()).digest())
    return made_of.digest()


def _files() -> Iterator[Path]:
    """What is copied into an image, and how; nothing that Python wrote."""
    for source in SOURCES:
        place = ROOT / source
        found = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from (one for one in found if one.is_file() and "__pycache__" not in one.parts)


if __name__ == "__main__":
    if why := lacking():
        raise SystemExit(why)
    for one in (BASE, *APPS):
        try:
            print(f"{image(one)} {megabytes(image(one)):,.0f} MB", flush=True)
        except (CommandFailed, subprocess.TimeoutExpired) as error:
            raise SystemExit(str(error)) from error
