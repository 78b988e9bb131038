"""Lay the pages of the documentation's site into `.site/pages`, as `zensical.toml` names them: `make docs-site` builds it from there.

Pages lie as in the project, so that links between them hold. What the site needs and nobody writes by hand (settings, commands,
routes, declarations) comes from `reference_made.py`. Links to code become its name, since code is not in the site. Nothing of a page's
words is changed.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import reference_made

ROOT = Path(__file__).parents[1]
SITE = ROOT / ".site"
SHOWN = (".svg", ".png", ".sql", ".ipynb", ".yaml", ".txt")
"""Files that are in the site where a page names them."""
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\[\]]*)\]\((?P<target>[^()#\s:]+)(?P<anchor>#[^()\s]*)?\)")
FENCE = re.compile(r"^\s*(```|~~~)")
GRAPH = "The graph is drawn in the Dagster UI (`cryptodudez up`), and [for people](%s) in a picture."


class BrokenLink(ValueError):
    """A page names a file that there is not; the message says which page and which."""


def lay(folder: Path) -> int:
    """Lay them anew, into a folder that is theirs alone; how many. Raises BrokenLink."""
    shutil.rmtree(folder, ignore_errors=True)
    made = {Path("reference", name): text for name, text in reference_made.pages().items()}
    written = {page.relative_to(ROOT): laid(page, folder) for page in pages()}
    for path, text in (written | made).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return len(written | made)


def pages() -> list[Path]:
    """What people wrote, or `make docs` did, and what is kept of runs."""
    return [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def laid(page: Path, folder: Path) -> str:
    """A page as it is in the site, whose pages are below this folder; what it shows is brought there. Raises BrokenLink."""
    return "\n".join(_lines(page, folder)) + "\n"


def _lines(page: Path, folder: Path) -> Iterator[str]:
    fence, hidden = "", False
    for line in page.read_text(encoding="utf-8").splitlines():
        if found := FENCE.match(line):
            hidden = hidden if fence else line.strip() == "```mermaid"
            if hidden and not fence:
                yield GRAPH % _relative(ROOT / "docs" / "architecture.md", page)
            ends, fence = bool(fence), "" if fence else found[1]
            if not hidden:
                yield line
            hidden = hidden and not ends
        elif fence:
            if not hidden:
                yield line
        else:
            yield LINK.sub(lambda found: _link(page, folder, found), line)


def _link(page: Path, folder: Path, found: re.Match[str]) -> str:
    """A link as the site has it: to a page, to a file that is brought along, or the name of code."""
    target = (page.parent / found["target"]).resolve()
    if not target.exists():
        raise BrokenLink(f"{page.relative_to(ROOT)}: there is no {found['target']}")
    if (target / "README.md").is_file():
        target /= "README.md"
    if target in pages():
        return f"{found['picture']}[{found['text']}]({_relative(target, page)}{found['anchor'] or ''})"
    if target.suffix in SHOWN:
        copy = folder / target.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(target, copy)
        return found[0]
    return found["text"]


def _relative(target: Path, page: Path) -> str:
    return Path(os.path.relpath(target, page.parent)).as_posix()


if __name__ == "__main__":
    print(f"laid {lay(SITE / 'pages')} pages")
