"""One rule: what it may say."""

import pytest
from pydantic import ValidationError

from ringside.admission.rules import SIP_STATUSES, Rule


@pytest.mark.parametrize("status", SIP_STATUSES)
def test_every_documented_status_can_be_told(status: int) -> None:
    rule = Rule.model_validate({"name": "n", "reject": status})
    assert rule.reject == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "n"},
        {"name": "n", "accept": True, "reject": 603},
        {"name": "n", "accept": False},
        {"name": "n", "reject": 200},
        {"name": "", "accept": True},
        {"name": "n", "accept": True, "callers": []},
        {"name": "n", "accept": True, "callers": ["1900"]},
        {"name": "n", "accept": True, "callers": ["+"]},
        {"name": "n", "accept": True, "callers": [1900]},
        {"name": "n", "accept": True, "countries": ["de"]},
        {"name": "n", "accept": True, "unless": "sunday"},
    ],
)
def test_a_rule_that_says_nothing_or_too_much_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(wrong)
