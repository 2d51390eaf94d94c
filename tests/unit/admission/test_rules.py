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


@pytest.mark.parametrize(
    ("written", "right"),
    [("UK", "GB"), ("EL", "GR"), ("EN", "GB"), ("USA", "US"), ("de", "DE"), ("uk", "GB"), ("DEU", "DE"), ("JP ", "JP")],
)
def test_a_country_is_named_by_its_iso_code(written: str, right: str) -> None:
    wrong = {"name": "n", "countries": [written], "reject": 603}
    if written.strip() == right:
        assert Rule.model_validate(wrong).countries == (right,)
        return
    with pytest.raises(ValidationError, match=f"is not the ISO 3166 code of a country; write {right}"):
        Rule.model_validate(wrong)


@pytest.mark.parametrize("written", ["XX", "Germany", "EU", "001", ""])
def test_what_is_no_country_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match="is not the ISO 3166 code of a country"):
        Rule.model_validate({"name": "n", "countries": [written], "reject": 603})


@pytest.mark.parametrize("written", ["+1", "+1900", "+14255550112", "+4930"])
def test_callers_are_numbers_or_how_they_begin(written: str) -> None:
    assert Rule.model_validate({"name": "n", "callers": [written], "reject": 603}).callers == (written,)


def test_a_beginning_that_is_longer_than_any_number_is_refused() -> None:
    with pytest.raises(ValidationError, match="is longer than any number of its country"):
        Rule.model_validate({"name": "n", "callers": ["+142555501123"], "reject": 603})
