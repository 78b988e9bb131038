"""What a server says is kept in a file of bounded size; what it says to whoever started it is passed on."""

import logging
import logging.handlers
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

MARK = "\x1e"
"""Begins a line that is meant for the terminal of whoever started the server."""
BYTES, GENERATIONS = 2_000_000, 2
LONGEST_LINE = 16_384
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def keep_log(stream: IO[bytes] | None, path: Path, say: Callable[[str], None]) -> None:
    """Read the stream to its end, beside all else: into the file, without colours; lines that begin with MARK are said, too.

    The file is begun anew when it is full, and so many older ones are kept.
    """
    if stream is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    log = logging.handlers.RotatingFileHandler(path, maxBytes=BYTES, backupCount=GENERATIONS, encoding="utf-8")

    def read() -> None:
        with stream:
            while data := stream.readline(LONGEST_LINE):
                line = ESCAPES.sub("", data.decode(errors="backslashreplace")).rstrip("\r\n")
                if line.startswith(MARK):
                    line = line.removeprefix(MARK)
                    say(line)
                log.handle(logging.makeLogRecord({"msg": line}))
        log.close()

    threading.Thread(target=read, name=f"log {path.name}", daemon=True).start()
