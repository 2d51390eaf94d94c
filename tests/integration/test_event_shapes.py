"""The same webhook in every form in which AWS hands HTTP to a function, and what is refused: `tests/events/`."""

import logging
from collections.abc import Iterator

import pytest

import webhook
from infra.deploy import sam_events
from ringside import telemetry
from tests.integration.frontdoor import SECRET, Door, front_door

ANSWERS = sam_events.answers()


@pytest.fixture(scope="module")
def house() -> Iterator[Door]:
    with front_door() as door:
        yield door


@pytest.fixture
def door(house: Door) -> Iterator[Door]:
    logger = logging.getLogger("ringside")
    before = (logger.handlers, logger.level, logger.propagate)
    house.queued()
    telemetry.log_as_json("webhook")  # to the standard output that this test has
    yield house
    logger.handlers, logger.level, logger.propagate = before


def test_every_event_has_its_answer_written_down() -> None:
    assert sorted(ANSWERS) == sam_events.names()


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_every_shape_gets_its_answer(door: Door, name: str) -> None:
    wanted, call = ANSWERS[name], door.openai.ring()

    answer = webhook.handler(sam_events.event(name, call.call_id, SECRET), None)

    assert answer["statusCode"] == wanted["statusCode"]
    assert answer["body"] == wanted.get("body", answer["body"]) != ""
    assert answer["headers"] == {"content-type": "text/plain"}
    assert call.state == wanted["call"]
    assert door.queued() == ({call.call_id: 1} if wanted["call"] == "accepted" else {})
    if wanted["statusCode"] >= 400:
        assert door.is_unknown(call)
