"""Write the parts of the documentation that are made from code: the data dictionary and the picture of the asset graph.

`make docs` writes them; `python docs/generate.py --check` fails if they are not up to date.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from cryptodudez_assets.contracts.base import Contract, TableContract, columns_of, table_rules
from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.definitions import defs
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.derived.upkeep.materialize import table_specs
from cryptodudez_assets.feature_store.registry import REGISTRY
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.ingest.merge import observations_spec, table_spec
from cryptodudez_assets.lake.metastore import file_entries, inventory
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.models import ledger
from cryptodudez_assets.models.signal import drifting, training_set
from cryptodudez_assets.products.dogecoin import DOGECOIN
from cryptodudez_assets.sources import all_sources

ROOT = Path(__file__).parents[1]
README, STOCKS = ROOT / "README.md", ROOT / "docs" / "stock_market.md"
BEGIN, END = "<!-- asset graph: made by `make docs` -->", "<!-- end of asset graph -->"


def main() -> None:
    """Write what is stale, or say so."""
    stocks = dg.AssetSelection.assets("ml/volume_model", "exports/stock_market", "exports/stock_rolling").upstream()
    pages = {
        ROOT / "docs" / "data_dictionary.md": data_dictionary(),
        README: with_graph(README, dg.AssetSelection.all()),
        STOCKS: with_graph(STOCKS, stocks),
    }
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        sys.exit(f"not up to date, run `make docs`: {[str(path.relative_to(ROOT)) for path in stale]}" if stale else 0)
    for path in stale:
        path.write_text(pages[path])
        print(f"wrote {path.relative_to(ROOT)}")


def with_graph(page: Path, selection: dg.AssetSelection) -> str:
    """The page with its picture of these assets made anew."""
    before, _, rest = page.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n{asset_graph(selection)}{END}{rest.partition(END)[2]}"


def data_dictionary() -> str:
    """Every table with its columns, as the contracts state them."""
    sources = [
        spec for source in all_sources().values() for spec in (table_spec(source), observations_spec(source)) if spec
    ]
    derived = [spec for table in all_derived().values() for spec in table_specs(table)]
    signals = models_of_kind(SignalModel)
    models = [*map(training_set.spec_of, signals), ledger.SPEC, *map(drifting.spec_of, signals)]
    own = [REGISTRY, file_entries.FILES, file_entries.SCHEMAS, inventory.TABLES, quarantine.ROWS, quarantine.FILES]
    head = "# Data dictionary\n\nMade from the contracts by `make docs`. Times are UTC, with microseconds.\n"
    return head + "".join(_page(spec) for spec in [*sources, *derived, DOGECOIN, *models, *own])


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
