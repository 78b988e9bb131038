"""Podman and buildah as tests use them: as root of this machine, with images and containers in a folder of the project, `.images/`.

No service has to run, and nothing is kept in the places that the machine's own containers are in. What is built is in `images.py`.
"""

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".images"
HOSTS = FOLDER / "hosts"
"""What containers find by name; `know_hosts` says whom."""
COMMANDS = ("buildah", "podman", "runc", "catatonit", "mmdebstrap")
SECONDS = 1200
LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
MOST = 4096


class CommandFailed(RuntimeError):
    """A command ended with an error; the message is what it said."""


def lacking() -> str:
    """Why nothing can be built or run here; empty if it can."""
    if missing := [name for name in COMMANDS if shutil.which(name) is None]:
        return f"{', '.join(missing)} not installed (.ci/run installs them)"
    return "" if os.geteuid() == 0 else "containers are run as root, which this user is not"


def run(*words: str | Path, seconds: float = SECONDS, **more: str) -> str:
    """What the command said, which may be one of podman's or buildah's; `more` are variables. Raises CommandFailed."""
    done = subprocess.run(
        [str(word) for word in words],
        env=environment() | more,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}".strip()[-6000:]
        raise CommandFailed(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{said}")
    return done.stdout.strip()


def podman(*words: str | Path, **more: Any) -> str:
    """What podman said. Raises CommandFailed."""
    return run("podman", *words, **more)


def logs(container: str, lines: int = 100) -> str:
    """What a container said last, to both of its outputs."""
    command = ["podman", "logs", "--tail", str(lines), container]
    return subprocess.run(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout


def inspected(kind: str, name: str) -> dict[str, Any]:
    """What there is to know of an image, a container or a pod. Raises CommandFailed where there is none."""
    told = json.loads(podman(kind, "inspect", name))
    found: dict[str, Any] = told[0] if isinstance(told, list) else told
    return found


def know_hosts(names: Iterable[str]) -> None:
    """Have containers that are started from now on find these names on this machine."""
    HOSTS.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *names)))


@cache
def environment() -> dict[str, str]:
    """By which both commands find their folder. No systemd is needed: probes are asked for by whoever wants to know."""
    return _environment(_driver()) | {"DISABLE_HC_SYSTEMD": "true"}


def _environment(driver: str) -> dict[str, str]:
    place = FOLDER / driver
    place.mkdir(parents=True, exist_ok=True)
    if not HOSTS.exists():
        know_hosts(())
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "{driver}"\ngraphroot = "{place}/kept"\nrunroot = "{place}/running"\n'
    )
    # Podman would raise these limits, which it may not everywhere.
    limits = [f'"{name}={_limit(what)}:{_limit(what)}"' for name, what in LIMITS.items()]
    (place / "containers.conf").write_text(
        f'[containers]\ndefault_ulimits = [{", ".join(limits)}]\nbase_hosts_file = "{HOSTS}"\n'
        f'[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\ntmp_dir = "{place}/libpod"\n'
    )
    return os.environ | {
        "CONTAINERS_CONF": str(place / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(place / "storage.conf"),
        "BUILDAH_ISOLATION": "chroot",
    }


def _limit(what: int) -> int:
    _, hard = resource.getrlimit(what)
    return MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)


def _driver() -> str:
    """Layers of an overlay where the file system takes them; where not, each is a copy, which works everywhere and is slower."""
    tried = subprocess.run(["podman", "info"], env=_environment("overlay"), capture_output=True, check=False)
    return "overlay" if tried.returncode == 0 else "vfs"
