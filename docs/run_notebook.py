"""Execute notebooks and keep what their cells say: `python docs/run_notebook.py NOTEBOOK…`; `--check` fails where it is something else now.

A notebook is JSON, and its cells here are plain Python without magics, so that no kernel is needed: they are executed in their order,
in one namespace, in an empty folder. Jupyter opens and executes it all the same.
"""

import argparse
import ast
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def executed(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with what its cells say now. What a cell raises is raised."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells, number = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            cells.append(cell)
            continue
        number += 1
        cells.append(
            cell | {"execution_count": number, "outputs": list(_outputs("".join(cell["source"]), number, names))}
        )
    return notebook | {"cells": cells}


def _outputs(source: str, number: int, names: dict[str, Any]) -> list[Cell]:
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None  # type: ignore[attr-defined]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {number}", "exec"), names)  # noqa: S102  (it is ours)
        value = eval(compile(last, f"cell {number}", "eval"), names) if last else None  # noqa: S307
    outputs: list[Cell] = []
    if text := printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)})
    if value is not None:
        shown = {"text/plain": str(value).splitlines(keepends=True)}
        outputs.append({"data": shown, "execution_count": number, "metadata": {}, "output_type": "execute_result"})
    return outputs


def text_of(notebook: dict[str, Any]) -> str:
    """The notebook as it is written down."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Execute them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("notebooks", nargs="+", type=Path)
    asked.add_argument("--check", action="store_true")
    told = asked.parse_args()
    for path in map(Path.absolute, told.notebooks):
        before = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            now = text_of(executed(json.loads(before)))
        if told.check and now != before:
            sys.exit(f"{path} says something else now: python docs/run_notebook.py {path}")
        path.write_text(now, encoding="utf-8")


if __name__ == "__main__":
    main()
