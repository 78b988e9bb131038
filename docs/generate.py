"""Write the parts of the documentation that are made from code: the data dictionary, pictures of the asset graph, files of order books,
what belongs to accounts (`accounts_made.py`, `accounts_answers.py`), which suites passed on which store (`stores_made.py`).

`make docs` writes them; `python docs/generate.py --check` fails if they are not up to date.
"""

import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import accounts_made
import dagster as dg
import polars as pl
import stores_made
from accounts_answers import answers, metrics

from cryptodudez_assets.contracts.base import Contract, TableContract, columns_of, table_rules
from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.definitions import defs
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.derived.upkeep.materialize import table_specs
from cryptodudez_assets.feature_store.registry import REGISTRY
from cryptodudez_assets.lake.erasing.registry import ERASURES
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.ingest.merge import observations_spec, table_spec
from cryptodudez_assets.lake.metastore import file_entries, inventory
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.models import ledger, shared_receipts
from cryptodudez_assets.models.signal import drifting, training_set
from cryptodudez_assets.models.signal.record import stored
from cryptodudez_assets.products.dogecoin import DOGECOIN
from cryptodudez_assets.products.mood import MOOD
from cryptodudez_assets.products.trends import TRENDS
from cryptodudez_assets.simulator import CLEAN, SIZES
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.order_books import write_order_books
from cryptodudez_assets.sources import all_sources

ROOT = Path(__file__).parents[1]
README, STOCKS = ROOT / "README.md", ROOT / "docs" / "stock_market.md"
BOOKS = ROOT / "docs" / "order_book.md"
ACCOUNTS = ROOT / "docs" / "accounts" / "README.md"
STORES = ROOT / "docs" / "stores.md"
BEGIN, END = "<!-- asset graph: made by `make docs` -->", "<!-- end of asset graph -->"
BEGIN_FILES, END_FILES = "<!-- order book files: made by `make docs` -->", "<!-- end of order book files -->"
BEGIN_STORES, END_STORES = "<!-- stores: made by `make docs` -->", "<!-- end of stores -->"
BEGIN_ANSWERS, END_ANSWERS = "<!-- answers: made by `make docs` -->", "<!-- end of answers -->"
BEGIN_METRICS, END_METRICS = "<!-- metrics: made by `make docs` -->", "<!-- end of metrics -->"
SAMPLED = date(2026, 11, 26)


def main() -> None:
    """Write what is stale, or say so."""
    stocks = dg.AssetSelection.assets(
        "ml/volume_model", "ml/volume_forecast", "exports/stock_market", "exports/stock_rolling"
    ).upstream()
    pages = {
        ROOT / "docs" / "data_dictionary.md": data_dictionary(),
        README: with_graph(README, dg.AssetSelection.all()),
        STOCKS: with_graph(STOCKS, stocks),
        BOOKS: between(BOOKS.read_text(), BEGIN_FILES, order_book_files(), END_FILES),
        ACCOUNTS: accounts_page(),
        STORES: between(STORES.read_text(), BEGIN_STORES, stores_made.table(), END_STORES),
        **accounts_made.files(),
    }
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    if not accounts_made.png_is_current():
        stale.append(accounts_made.PNG)
    if "--check" in sys.argv[1:]:
        sys.exit(f"not up to date, run `make docs`: {[str(path.relative_to(ROOT)) for path in stale]}" if stale else 0)
    for path in stale:
        if path == accounts_made.PNG:
            accounts_made.write_picture()
        else:
            path.write_text(pages[path])
        print(f"wrote {path.relative_to(ROOT)}")


def with_graph(page: Path, selection: dg.AssetSelection) -> str:
    """The page with its picture of these assets made anew."""
    return between(page.read_text(), BEGIN, asset_graph(selection), END)


def between(page: str, begin: str, made: str, end: str) -> str:
    """The page with what stands between these two made anew."""
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{made}{end}{rest.partition(end)[2]}"


def accounts_page() -> str:
    """The page about accounts, with the metrics and what the queries answer made anew."""
    page = between(ACCOUNTS.read_text(), BEGIN_METRICS, metrics(), END_METRICS)
    return between(page, BEGIN_ANSWERS, answers(accounts_made.queries()), END_ANSWERS)


def order_book_files() -> str:
    """What two recorders leave of an hour, as the simulator does it: the files, and the first rows of one."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        write_order_books(Job(raw, SIZES["tiny"], SAMPLED, 7, CLEAN, lambda _: None))
        tree = [line for source in ("bitso_order_book", "bitso_order_book_gaps") for line in _tree(raw / source)]
        rows = pl.read_parquet(next(iter(sorted((raw / "bitso_order_book").rglob("*.parquet")))))
    shown = rows.slice(3, 6).drop("bid_amount", "ask_amount", "bid_depth_10bps", "ask_depth_10bps")
    cells = [["" if cell is None else str(cell) for cell in row] for row in shown.iter_rows()]
    table = [shown.columns, ["---"] * shown.width, *cells]
    told = "\n".join(f"| {' | '.join(row)} |" for row in table)
    listed = "\n".join(["raw/", *tree])
    return f"""```text
{listed}
```

