"""A hash of what code says, for products that are to be made again when it says something else.

It covers the definitions given and all that they lead to, by name, within the rooms named. Comments, docstrings, annotations of
functions, the order of definitions, where they live and what functions, classes, modules and local variables are called do not
count. It stops at the rooms' walls: of what lies outside only that it is used, and which uses are the same, is seen. What is
reached by attribute, by text or through a registry is not followed. Nothing here knows what is made of the code.
"""

import ast
import builtins
import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

from cryptodudez_assets.parsed_code import statements_of

LENGTH = 12


def hash_of_code(*roots: object, within: Sequence[str] = (), more: object = None) -> str:
    """A hash of these functions, classes and modules, and of `more`, told by its `repr`.

    A root may be given as text, `package.module.name`, where loading it takes long.
    `within`: modules and packages into which names are followed, beside the modules that the roots are defined in. A root that
    its module knows by no name (a lambda, a function made by another) stands for all of its module.
    """
    told = f"{_told(roots, tuple(within))}\n{more!r}"
    return hashlib.sha256(told.encode()).hexdigest()[:LENGTH]


@cache
def _told(roots: tuple[object, ...], within: tuple[str, ...]) -> str:
    """Once in a process, which does not read its sources again either."""
    program = _Program(within + tuple(_home(root) for root in roots))
    for root in roots:
        program.add(root)
    return "\n".join(program.told())


def _home(root: object) -> str:
    if isinstance(root, str):
        return root.rpartition(".")[0]
    return root.__name__ if isinstance(root, ModuleType) else str(root.__module__)


def _name(root: object) -> str | None:
    return root.rpartition(".")[2] if isinstance(root, str) else getattr(root, "__qualname__", None)


@dataclass(frozen=True)
class _Module:
    """The source of a module, taken apart: which statements bind a name, and what is imported under which."""

    name: str
    bound: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, tuple[str, str | None]] = field(default_factory=dict)


@cache
def _module(name: str) -> _Module | None:
    """The module, or None where there is no source of one by that name."""
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    if found is None or not found.has_location or not str(found.origin).endswith(".py"):
        return None
    module = _Module(name)
    for statement in _statements(statements_of(Path(str(found.origin)))):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            module.imported.update(_imports(statement))
        for bound in _bound_by(statement):
            module.bound.setdefault(bound, []).append(statement)
    return module


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, ast.If | ast.Try):
            yield from _statements([*statement.body, *statement.orelse])
        else:
            yield statement


def _imports(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, tuple[str, str | None]]]:
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            yield alias.asname or alias.name, (statement.module or "", alias.name)
        elif alias.asname:
            yield alias.asname, (alias.name, None)
        else:
            yield alias.name.partition(".")[0], (alias.name.partition(".")[0], None)


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Names that a statement or expression binds in its own scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.Lambda | ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    for child in ast.iter_child_nodes(node):
        yield from _bound_by(child)


