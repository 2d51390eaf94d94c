"""A page's tables are put between their comments, and everything else is left alone."""

from pathlib import Path

import pytest

from infra.page_tables import filled, keep

PAGE = "Before.\n<!-- a -->\nold\n<!-- /a -->\nBetween.\n<!-- b -->\n<!-- /b -->\nAfter.\n"


def test_each_table_has_its_place() -> None:
    page = filled(PAGE, {"a": r"| \1 |", "b": "| 2 |"})
    assert page == "Before.\n<!-- a -->\n| \\1 |\n<!-- /a -->\nBetween.\n<!-- b -->\n| 2 |\n<!-- /b -->\nAfter.\n"
    assert filled(page, {"b": "| 2 |"}) == page


@pytest.mark.parametrize("page", ["nothing", "<!-- a -->\n", PAGE + PAGE, "<!-- /a --><!-- a -->\n"])
def test_a_page_without_one_place_for_it_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="the table a"):
        filled(page, {"a": "| 1 |"})


def test_a_page_is_only_looked_at_or_brought_up_to_date(tmp_path: Path) -> None:
    page, tables = tmp_path / "some.md", {"a": "new", "b": "new"}
    page.write_text(PAGE)
    assert keep(page, tables, check=True) == 1
    assert page.read_text() == PAGE
    assert keep(page, tables, check=False) == 0
    assert keep(page, tables, check=True) == 0
