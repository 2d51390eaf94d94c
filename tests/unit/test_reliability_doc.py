"""docs/reliability.md names every drill and every mutation, and each mutation still finds its place in the code."""

import re
from pathlib import Path

import pytest

from infra.local.template import REPOSITORY
from tests.drills.mutations import MUTATIONS, Mutation
from tests.drills.registry import DRILLS

PAGE = (REPOSITORY / "docs" / "reliability.md").read_text(encoding="utf-8")


def rows(chapter: str) -> list[list[str]]:
    """The cells of the chapter's tables, but for their heads."""
    text = PAGE.split(f"## {chapter}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\| (.+) \|$", text, re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


def test_every_drill_has_a_row_and_no_other_has() -> None:
    assert sorted({name for name, *_ in rows("Proved")} - {"drill"}) == sorted(DRILLS)


def test_every_mutation_has_a_row_with_what_it_breaks_and_where_that_is_seen() -> None:
    listed = [(invariant, what, check) for invariant, what, check, *_ in rows("Seen to fail")[1:]]

    known = [(each.invariant, each.what, Path(each.check).name) for each in MUTATIONS.values()]
    assert sorted(listed) == sorted(known)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_s_place_stands_once_in_its_file_and_its_check_is_there(name: str) -> None:
    mutation: Mutation = MUTATIONS[name]
    places = [(mutation.file, mutation.before), *([mutation.also[:2]] if mutation.also else [])]

    assert [(REPOSITORY / file).read_text(encoding="utf-8").count(before) for file, before in places] == [1] * len(
        places
    )
    assert mutation.check in DRILLS or (REPOSITORY / mutation.check).is_file()


def test_a_drill_has_a_mutation_that_it_notices_or_is_known_to_have_none() -> None:
    noticed = {each.check for each in MUTATIONS.values()}

    assert sorted(set(DRILLS) - noticed - WITHOUT) == []


WITHOUT = {"one-sideband", "chaos", "openai", "drain", "logs", "throttled", "operations"}
"""What most of these watch over is broken by mutations of `rolling`, `kill`, `aws` and `away`; of `logs` in
test_standard_output.py."""
