"""What all reports share: one file that needs nothing else, says what it was told and nothing more."""

import re

from matplotlib.figure import Figure

from cryptodudez_assets.reports import figures
from cryptodudez_assets.reports.page import page
from cryptodudez_assets.reports.sections import Check, Plot, Section, Table, markdown

EVIL = '<script src="https://example.org">&'


def line(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot((1, 2), color=figures.BLUE)
    axes.fill_between((0, 1), (1, 2), color=figures.FAINT)


def everything(text: str) -> list[Section]:
    tables = (Table(text, [text], [[text, text]]), Table("no rows", ["head of none"], []))
    shown = Section(text, [text], (Check(text, True, text), Check("other", False, text)), (Plot("line", text),), tables)
    return [shown, Section("folded", [text], folded=True)]


class TestPage:
    def test_it_says_everything_and_escapes_it(self):
        html = page(EVIL, EVIL, everything(EVIL), {"line": figures.draw("line", 1, line)})
        assert "<script" not in html
        assert html.count("&lt;script") == 15
        assert "head of none" not in html, "a table without rows"
        assert html.count(": passed</strong>") == html.count(": failed</strong>") == 1

    def test_it_needs_nothing_else(self):
        html = page("title", "lead", everything("text"), {"line": figures.draw("line", 1, line)})
        assert not re.search(r"<script|<link|@import|(src|href)=\"(?!#)|url\((?!#)", html)
        assert html.count('role="img" aria-label="text"') == html.count("<svg") == 1
        assert "prefers-color-scheme: dark" in html

    def test_every_colour_is_one_of_the_page(self):
        html = page("title", "lead", everything("text"), {"line": figures.draw("line", 1, line)})
        assert "#0102" not in html, "a stand-in that was not replaced"
        assert set(re.findall(r"var\((--\w+)\)", html)) <= set(re.findall(r"(--\w+):", html))

    def test_a_plot_that_was_not_drawn_is_left_out(self):
        assert "<figure" not in page("title", "lead", everything("text"), {})

    def test_details_are_folded(self):
        html = page("title", "lead", everything("text"), {})
        assert html.index("<details>") < html.index("<summary>folded</summary>") < html.index("</details>")


def test_markdown_has_the_words_without_what_is_folded():
    text = markdown(everything("text"))
    assert text.startswith("### text\n\ntext\n\n- **text: passed.** text\n- **other: failed.** text")
    assert "folded" not in text


class TestFigures:
    def test_the_same_numbers_make_the_same_bytes(self):
        assert figures.draw("line", 1, line) == figures.draw("line", 1, line)
        assert figures.draw("line", 1, line) != figures.draw("other", 1, line), "ids would collide on a page"

    def test_alone_it_has_colours_of_its_own(self):
        assert figures.data_uri(figures.draw("line", 1, line)).startswith("data:image/svg+xml;base64,")
        assert figures.ON_WHITE.keys() == figures.ON_PAGE.keys()
