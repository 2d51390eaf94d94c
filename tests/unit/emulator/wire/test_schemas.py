"""The shapes of what clients send, held against the official package."""

from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from openai.types.realtime import call_accept_params, realtime_client_event_param
from openai.types.realtime.realtime_response_create_params_param import RealtimeResponseCreateParamsParam

from infra.emulator.wire.schemas import CLIENT_EVENTS, SESSION
from infra.emulator.wire.validation import InvalidRequest, Shape
from tests.unit.emulator.json_values import json_like


@pytest.mark.parametrize("name", call_accept_params.CallAcceptParams.__annotations__)
def test_every_documented_field_of_a_session_is_known(name: str) -> None:
    with pytest.raises(InvalidRequest) as invalid:
        SESSION({"type": "realtime", name: object()}, "")
    assert invalid.value.code == "invalid_type"


@pytest.mark.parametrize("name", RealtimeResponseCreateParamsParam.__annotations__)
def test_every_documented_field_of_a_response_is_known(name: str) -> None:
    with pytest.raises(InvalidRequest) as invalid:
        CLIENT_EVENTS["response.create"]({"type": "response.create", "response": {name: object()}}, "")
    assert invalid.value.code == "invalid_type"


def test_every_client_event_of_the_package_is_known() -> None:
    union = get_args(realtime_client_event_param.RealtimeClientEventParam)
    known = {get_args(get_type_hints(each)["type"])[0] for each in union}
    assert known == set(CLIENT_EVENTS)


@given(json_like("type", "role", "content", "item", "tools", "audio", "input", "id"))
def test_whatever_a_client_sends_is_accepted_or_wrong_but_never_an_accident(value: Any) -> None:
    for kind, shape in CLIENT_EVENTS.items():
        for event in (value, {"type": kind, "item": value, "session": value, "response": value, "item_id": value}):
            assert _complaint(shape, event).endswith(".")


def _complaint(shape: Shape, event: Any) -> str:
    try:
        shape(event, "")
    except InvalidRequest as invalid:
        return invalid.message
    return "Nothing."