Seconds 3 to 8 of the first file (amounts and depths left out):

{told}
"""


def _tree(path: Path, depth: int = 1) -> Iterator[str]:
    yield f"{'  ' * depth}{path.name}{'/' if path.is_dir() else ''}"
    for inner in sorted(path.iterdir()) if path.is_dir() else ():
        yield from _tree(inner, depth + 1)


def data_dictionary() -> str:
    """Every table with its columns, as the contracts state them."""
    sources = [
        spec for source in all_sources().values() for spec in (table_spec(source), observations_spec(source)) if spec
    ]
    derived = [spec for table in all_derived().values() for spec in table_specs(table)]
    signals = models_of_kind(SignalModel)
    models = [
        *map(training_set.spec_of, signals),
        ledger.SPEC,
        *map(drifting.spec_of, signals),
        *map(stored.spec_of, signals),
        shared_receipts.SPEC,
    ]
    own = [
        REGISTRY,
        file_entries.FILES,
        file_entries.SCHEMAS,
        inventory.TABLES,
        ERASURES,
        quarantine.ROWS,
        quarantine.FILES,
    ]
    head = "# Data dictionary\n\nMade from the contracts by `make docs`. Times are UTC, with microseconds.\n"
    return head + "".join(_page(spec) for spec in [*sources, *derived, DOGECOIN, MOOD, TRENDS, *models, *own])


def _page(spec: TableSpec) -> str:
    partitions = ", ".join(name if how == "identity" else f"{how}({name})" for name, how in spec.partition_by)
    partitioned = f"Partitioned by {partitions}" if partitions else "Not partitioned"
    layout = f"{partitioned}; sorted by {', '.join(spec.sort_by)}."
    rows = "\n".join(_rows(spec.contract))
    known = ["known at"] if issubclass(spec.contract, TableContract) else []
    head = ["column", "type", "null", "unit", "rules", *known, "meaning"]
    rules = "".join(f"\n- `{name}`" + (" (warns)" if warns else "") for name, warns in table_rules(spec.contract))
    doc = "\n".join(line.strip() for line in (spec.contract.__doc__ or "").strip().splitlines())
    return f"\n## {spec.name}\n\n{doc}\n\n{layout}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}\n{rows}\n" + (
        f"\nRules over whole rows:\n{rules}\n" if rules else ""
    )


def _rows(contract: type[Contract]) -> Iterator[str]:
    for column in columns_of(contract):
        dtype = str(column.dtype).replace("Datetime(time_unit='us', time_zone='UTC')", "timestamp UTC")
        dtype = dtype.replace("precision=", "").replace("scale=", "")
        cells = [
            f"`{column.name}`",
            dtype,
            "yes" if column.nullable else "",
            column.unit or "",
            ", ".join(column.rules),
            *([f"`{column.known}`"] if issubclass(contract, TableContract) else []),
        ]
        yield f"| {' | '.join(cells)} | {column.description.replace('|', '/')} |"


# What there is once per source or view is drawn once; the tables about tables are left out.
DRAWN_ONCE = {
    "raw": "raw/〈source〉",
    "catalog": "catalog/files/〈source〉",
    "quarantine": "quarantine/rows/〈source〉",
}
DRAWN_ONCE["online"] = "online/〈view〉"
LEFT_OUT = {"inventory"}


def asset_graph(selection: dg.AssetSelection) -> str:
    """The selected assets as a Mermaid diagram, grouped as in the UI."""
    graph = defs().resolve_asset_graph()
    drawn = {key: graph.get(key) for key in selection.resolve(graph) if graph.get(key).group_name not in LEFT_OUT}
    names = {key: DRAWN_ONCE.get(node.group_name, key.to_user_string()) for key, node in drawn.items()}
    groups: dict[str, set[str]] = {}
    for key, node in drawn.items():
        groups.setdefault(node.group_name, set()).add(names[key])
    edges = {
        (names[parent], names[key]) for key, node in drawn.items() for parent in node.parent_keys if parent in names
    }
    number = {name: f"n{i}" for i, name in enumerate(sorted(set(names.values())))}
    boxes = [
        line
        for group, members in sorted(groups.items())
        for line in (f"  subgraph {group}", *(f'    {number[name]}["{name}"]' for name in sorted(members)), "  end")
    ]
    arrows = [f"  {number[one]} --> {number[other]}" for one, other in sorted(edges)]
    return "\n".join(["```mermaid", "flowchart LR", *boxes, *arrows, "```", ""])


if __name__ == "__main__":
    main()
