"""A call without a phone, on the emulator's sessions in text: the conversation, the tools and the record are real."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cli.talk import admitted
from cli.talk.call import PlainCall, TransferOutcome, Watcher
from cli.talk.session import SessionError, open_session, typed
from infra.emulator.testing import KEY, World, emulated
from ringside import prices
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.calls import EndReason, Step
from ringside.conversation.events import ToolFinished, Usage
from ringside.tools.definition import CallContext

AT = 1_795_348_800.0  # 2026-11-22 12:00 UTC
NUMBER = "+18005551212"


def _agent(**more: Any) -> Agent:
    given: dict[str, Any] = {"name": "desk", "answers": NUMBER, "instructions": "Be kind to {{caller}}.", **more}
    return Agent.model_validate({"greeting": "Desk, hello.", **given})


class Fakes:
    """Tools that answer as the test wants."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.ran: list[tuple[str, Any, CallContext]] = []

    def is_repeatable(self, agent: Agent, name: str) -> bool:
        return False

    async def run(self, agent: Agent, name: str, arguments: str, context: CallContext) -> ToolFinished:
        self.ran.append((name, json.loads(arguments), context))
        return ToolFinished(context.tool_call_id, "ok", self.answers[name], 0.1)

    def close(self) -> None: ...


@asynccontextmanager
async def _call(
    agent: Agent,
    *lines: dict[str, Any],
    tools: Fakes | None = None,
    transfer: TransferOutcome = "left",
    watcher: Watcher | None = None,
    pace: float = 0.005,
) -> AsyncIterator[tuple[PlainCall, World]]:
    script = {"lines": list(lines)} if lines else None
    async with emulated(pace=pace, session_script=script) as world:
        headers = admitted.headers_of("+12025550143", NUMBER)
        came = admitted.admit(Agents({agent.name: agent}), headers, AT)
        session = await open_session(world.emulator.base_url, KEY, admitted.accept_body(agent, {}, came))
        call = PlainCall(
            agent,
            admitted.call_item(came),
            session,
            tools or Fakes(),
            prices.load(),
            watcher=watcher,
            transfers=lambda target: transfer,
        )
        async with asyncio.timeout(20), call:
            await call.begin()
            yield call, world


def _said(call: PlainCall) -> list[str]:
    return [f"{item['role']}: {item['text']}" for item in call.record.items if item["kind"] == "turn"]


def _tools(call: PlainCall) -> list[tuple[str, str]]:
    return [(item["name"], item["outcome"]) for item in call.record.items if item["kind"] == "tool"]


def _hang_up(text: str) -> dict[str, Any]:
    return {"agent": text, "tool": {"name": "hang_up"}}


async def test_the_agent_greets_as_its_file_says_answers_and_hangs_up() -> None:
    agent = _agent(tools=["hang_up"])
    async with _call(agent, {"agent": "Desk, hello."}, {"agent": "Nine to five."}, _hang_up("Bye.")) as (call, world):
        await call.says("When are you open?")
        await call.says("Thanks.")
        [shown] = await world.control.sessions()
    assert _said(call) == [
        *("agent: Desk, hello.", "caller: When are you open?", "agent: Nine to five."),
        *("caller: Thanks.", "agent: Bye."),
    ]
    record = call.record.call
    assert record["end_reason"] is EndReason.AGENT_HUNG_UP
    assert _tools(call) == [("hang_up", "ok")]
    assert (record["caller"], record["dialled"], record["decision"]["verdict"]) == ("+12025550143", NUMBER, "accept")
    assert record["cost"] > 0
    assert record["usage"]["output_audio"] == 0
    assert {Step.GREETED, Step.FIRST_AUDIO, Step.ENDED} <= record["steps"].keys()
    assert shown["model"] == agent.model
    assert shown["session"]["instructions"] == 'Be kind to "+12025550143".'
    assert 'nothing else: "Desk, hello."' in json.dumps(shown["commands"], ensure_ascii=False).replace('\\"', '"')


