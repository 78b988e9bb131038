"""Pages of the site's reference, made from code: settings, commands, routes of the API, what declarations take."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import click
from litestar import Litestar
from pydantic import BaseModel

from cryptodudez_assets.cli import main as command
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.declared_models.volume import VolumeModel
from cryptodudez_assets.declared_rules import Notify
from cryptodudez_assets.derived import Csv, Daily, Derived, Input, Parquet, Quality, TableCheck
from cryptodudez_assets.features import FeatureView
from cryptodudez_assets.feeds import Feed
from cryptodudez_assets.settings import PREFIX, Settings
from cryptodudez_assets.sources import Layout, Lookup, Source
from serving.app import create_app

DECLARED = (
    *(Source, Layout, Lookup, Feed, Derived, Input, Daily, Csv, Parquet, Quality, TableCheck, FeatureView),
    *(SignalModel, VolumeModel, Notify),
)
FIRST_OF_A_LIST = re.compile(r"^((?!- |  ).+)\n- ", re.M)
MADE = "Made from the code by `make docs-site`.\n"


def pages() -> dict[str, str]:
    """By name, each page."""
    return {
        "settings.md": f"# Settings\n\n{MADE}\n{settings()}",
        "commands.md": f"# Commands\n\n{MADE}\n" + "\n".join(commands(command, "cryptodudez")),
        "api.md": f"# API\n\n{MADE}\n{api(create_app(Settings()))}",
        "declarations.md": f"# Declarations\n\n{MADE}\n" + "\n".join(map(declaration, DECLARED)),
    }


def settings() -> str:
    """Every variable, with its default."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "none" if field.default in (None, "", "{}") else f"`{field.default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {_cell(field.description or '')} |")
    return "\n".join(rows) + "\n"


def commands(group: click.Command, path: str) -> Iterator[str]:
    """A heading for each command, with its help as a terminal shows it."""
    told = click.Context(group, info_name=path, max_content_width=110).get_help()
    if not isinstance(group, click.Group) or path == "cryptodudez":
        yield f"## {path}\n\n```text\n{told}\n```\n"
    for name, inner in sorted(group.commands.items() if isinstance(group, click.Group) else ()):
        yield from commands(inner, f"{path} {name}")


def api(app: Litestar) -> str:
    """A row for each route. What it takes and gives in full is at `/docs` of the running API."""
    rows = ["| route | what it is |", "|---|---|"]
    for path, item in sorted(app.openapi_schema.to_schema()["paths"].items()):
        for method, told in sorted(item.items()):
            words = " ".join(told.get("description", told.get("summary", "")).partition("\n\n")[0].split())
            rows.append(f"| `{method.upper()} {path}` | {_cell(words)} |")
    return "\n".join(rows) + "\n"


def declaration(kind: type[Any]) -> str:
    """What a declaration of this kind says of itself, and its fields."""
    rows = ["| field | type | default |", "|---|---|---|"]
    rows += [f"| `{name}` | {_cell(f'`{of}`')} | {default} |" for name, of, default in _fields(kind)]
    told = FIRST_OF_A_LIST.sub(r"\1\n\n- ", inspect.cleandoc(kind.__doc__ or ""))
    return f"## {kind.__name__}\n\n{told}\n\n" + "\n".join(rows) + "\n"


def _fields(kind: type[Any]) -> Iterator[tuple[str, str, str]]:
    if issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            of = getattr(field.annotation, "__name__", str(field.annotation))
            yield name, of, "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
        return
    for one in dataclasses.fields(kind):
        of = (
            one.type
            if isinstance(one.type, str)
            else re.sub(r"[\w.]+\.(\w+)", r"\1", inspect.formatannotation(one.type))
        )
        is_required = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        default = one.default if one.default is not dataclasses.MISSING else "none yet"
        shown = f"`{default!r}`" if isinstance(default, str | int | float | bool | tuple | None) else "see the code"
        yield one.name, of, "required" if is_required else shown


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
