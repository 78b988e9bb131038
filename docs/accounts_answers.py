"""What the published queries answer on simulated accounts, and which metrics there are: the made parts of `docs/accounts/README.md`."""

import re
import tempfile
from datetime import date
from pathlib import Path

from cryptodudez_assets.cli.output import as_text
from cryptodudez_assets.derived import all_derived, topological
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.sql import by_heading, parameters_of, query
from cryptodudez_assets.metrics import METRICS
from cryptodudez_assets.metrics.asking import GRAINS
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator.account_files import HISTORIES, write_histories
from cryptodudez_assets.simulator.accounts import Accounts
from cryptodudez_assets.sources import all_sources

SAMPLE = Accounts(
    users=60, deposits=900, withdrawals=600, events=2400, levels=120, days=60, last_day=date(2026, 11, 26), files=2
)
GIVEN = {"day": "2026-11-20", "from": "2026-11-01", "to": "2026-11-20", "currency": "btc"}
SHOWN = 5
QUESTION = re.compile(r"^-- (question \d)\n-- ([^?]+\?)", re.MULTILINE)
"""A heading, and what is asked below it."""


def answers(queries: str) -> str:
    """Each query's answer as a table, or the beginning of it."""
    with tempfile.TemporaryDirectory() as folder:
        lake = _sample_lake(Path(folder))
        busiest = query(
            lake,
            "SELECT user_id FROM accounts.fact_user_day JOIN accounts.dim_user USING (user_key) "
            "WHERE is_current GROUP BY user_id ORDER BY sum(logins) DESC, user_id LIMIT 1",
        ).item()
        given = {**GIVEN, "user_id": busiest}
        asked = dict(QUESTION.findall(queries))
        return "\n".join(
            _answered(lake, heading, asked[heading].replace("\n-- ", " "), text, given)
            for heading, text in by_heading(queries).items()
        )


def metrics() -> str:
    """All metrics, and what they may be asked by."""
    rows = [
        f"| `{one.name}` | {one.description} | {one.unit} | `{one.table}` | {', '.join([*one.dimensions])} |"
        for one in METRICS.values()
    ]
    return "\n".join(["| metric | counts | in | of | by time and |", "|---|---|---|---|---|", *rows, ""]) + (
        f"\nEach may be asked by {', '.join(GRAINS[:-1])} and {GRAINS[-1]}.\n"
    )


def _sample_lake(folder: Path) -> Lake:
    lake = Lake.open(Settings(home=folder / "home", settle_seconds=0), all_sources())
    write_histories(folder, SAMPLE)
    for name in [*HISTORIES, "users"]:
        list(land(lake, name, sorted((folder / name).iterdir())))
        catalogue_objects(lake, lake.sources[name], discover_all(lake, name))
        ingest(lake, lake.sources[name])
    for table in topological(all_derived().values()):
        if table.group == "accounts":
            materialize(lake, table)
    return lake


def _answered(lake: Lake, heading: str, asked: str, text: str, given: dict[str, str]) -> str:
    answer = query(lake, text, given)
    named = ", ".join(f"${name} = {given[name]}" for name in given if name in parameters_of(text)) or "no parameters"
    cells = [["" if cell is None else as_text(cell) for cell in row] for row in answer.head(SHOWN).iter_rows()]
    table = [answer.columns, ["---"] * answer.width, *cells]
    told = "\n".join(f"| {' | '.join(row)} |" for row in table)
    more = f"\n\n… and {len(answer) - SHOWN} more" if len(answer) > SHOWN else ""
    return f"**{heading.capitalize()}: {asked}** ({named})\n\n{told}{more}\n"
