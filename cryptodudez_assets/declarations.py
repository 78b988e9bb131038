"""Find what files of a folder declare. What cannot be loaded is left out and named, with its place, so that the rest runs.

What a declaration must say is checked by whoever asks: `sources/` and `derived/`.
"""

import ast
import copyreg
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module, invalidate_caches
from importlib.machinery import SOURCE_SUFFIXES
from inspect import getmodulename
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from cryptodudez_assets.field_types import wrong_field
from cryptodudez_assets.parsed_code import statements_of
from cryptodudez_assets.settings import own_declarations

T = TypeVar("T")
PACKAGE = Path(__file__).parent
LONGEST_REASON = 300


@dataclass(frozen=True, order=True)
class LeftOut:
    """A declaration that is not taken: what it is, the file and the line at fault, and why."""

    kind: str
    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} left out: {self.file}:{self.line}: {self.reason}"


@dataclass(frozen=True)
class Declared(Generic[T]):
    """What a file declares."""

    file: Path
    line: int
    value: T
    kind: str

    @property
    def place(self) -> str:
        """File and line, for people."""
        return f"{shown(self.file)}:{self.line}"


@dataclass
class Declarations(Generic[T]):
    """The declarations of a folder: those that are taken, and those that are left out."""

    kind: str
    taken: list[Declared[T]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    """Files of which nothing is known but their text."""

    def add(self, more: "Declarations[T]") -> None:
        """Take what another folder declares, too."""
        self.taken += more.taken
        self.left_out += more.left_out
        self.unread += more.unread

    def leave_out(self, one: Declared[T], reason: str) -> None:
        """Take it out again."""
        self.taken.remove(one)
        self.left_out.append(LeftOut(one.kind, shown(one.file), one.line, _one_line(reason)))

    def keep(self, problem_of: Callable[[T], str | None]) -> None:
        """Leave out those with a problem: what is said of it, or a field of another type. One that cannot even be looked at has one."""
        for one in list(self.taken):
            try:
                problem = problem_of(one.value) or wrong_field(one.value)
            except Exception as error:  # it runs code of the declaration
                problem = wrong_field(one.value) or _told(error)
            if problem:
                self.leave_out(one, problem)

    def leave_out_shared(self, names_of: Callable[[T], Iterable[str]], what: str) -> None:
        """Leave out all that name the same thing: which of them is meant cannot be known."""
        by_name: dict[str, list[Declared[T]]] = {}
        for one in self.taken:
            for name in set(names_of(one.value)):
                by_name.setdefault(name, []).append(one)
        for name, sharing in by_name.items():
            for one in sharing if len(sharing) > 1 else ():
                others = ", ".join(other.place for other in sharing if other is not one)
                if one in self.taken:
                    self.leave_out(one, f"{what} {name!r} is declared in {others}, too: each needs one of its own")


def folders_of_own(room: str) -> list[str]:
    """Where the user has declarations of a room, beside those of the package: what its `__path__` is to have, too."""
    own = own_declarations()
    folder = own / room if own else None
    return [str(folder)] if folder and folder.is_dir() else []


def declared_in(package: str, folders: Iterable[str], attribute: str, kind: str, expected: type[T]) -> Declarations[T]:
    """What the modules in these folders of the package declare as `attribute`; helpers that declare nothing are passed over."""
    found = Declarations[T](kind)
    helpers: list[tuple[Path, ModuleType]] = []
    invalidate_caches()  # a file written within one tick of the folder's clock is not noticed by itself
    for path in _files(folders):
        name = path.parent.name if path.name == "__init__.py" else getmodulename(str(path))
        if name is None or not name.isidentifier():
            found.left_out.append(
                LeftOut(kind, shown(path), 1, "its name cannot be imported: use letters, digits and _")
            )
            continue
        try:
            module = import_module(f"{package}.{name}")
        except (Exception, SystemExit) as error:
            found.unread.append(path)
            found.left_out.append(
                LeftOut(kind, shown(path), _line_at_fault(path, error), _one_line(_told(error, path)))
            )
            continue
        if not hasattr(module, attribute):
            helpers.append((path, module))
            continue
        one = Declared(path, _line_of(path, attribute), getattr(module, attribute), kind)
        found.taken.append(one)
        if not isinstance(one.value, expected):
            found.leave_out(one, f"{attribute} is a {type(one.value).__name__}, expected a {expected.__name__}")
    known = [one.value for one in found.taken]
    for path, module in helpers:
        for name, value in vars(module).items():
            if isinstance(value, expected) and not any(value is one for one in known):
                reason = f"it declares a {expected.__name__} as {name}: call it {attribute}"
                found.left_out.append(LeftOut(kind, shown(path), _line_of(path, name), reason))
    return found


def pickled_by_name(kind: type[T], found: Callable[[], Mapping[str, Any]], name_of: Callable[[T], str]) -> None:
    """Have declared things of this type handed to other processes by their names: what they are made of need not be sent.

    What is not among those that are `found` is sent as it is.
    """

    def reduced(one: T) -> Any:
        name = name_of(one)
        return (_named, (found, name)) if found().get(name) is one else object.__reduce_ex__(one, 2)

    copyreg.pickle(kind, reduced)


def _named(found: Callable[[], Mapping[str, T]], name: str) -> T:
    return found()[name]


def shown(path: Path) -> str:
    """The path as the project has it, or as it is where it lies elsewhere."""
    return str(path.relative_to(PACKAGE.parent) if path.is_relative_to(PACKAGE) else path)


def _files(folders: Iterable[str]) -> list[Path]:
    """Modules and packages of these folders, in the order of their names."""
    there = [path for folder in folders for path in sorted(Path(folder).iterdir())]
    modules = [path for path in there if path.suffix in SOURCE_SUFFIXES and path.name != "__init__.py"]
    return modules + [path / "__init__.py" for path in there if (path / "__init__.py").is_file()]


def _line_at_fault(path: Path, error: BaseException) -> int:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return (lines[-1] if lines else None) or 1


def _told(error: BaseException, path: Path | None = None) -> str:
    """What went wrong, and where, if not in this file."""
    if isinstance(error, ValidationError):
        return _told_of_options(error)
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    told = message if isinstance(error, ValueError) and message else f"{type(error).__name__}: {message}"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [(frame.filename, frame.lineno) for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    elsewhere = (error.filename, error.lineno) if isinstance(error, SyntaxError) else (ours[-1] if ours else None)
    if path is None or elsewhere is None or elsewhere[0] in (None, str(path)) or isinstance(error, ValueError):
        return told
    return f"{told} (in {shown(Path(str(elsewhere[0])))}:{elsewhere[1]})"


def _told_of_options(error: ValidationError) -> str:
    first = error.errors()[0]
    unknown = first["type"] == "extra_forbidden"
    why = "there is no such option" if unknown else first["msg"].removeprefix("Input ")
    return f"{error.title}({'.'.join(map(str, first['loc']))}={first['input']!r}): {why}"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


def _line_of(path: Path, name: str) -> int:
    """Where the module gives itself the name."""
    for node in statements_of(path):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.lineno
    return 1
