"""docs/scale.md says what the templates, the code and the simulation come to."""

import re

import pytest

from infra.deploy import limits, scale
from infra.local import template as templates
from infra.page_tables import filled
from ringside.aws import call_writes, requests
from ringside.aws.ownership import Ownership
from ringside.conversation.events import Usage

PAGE = scale.PAGE.read_text(encoding="utf-8")


def test_the_page_has_the_figures_that_are_worked_out_now() -> None:
    assert filled(PAGE, scale.tables()) == PAGE, "run .venv/bin/python -m infra.deploy.scale"


def test_the_parameters_that_it_names_exist_and_take_what_it_advises() -> None:
    parameters = templates.translate()["Parameters"]
    named = set(re.findall(r"`([A-Z][A-Za-z]+)[`=]", PAGE))

    assert named - {"MONITORS"} <= set(parameters)
    for calls in (1_000, 10_000, limits.cell()):
        for name, value in limits.turned(calls).items():
            about = parameters[name]
            if isinstance(value, int):
                assert about["MinValue"] <= value <= about["MaxValue"], (name, value)
            else:
                assert value in about["AllowedValues"]


def test_with_the_parameters_that_it_advises_no_limit_of_ours_is_met() -> None:
    for calls in (1_000, 10_000, limits.cell()):
        met = [limit.what for limit in limits.limits("large", limits.turned(calls)) if limit.calls < calls]
        assert set(met) <= {"Fargate's vCPUs of a new account", "a new table"}


def test_a_cell_stays_below_what_nothing_moves() -> None:
    assert limits.cell() <= 0.8 * limits.wall().calls
    assert limits.cells(limits.cell()) == 1
    assert limits.cells(limits.cell() + 1) == 2


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"pk": "a", "n": 12}, 3 + 4),
        ({"text": "é"}, 6),
        ({"yes": True, "no": None}, 7),
        ({"m": {"a": "b"}, "l": ["ab", "c"]}, 1 + 3 + 3 + 1 + 3 + 3 + 2),
    ],
)
def test_items_are_as_large_as_dynamodb_says(item: dict[str, object], size: int) -> None:
    assert limits.item_bytes(requests.put({}, item).params["Item"]) == size


def test_an_index_is_written_with_every_running_total() -> None:
    """What doubles the writes: if this changes, the page's sentence about it does."""
    mine = Ownership("rtc_1", "me", 1)
    sets = next(call_writes.save_usage(mine, Usage(), 0.1)).changed

    assert set(sets) & set(limits.listed_item()) == {"cost"}