async def test_a_tool_runs_with_the_calls_facts_and_the_agent_answers_its_result() -> None:
    tools = Fakes(opening_hours='{"open": "9"}')
    call_it = {"agent": "Let me see.", "tool": {"name": "opening_hours", "arguments": {"day": "monday"}}}
    agent = _agent(tools=["opening_hours"])
    async with _call(agent, {"agent": "Hello."}, call_it, {"agent": "From nine."}, tools=tools) as (call, _):
        await call.says("When do you open on Monday?")
    [(name, arguments, context)] = tools.ran
    assert (name, arguments, context.caller, context.agent) == (
        *("opening_hours", {"day": "monday"}),
        *("+12025550143", "desk"),
    )
    kinds = [item["kind"] for item in call.record.items]
    assert kinds == ["turn", "turn", "turn", "tool", "turn"]
    assert _said(call)[-1] == "agent: From nine."


async def test_keys_end_what_was_collected_and_are_in_the_record() -> None:
    agent = _agent(tools=["collect_digits"])
    ask = {"agent": "Your number, please.", "tool": {"name": "collect_digits", "arguments": {"length": 4}}}
    async with _call(agent, {"agent": "Hello."}, ask, {"agent": "Thank you."}) as (call, world):
        await call.says("I want to identify myself.")
        await call.presses("4815")
        [shown] = await world.control.sessions()
    assert [item["text"] for item in call.record.items if item["kind"] == "digits"] == ["4815"]
    assert json.loads(shown["tool_calls"][0]["output"]) == {"digits": "4815", "ended_by": "length"}
    assert _said(call)[-1] == "agent: Thank you."


async def test_keys_that_nobody_asked_for_reach_the_model_after_their_pause() -> None:
    async with _call(_agent(), {"agent": "Hello."}, {"agent": "Twelve, I see."}) as (call, world):
        await call.presses("12")
        [shown] = await world.control.sessions()
    assert "The caller pressed 12" in json.dumps(shown["commands"])
    assert _said(call)[-1] == "agent: Twelve, I see."


async def test_silence_is_the_agents_time_not_ours_and_ends_the_call_in_the_end() -> None:
    agent = _agent(limits={"silence": 10, "silence_prompts": 1})
    lines = ({"agent": "Hello."}, {"agent": "Still there?"}, {"agent": "Goodbye then."})
    async with _call(agent, *lines) as (call, _):
        await asyncio.sleep(0.3)  # whoever types takes their time
        assert len(_said(call)) == 1
        await call.waits(11)
        assert _said(call)[-1] == "agent: Still there?"
        await call.waits(11)
    assert _said(call)[-1] == "agent: Goodbye then."
    assert call.record.call["end_reason"] is EndReason.SILENCE
    assert 20 < call.record.call["duration"] < 30


TRANSFER = {"agent": "One moment.", "tool": {"name": "transfer", "arguments": {"to": "sales"}}}
SALES = {"tools": ["transfer"], "transfer": {"sales": "tel:+14255550101"}}


@pytest.mark.parametrize(
    ("outcome", "reason", "verdict"),
    [("left", "transferred", "left"), ("stays", "caller_hung_up", "failed"), ("refused", "caller_hung_up", "failed")],
)
async def test_a_transfer_turns_out_as_it_was_told(outcome: TransferOutcome, reason: str, verdict: str) -> None:
    lines = ({"agent": "Hello."}, TRANSFER, {"agent": "Nobody there, sorry."})
    async with _call(_agent(**SALES), *lines, transfer=outcome) as (call, _):
        await call.says("Sales, please.")
        await call.hangs_up()
    assert call.record.call["end_reason"] == reason
    transfer = call.record.call["transfer"]
    assert (transfer["target"], transfer["verdict"]) == ("sales", verdict)
    assert _said(call)[-1] == ("agent: One moment." if outcome == "left" else "agent: Nobody there, sorry.")


async def test_words_over_the_agents_cut_it_short_and_are_answered() -> None:
    story = {"agent": "Once upon a time there was a desk. " * 10}
    async with _call(_agent(), {"agent": "Hello."}, story, {"agent": "Fine."}, pace=0.2) as (call, _):
        telling = asyncio.create_task(call.says("Tell me a story."))
        async with asyncio.timeout(5):
            while len(_said(call)) < 3 and not call._line.is_playing:
                await asyncio.sleep(0.01)
        await call.says("Stop!")
        await telling
    turns = {item["text"]: item["state"] for item in call.record.items if item["kind"] == "turn"}
    [cut] = [state for text, state in turns.items() if text and text.startswith("Once")]
    assert cut == "interrupted"
    assert _said(call)[-2:] == ["caller: Stop!", "agent: Fine."]


