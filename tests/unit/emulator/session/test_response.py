"""A response, without clock or socket."""

from typing import Any

import pytest

from infra.emulator.scripts.lines import Agent, Tool
from infra.emulator.session import configuration
from infra.emulator.session.conversation import Conversation
from infra.emulator.session.response import Response
from infra.emulator.session.usage import Meter

OPENED = configuration.opened({"type": "realtime", "model": "gpt-realtime-2.1"}, 0)


def response_to(line: Agent, params: dict[str, Any] | None = None) -> Response:
    conversation = Conversation()
    return Response(line, conversation, Meter(conversation), OPENED, params)


def test_a_response_is_a_list_of_timed_events_without_any_clock() -> None:
    steps = list(response_to(Agent(agent="One two three four five.", tool=Tool(name="t"))).steps())
    kinds = [step.event["type"] for step in steps if step.event]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.done"
    assert [step.event["type"] for step in steps if step.event and step.audio_begins] == ["response.content_part.added"]
    assert 0.3 < sum(step.after for step in steps) < 1.0


SPEAKS_AND_CALLS = Agent(agent="One two three four five six.", tools=[Tool(name="t", arguments={"a": "long enough"})])


@pytest.mark.parametrize("pauses", range(6))
def test_a_response_cut_at_any_pause_closes_what_it_opened(pauses: int) -> None:
    response = response_to(SPEAKS_AND_CALLS)
    events = []
    for step in response.steps():
        if step.after and not pauses:
            break  # interrupted while waiting for this event: it is never sent
        pauses -= bool(step.after)
        events.append(step.event)
    else:
        pytest.fail("the response has fewer pauses than that")
    events += response.cut("turn_detected")
    kinds = [event["type"] for event in events if event]
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
    assert kinds.count("response.content_part.added") == kinds.count("response.content_part.done")
    assert kinds[-1] == "response.done"
    assert response.status == "cancelled"
    deltas = "".join(event.get("delta", "") for event in events if event)
    assert deltas == "".join(_content(item) for item in response.output)


def _content(item: dict[str, Any]) -> str:
    return str(item["arguments"] if item["type"] == "function_call" else item["content"][0]["transcript"])
