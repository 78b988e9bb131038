"""Which room may know which: arrows point one way, Dagster stays in its room, and configuration enters by one door."""

import ast
from collections.abc import Collection, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import cryptodudez_assets
import serving

PACKAGE = Path(cryptodudez_assets.__file__).parent
SERVING = Path(serving.__file__).parent

# What each room may import of the project. Modules that are in no room (the command, the demo) may import everything, but the
# server only if they start it.
ROOMS = {
    "addresses": set(),
    "api_key": set(),
    "parsed_code": set(),
    "code_hash": {"parsed_code"},
    "field_types": set(),
    "declarations": {"field_types", "parsed_code", "settings"},
    "settings": {"addresses"},
    "contracts": set(),
    "ordering": set(),
    "engines": {"settings"},
    "launching": {"addresses", "settings"},
    "sources": {"code_hash", "contracts", "declarations", "venues"},
    "declared_models": {"declarations"},
    "declared_rules": {"declarations", "venues"},
    "notifications": {"addresses", "settings", "lake"},
    "simulator": {"recorder", "venues"},
    "lake": {"addresses", "code_hash", "settings", "contracts", "ordering", "engines", "sources"},
    "drafting": {"settings", "contracts", "lake", "sources"},
    "derived": {"code_hash", "contracts", "declarations", "lake", "sources"},
    "accounts": {"contracts", "derived"},
    "candles": {"contracts", "derived", "venues"},
    "features": {
        *(
            "code_hash",
            "contracts",
            "declarations",
            "declared_models",
            "declared_rules",
            "derived",
            "feeds",
            "ordering",
            "sources",
        ),
    },
    "posts_and_candles": {"contracts", "derived", "features"},
    "feature_store": {"code_hash", "settings", "contracts", "lake", "features"},
    "reports": set(),
    "venues": set(),
    "feeds": {"declarations", "sources", "venues"},
    "fetching": {"contracts", "feeds", "lake", "settings", "sources", "venues"},
    "recorder": {"api_key", "declared_rules", "lake", "notifications", "settings", "venues"},
    "studies": {"contracts", "reports"},
    "incidents": {"reports", "sources"},
    "metrics": {"lake"},
    "models": {
        *("code_hash", "settings", "contracts", "declared_models", "sources", "lake", "features", "feature_store"),
        "reports",
    },
    "products": {
        *(
            "code_hash",
            "settings",
            "contracts",
            "sources",
            "lake",
            "derived",
            "features",
            "feature_store",
            "reports",
            "studies",
            "incidents",
            "models",
            "declared_models",
        ),
    },
    "erasing": {
        *("settings", "contracts", "sources", "lake", "derived", "features", "feature_store", "products"),
        *("feeds", "fetching", "venues"),
    },
    "defs": {
        *("settings", "contracts", "sources", "lake", "features", "feature_store", "reports", "studies", "models"),
        *("products", "declarations", "declared_models", "declared_rules", "derived", "notifications", "recorder"),
        *("engines", "erasing", "feeds", "fetching", "launching", "venues"),
    },
    "serving": {
        *("settings", "contracts", "declared_models", "sources", "lake", "features", "feature_store", "models"),
        *("api_key", "metrics"),
        *("recorder", "declared_rules"),  # only what is told, and from which spread on: serving follows streams
    },
}
# The same within the lake: its rooms, and the files of its hall.
LAKE_ROOMS: dict[str, set[str]] = {
    "store": set(),
    "formats": set(),
    "iceberg": {"store"},
    "lake": {"store", "iceberg"},
    "metastore": {"store", "formats", "iceberg", "lake"},
    "bucket_events": {"store", "formats", "lake", "metastore"},
    "compaction": {"iceberg", "lake", "metastore"},
    "quarantine": {"store", "formats", "iceberg", "lake", "metastore"},
    "erasing": {"store", "formats", "iceberg", "lake", "metastore", "quarantine"},
    "ingest": {"store", "formats", "iceberg", "lake", "metastore", "compaction", "quarantine", "erasing"},
    "upkeep": {"store", "formats", "iceberg", "lake", "metastore", "compaction", "quarantine", "ingest"},
    "moving": {"store", "iceberg", "upkeep"},
    "landing": {"store", "lake", "metastore"},
    "status": {"store", "lake", "metastore", "quarantine"},
    "exports": {"iceberg", "lake", "store"},
    "pages": {"iceberg", "lake", "samples", "store"},
    "month_folders": {"exports", "iceberg", "lake", "store"},
    "freshness": {"lake"},
    "checking": {"lake", "metastore"},
    "raw_folders": {"lake", "store"},
    "samples": set(),
    "sql": {"lake"},
}
START_SERVING = {"cli", "demo"}
KNOW_DAGSTER = {"defs", "definitions", "headless", "demo", "run_server"}
# Where a command, a code location, a run or a server begins; a draft is tried in a scratch lake of its own.
MAKE_SETTINGS = {
    "cli/opening.py",
    "cli/migrating.py",
    "cli/upkeep.py",
    "definitions.py",
    "defs/resources.py",
    "defs/run_launcher.py",
    "drafting/trial.py",
}
# Views are checked against the contracts of the sources that they read, where they are declared.
ASK_FOR_ALL_SOURCES = {
    *(f"cli/{name}.py" for name in ("arguments", "data", "declaring", "migrating", "opening", "quarantined", "upkeep")),
    "definitions.py",
    "demo.py",
    "headless.py",
    "defs/resources.py",
    "derived/__init__.py",
    "feeds/__init__.py",
    "spark_daemon.py",
}
ASK_FOR_ALL_SOURCES |= {"serving/dashboard/__init__.py"}
READS_ENVIRONMENT = {"settings"}
# DAGSTER_HOME, where plots keep their fonts and the encoding, for what they start; what libraries are not to tell.
SETS_ENVIRONMENT = {"cli", "terminal", "telemetry"}
KNOWS_FEAST = "feast_plugin"  # and sets FEAST_USAGE, before Feast is imported