async def test_whoever_watches_sees_entries_cost_and_the_end() -> None:
    class Seen(Watcher):
        def __init__(self) -> None:
            self.entries: list[str] = []
            self.costs: list[float | None] = []
            self.end: Any = None

        def entry(self, item: Mapping[str, Any]) -> None:
            self.entries.append(str(item.get("text")))

        def used(self, usage: Usage, cost: float | None) -> None:
            self.costs.append(cost)

        def ended(self, call: Mapping[str, Any]) -> None:
            self.end = call["end_reason"]

    seen = Seen()
    async with _call(_agent(), {"agent": "Hello."}, {"agent": "Yes."}, watcher=seen) as (call, _):
        await call.says("There?")
        await call.hangs_up()
    assert {"Hello.", "There?", "Yes."} <= set(seen.entries)
    assert len(seen.costs) == 2
    assert seen.costs[1] > seen.costs[0]  # type: ignore[operator]
    assert seen.end is EndReason.CALLER_HUNG_UP


async def test_what_a_call_may_cost_ends_it_with_a_goodbye() -> None:
    agent = _agent(limits={"max_cost": 0.000001})
    async with _call(agent, {"agent": "Hello."}, {"agent": "We have to end here."}) as (call, _):
        pass
    assert call.record.call["end_reason"] is EndReason.SPEND_LIMIT
    assert _said(call)[-1] == "agent: We have to end here."


async def test_the_stand_in_speaks_without_a_script() -> None:
    async with _call(_agent()) as (call, _):
        assert _said(call) == ["agent: Desk, hello."]


async def test_a_response_that_a_rate_limit_refuses_is_waited_for() -> None:
    limit = {"type": "tokens", "code": "rate_limit_exceeded", "message": "Please try again in 1.6s."}
    async with _call(_agent(), {"agent": "Hello."}, {"fails": limit}, {"agent": "Here I am."}) as (call, _):
        await call.says("Are you open?")
    assert _said(call)[-1] == "agent: Here I am."


async def test_a_session_that_breaks_is_an_end_with_a_reason() -> None:
    async with _call(_agent(), {"agent": "Hello."}, {"drop": {"code": 1011}}, {"agent": "Never said."}) as (call, _):
        await call.says("Hello?")
    assert call.record.call["end_reason"] is EndReason.SUPERVISION_LOST
    async with _call(_agent(), {"agent": "Hello."}, {"expire": True}, {"agent": "Never said."}) as (call, _):
        await call.says("Hello?")
    assert call.record.call["end_reason"] is EndReason.SESSION_EXPIRED


@pytest.mark.parametrize(("model", "text"), [("gpt-realtime-9", "does not exist"), ("gpt-5", "not supported in real")])
async def test_a_model_that_does_not_exist_is_one_clear_error(model: str, text: str) -> None:
    with pytest.raises(SessionError, match=text):
        async with _call(_agent(model=model)):
            pass


async def test_a_wrong_key_and_an_address_where_nobody_listens_are_named() -> None:
    body = {"type": "realtime", "model": "gpt-realtime-2.1"}
    async with emulated() as world:
        with pytest.raises(SessionError, match="check OPENAI_API_KEY"):
            await open_session(world.emulator.base_url, "sk-wrong-0123456789abcdef", body)
    with pytest.raises(SessionError, match=r"127\.0\.0\.1:9 cannot be reached"):
        await open_session("http://127.0.0.1:9/v1", KEY, body)


def test_a_typed_session_keeps_all_that_text_has() -> None:
    agent = _agent(reasoning_effort="low", max_output_tokens=200, tools=["hang_up"])
    body = agent.as_body("Be kind.", [], {})
    session = typed(body)
    assert session["output_modalities"] == ["text"]
    assert session["audio"] == {"input": {"turn_detection": None}}
    assert {name: session[name] for name in ("instructions", "reasoning", "max_output_tokens")} == {
        name: body[name] for name in ("instructions", "reasoning", "max_output_tokens")
    }
