"""docs/cost.md says what the templates cost by the prices that it states, and the target is met."""

import re

import pytest

from infra.deploy import cost, pricelist
from infra.local import template as templates
from infra.local.mailbox import EXAMPLES
from infra.page_tables import filled

PAGE = cost.PAGE.read_text(encoding="utf-8")


def test_the_page_has_the_sums_that_are_worked_out_now() -> None:
    assert filled(PAGE, cost.tables()) == PAGE, "run .venv/bin/python -m infra.deploy.cost"


def test_a_month_without_a_call_costs_less_than_fifteen_dollars() -> None:
    assert sum(line.usd_after_free for line in cost.idle()) < 15


def test_what_is_free_is_taken_off_once_and_never_more_than_there_is() -> None:
    assert all(0 <= line.usd_after_free <= line.usd for line in cost.idle())


def test_nothing_that_is_paid_by_the_hour_is_forgotten() -> None:
    billed = " ".join(line.what for line in cost.idle({"NetworkMode": "private"}) if line.usd)
    for resource, word in {
        "Service": "Fargate",
        "NatGateway": "NAT",
        "Secret": "Secrets",
        "Dashboard": "Dashboard",
    }.items():
        assert word in billed, resource


def test_a_monitor_takes_no_more_calls_than_its_size_was_measured_for() -> None:
    parameters = templates.translate()["Parameters"]

    assert parameters["MaxCallsPerMonitor"]["Default"] <= cost.calls_of(parameters["MonitorSize"]["Default"])


@pytest.mark.parametrize("measured", [pricelist.CALL_CPU * 1000, pricelist.CALL_MEMORY_KB - 61])
def test_the_page_states_what_was_measured(measured: float) -> None:
    assert f"{measured:g} " in PAGE


def test_the_page_names_the_parameters_by_their_names() -> None:
    known = templates.translate()["Parameters"]
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", PAGE))

    assert named <= set(known)


def test_every_template_for_after_the_call_has_a_price() -> None:
    assert set(cost.examples()) == {path.name for path in EXAMPLES.glob("*.yaml")}