class _Program:
    """Definitions and all that they lead to, numbered in the order in which they are first met."""

    def __init__(self, within: tuple[str, ...]) -> None:
        self._within = within
        self._met: list[tuple[_Module, str]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._outside: dict[tuple[str, str | None], int] = {}

    def add(self, root: object) -> None:
        """Begin with this definition, too."""
        home, name = _home(root), _name(root)
        module = _module(home)
        if module is None or (isinstance(root, str) and name not in module.bound):
            raise ValueError(f"there is no source of {root}: what it says cannot be told")
        for one in [str(name)] if name in module.bound else module.bound:
            self._number(module, one)

    def told(self) -> Iterator[str]:
        """Each definition as text; those that it leads to are met, and come behind it."""
        for module, name in self._met:  # which grows meanwhile
            yield " ".join(_Reader(self, module).tell(statement) for statement in module.bound[name])

    def meet(self, module_name: str, name: str | None) -> str:
        """What stands for a name that a module defines, or, without a name, for a module."""
        if not self.is_ours(module_name):
            return f"{module_name}:{name}"
        module = _module(module_name)
        if module is not None and name in module.bound:
            if self._is_within(module_name):
                return f"d{self._number(module, name)}"
        elif module is not None and name in module.imported:  # handed on
            return self.meet(*module.imported[name])
        return f"o{self._outside.setdefault((module_name, name), len(self._outside))}"

    def is_ours(self, module_name: str) -> bool:
        """Whether a module is of a package of which something is looked into. Others are libraries."""
        return module_name.partition(".")[0] in {home.partition(".")[0] for home in self._within}

    def _number(self, module: _Module, name: str) -> int:
        if (module.name, name) not in self._numbers:
            self._numbers[module.name, name] = len(self._met)
            self._met.append((module, name))
        return self._numbers[module.name, name]

    def _is_within(self, module_name: str) -> bool:
        return any(module_name == home or module_name.startswith(f"{home}.") for home in self._within)


@dataclass
class _Scope:
    """Names of a function and the numbers that stand for them; of a class (`named`) the names themselves."""

    names: set[str]
    named: bool = False
    imported: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


class _Reader:
    """Tells one definition of a module as text in which its names are numbers."""

    def __init__(self, program: _Program, module: _Module) -> None:
        self._program, self._module = program, module
        self._scopes: list[_Scope] = []

    def tell(self, node: object) -> str:
        """The node and all in it."""
        if isinstance(node, list):
            return f"[{' '.join(self.tell(one) for one in node if not _is_said_only(one))}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        special = getattr(self, f"_{type(node).__name__}", None)
        return str(special(node)) if special else self._plain(node)

    def _plain(self, node: ast.AST, *left_out: str) -> str:
        parts = [
            f"{name}={self.tell(value)}"
            for name, value in ast.iter_fields(node)
            if value not in (None, []) and name not in left_out
        ]
        return f"{type(node).__name__}({' '.join(parts)})"

    def _Constant(self, node: ast.Constant) -> str:  # noqa: N802
        return f"{type(node.value).__name__}:{node.value!r}"

    def _Name(self, node: ast.Name) -> str:  # noqa: N802
        return self._name(node.id)

    def _name(self, name: str) -> str:
        for depth, scope in reversed(list(enumerate(self._scopes))):
            if scope.named and depth != len(self._scopes) - 1:
                continue  # what a class names, its methods do not see
            if name in scope.imported:
                return self._program.meet(*scope.imported[name])
            if name in scope.names:
                return name if scope.named else f"v{depth}.{scope.numbers.setdefault(name, len(scope.numbers))}"
        if name in self._module.bound:
            return self._program.meet(self._module.name, name)
        if name in self._module.imported:
            return self._program.meet(*self._module.imported[name])
        return f"b:{name}" if hasattr(builtins, name) else f"?:{name}"

    def _Attribute(self, node: ast.Attribute) -> str:  # noqa: N802
        module = self._module_of(node.value)
        if module is not None:
            return self._program.meet(module, node.attr)
        return self._plain(node)

    def _module_of(self, node: ast.expr) -> str | None:
        """The module of ours that an expression names, or None."""
        if isinstance(node, ast.Name) and not any(node.id in scope.names for scope in self._scopes):
            imported = {**self._module.imported, **{k: v for scope in self._scopes for k, v in scope.imported.items()}}
            full = ".".join(filter(None, imported.get(node.id, ("", None))))
            return full if self._program.is_ours(full) and _module(full) else None
        if isinstance(node, ast.Attribute) and (parent := self._module_of(node.value)):
            return f"{parent}.{node.attr}" if _module(f"{parent}.{node.attr}") else None
        return None

    def _FunctionDef(self, node: ast.FunctionDef) -> str:  # noqa: N802
        return self._called(node) + self._function(node, node.body)

    _AsyncFunctionDef = _FunctionDef

    def _Lambda(self, node: ast.Lambda) -> str:  # noqa: N802
        return self._function(node, node.body)

    def _function(self, node: ast.FunctionDef | ast.Lambda, body: object) -> str:
        outside = self.tell(getattr(node, "decorator_list", [])) + self.tell([*node.args.defaults])
        outside += self.tell([one for one in node.args.kw_defaults if one is not None])
        given = [*node.args.posonlyargs, *node.args.args, node.args.vararg, *node.args.kwonlyargs, node.args.kwarg]
        names = [one.arg for one in given if one is not None]
        scope = _Scope({*names, *(name for part in ast.iter_child_nodes(node) for name in _bound_by(part))})
        for part in ast.walk(node):
            if isinstance(part, ast.Import | ast.ImportFrom):
                scope.imported.update(_imports(part))
            elif isinstance(part, ast.Global):
                scope.names -= set(part.names)
        kind = "".join("*" if one in (node.args.vararg, node.args.kwarg) else "a" for one in given if one is not None)
        return f"{type(node).__name__}({outside} {kind} {self._within(scope, [*names], body)})"

    def _within(self, scope: _Scope, first: Sequence[str], body: object) -> str:
        self._scopes.append(scope)
        try:
            return " ".join([*(self._name(name) for name in first), self.tell(body)])
        finally:
            self._scopes.pop()

    def _ClassDef(self, node: ast.ClassDef) -> str:  # noqa: N802
        outside = self.tell(node.decorator_list) + self.tell(node.bases) + self.tell(node.keywords)
        scope = _Scope({name for part in node.body for name in _bound_by(part)}, named=True)
        self._scopes.append(scope)
        try:
            body = self.tell(node.body)
        finally:
            self._scopes.pop()
        return f"{self._called(node)}ClassDef({outside} {body})"

    def _called(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
        return f"{self._name(node.name)}=" if self._scopes else ""

    def _AnnAssign(self, node: ast.AnnAssign) -> str:  # noqa: N802
        in_class = bool(self._scopes) and self._scopes[-1].named  # there it makes a field
        return self._plain(node) if in_class else self._plain(node, "annotation", "simple")

    def _ExceptHandler(self, node: ast.ExceptHandler) -> str:  # noqa: N802
        return f"{self._name(node.name) if node.name else ''} {self._plain(node, 'name')}"

    _MatchAs = _MatchStar = _ExceptHandler

    def _Import(self, node: ast.Import) -> str:  # noqa: N802
        return ""  # what is used of it is met where it is used

    _ImportFrom = _Import
    _Global = _Nonlocal = _Import


def _is_said_only(node: object) -> bool:
    """Whether it is a docstring, or another text that stands by itself."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
