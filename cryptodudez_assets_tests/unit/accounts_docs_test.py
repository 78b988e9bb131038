"""What is published in `docs/accounts/`: eight questions with their parameters, and a diagram of all tables."""

import re
from pathlib import Path

import pytest

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.lake.sql import by_heading, parameters_of

FOLDER = Path(__file__).parents[2] / "docs" / "accounts"
STAR = [table for table in all_derived().values() if table.group == "accounts"]
NAMED = {
    "question 1": {"day"},
    "question 2": set(),
    "question 3": {"day"},
    "question 4": {"user_id"},
    "question 5": {"user_id", "from", "to"},
    "question 6": {"day"},
    "question 7": {"day"},
    "question 8": {"day", "currency"},
}


def test_there_are_eight_questions_with_their_parameters():
    found = by_heading((FOLDER / "queries.sql").read_text())

    assert {heading: parameters_of(text) for heading, text in found.items()} == NAMED


@pytest.mark.parametrize("table", STAR, ids=lambda table: table.short_name)
def test_the_diagram_has_each_table_with_all_of_its_columns(table):
    drawn = re.findall(r"<text[^>]*>([^<]*)</text>", (FOLDER / "erd.svg").read_text())
    at = drawn.index(table.short_name)
    columns = [*polars_schema(table.contract)]
    beside = drawn[at : at + 2 + 3 * len(columns)]

    assert set(columns) <= set(beside)
    mermaid = re.search(rf"^  {table.short_name} {{\n(.*?)^  }}$", (FOLDER / "erd.md").read_text(), re.M | re.S)
    assert mermaid
    assert [line.split()[1] for line in mermaid[1].splitlines()] == columns


def test_the_diagram_says_what_facts_refer_to():
    told = set(re.findall(r"^  (\w+) \|\|--o\{ (\w+) : (\w+)$", (FOLDER / "erd.md").read_text(), re.M))

    assert {
        ("dim_user", "fact_transaction", "user_key"),
        ("dim_date", "fact_event", "date_key"),
        ("dim_currency", "fact_currency_day", "currency_key"),
    } < told
    assert not [one for one in told if one[0] == one[1]]