MODULES = sorted([*PACKAGE.rglob("*.py"), *SERVING.rglob("*.py")])
each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE.parent)))


@each_module
def test_arrows_point_one_way(path: Path):
    room = _room(path)
    known = _known(path)
    assert "serving" not in known or room in START_SERVING | {"serving"}
    if room == "cli" or (path.parent == PACKAGE and room not in ROOMS):
        return  # the command and what it starts stand above all rooms
    assert room in ROOMS, f"a new room: say in this test what {room} may import"
    assert known <= ROOMS[room] | {room}


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "lake").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_rooms_of_the_lake_know_only_those_below(path: Path):
    room = _room(path, below="lake")
    known = {name.split(".")[2] for name in _imports(path) if name.startswith(f"{PACKAGE.name}.lake.")}
    assert known <= LAKE_ROOMS.get(room, set()) | {room}, f"what may {room} import?"


def test_no_modules_import_each_other():
    """Not by way of others either; `TopologicalSorter` names a circle that it finds."""
    names = {_module(path): path for path in MODULES}
    list(TopologicalSorter({name: _modules(path, names) - {name} for name, path in names.items()}).static_order())


@each_module
def test_only_the_code_location_knows_dagster(path: Path):
    if _room(path) not in KNOW_DAGSTER:
        assert not any(name.split(".")[0] == "dagster" for name in _imports(path))


@each_module
def test_only_its_plugin_knows_feast(path: Path):
    """Importing it takes seconds."""
    if path.parent.name != KNOWS_FEAST:
        assert not any(name.split(".")[0] == "feast" for name in _imports(path))


@each_module
def test_configuration_enters_by_one_door(path: Path):
    if _room(path) in READS_ENVIRONMENT | SETS_ENVIRONMENT or path.parent.name == KNOWS_FEAST:
        return
    touched = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    named = {name for name in _imports(path) if name.startswith("os.")}
    assert not touched & {"environ", "getenv"}
    assert not named & {"os.environ", "os.getenv"}


@each_module
def test_only_where_something_begins_are_settings_made_and_sources_looked_for(path: Path):
    where = str(path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else PACKAGE.parent))
    called = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    assert "Settings" not in called or where in MAKE_SETTINGS
    assert "all_sources" not in called or where in ASK_FOR_ALL_SOURCES


def _known(path: Path) -> set[str]:
    """The rooms that a module imports."""
    names = [name.split(".") for name in _imports(path)]
    ours = {more[0] for first, *more in names if first == PACKAGE.name and more}
    return ours | {first for first, *_ in names if first == SERVING.name}


def _room(path: Path, below: str = "") -> str:
    if path.is_relative_to(SERVING):
        return SERVING.name
    return path.relative_to(PACKAGE / below).parts[0].removesuffix(".py")


def _module(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _modules(path: Path, all_of_them: Collection[str]) -> set[str]:
    """The modules of ours that a module imports. A package is loaded with whatever is in it, and counts where it is named itself."""
    named = set(_imports(path))
    return {name if name in all_of_them else name.rpartition(".")[0] for name in named} & set(all_of_them)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
