"""Type the commands of a page, and write down what they print: `python docs/typed.py PAGE…`.

Commands are lines of ```console blocks that begin with `$ `; what stands below one is what it printed. They are typed in the order of the
page in an empty folder, as by somebody who has activated the environment. One that ends in ` &` is a server: it goes on until the page
ends, and the next command is typed once it listens at the port that its line names. `--check` types them and writes nothing. A command
that fails ends it with what it said.
"""

import argparse
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
PROMPT = "$ "
PORT = re.compile(r"--(?:api-)?port (\d+)")
PATIENCE_SECONDS = 600
MOST_LINES = 260


class Failed(RuntimeError):
    """A command did not end well; the message is what it printed."""


def typed(page: str, run: Callable[[str], str]) -> str:
    """The page with what its commands print now."""

    def block(found: re.Match[str]) -> str:
        commands = [line for line in found[1].splitlines() if line.startswith(PROMPT)]
        told = "".join(f"{line}\n{_short(run(line.removeprefix(PROMPT)))}" for line in commands)
        return f"```console\n{told}```"

    return BLOCK.sub(block, page)


@contextmanager
def shell(folder: Path, environment: Mapping[str, str]) -> Iterator[Callable[[str], str]]:
    """What types a command there, and gives what it printed. Raises Failed."""
    servers: list[subprocess.Popen[bytes]] = []

    def run(command: str) -> str:
        words = ["bash", "-ec", command.removesuffix("&")]
        if command.endswith(" &"):
            with (folder / f"server-{len(servers)}.log").open("wb") as log:
                servers.append(
                    subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
                )
            _wait_for(int(PORT.findall(command)[-1]), servers[-1])
            return ""
        told, warned, code = _done(words, folder, environment)
        if code:
            raise Failed(f"{PROMPT}{command}\n{told[-3000:]}{warned[-3000:]}")
        return (told + warned).replace(str(folder), "~/here")

    try:
        yield run
    finally:
        for server in servers:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(60)


def activated() -> dict[str, str]:
    """The environment of whoever has activated this one, without settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRYPTODUDEZ_", "DAGSTER_"))}
    return kept | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), "COLUMNS": "150"}


def _done(words: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[str, str, int]:
    """What a command printed, and its code. Nothing that it has started goes on where this is ended before it."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as command:
        try:
            told, warned = command.communicate(timeout=PATIENCE_SECONDS)
        except BaseException:
            os.killpg(command.pid, signal.SIGKILL)
            raise
        return told, warned, command.returncode


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise Failed(f"nothing listens on {port}: {shlex.join(map(str, server.args))}")  # type: ignore[arg-type]


def _short(told: str) -> str:
    lines = [line.rstrip() for line in told.strip("\n").splitlines()]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 10], f"… {len(lines) - MOST_LINES:,} lines", *lines[-10:]]
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    """Type them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("pages", nargs="+", type=Path)
    asked.add_argument("--check", action="store_true")
    told = asked.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what was started ends, too
    for page in told.pages:
        with tempfile.TemporaryDirectory() as folder, shell(Path(folder).resolve(), activated()) as run:
            try:
                text = typed(page.read_text(encoding="utf-8"), run)
            except Failed as failed:
                sys.exit(str(failed))
        if not told.check:
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
