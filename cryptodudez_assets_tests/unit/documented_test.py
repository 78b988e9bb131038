"""Every block of commands in the documentation is typed by one test, or says why it is not."""

import re
from collections import Counter

import pytest
import site_made

from cryptodudez_assets_tests import documented
from cryptodudez_assets_tests.conftest import ROOT

PAGES = {path.relative_to(ROOT).as_posix(): documented.Page(path.read_text()) for path in site_made.pages()}
each_page = pytest.mark.parametrize("name", [name for name, page in PAGES.items() if page.blocks])


def test_a_page_with_commands_is_typed_by_one_test() -> None:
    assert Counter(name for name, _ in documented.claims()) == {
        name: 1 for name, page in PAGES.items() if page.commands
    }


@each_page
def test_a_block_says_what_it_is(name: str) -> None:
    page = PAGES[name]
    fences = [line for line in page.text.splitlines() if line.strip().startswith("```")]
    assert len(fences) == 2 * len(page.blocks), "a fence that is not closed as it was opened"
    assert {block.kind for block in page.blocks} <= {"sh", "console", "text", "python", "sql", "json", "mermaid"}


@each_page
def test_only_commands_say_that_they_are_not_run_and_they_say_why(name: str) -> None:
    page = PAGES[name]
    marked = [block for block in page.blocks if block.not_run is not None]
    assert len(re.findall("^ *<!-- not run", page.text, re.M)) == len(marked), (
        "a marker that is not right before a block"
    )
    for block in marked:
        assert block.kind == documented.SHELL, block.text
        assert len(str(block.not_run).split()) >= 3, block.text


@each_page
def test_a_transcript_has_what_is_typed_and_commands_have_no_prompt(name: str) -> None:
    for block in PAGES[name].blocks:
        if block.kind == documented.TRANSCRIPT:
            assert block.text.startswith("$ ")
        elif block.kind == documented.SHELL:
            assert not any(line.startswith("$ ") for line in block.text.splitlines())
