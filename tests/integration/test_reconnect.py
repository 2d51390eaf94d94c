"""What becomes of a call whose sideband closes: it goes on where it can, and has the right end where it cannot."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from websockets.sync.client import connect

from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.agentfile.loader import load_agents
from ringside.conversation.behaviour import Behaviour
from ringside.openai import urls
from tests.drills.compare import Lived, flaws_of
from tests.drills.ground import AGENTS, Ground
from tests.drills.ownership import BRIEF
from tests.drills.talk import GREETING, Lines, Script, endless, exchange, goodbye, script
from tests.integration.resident import resident_monitor

PACE = 0.2
STALL = 3.0


class Impatient(Agent):
    """An agent with a watchdog that bites soon."""

    @property
    def behaviour(self) -> Behaviour:
        return replace(super().behaviour, stall_after=STALL)


def impatient(agent: Agent) -> Agent:
    fields = dict(agent)
    if agent.name == "brief":  # for the call of which nothing more is heard
        fields["limits"] = agent.limits.model_copy(update={"silence": 1.0, "silence_prompts": 0, "farewell": 1.0})
    return Impatient.model_construct(**fields)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """A cloud with one monitor."""
    team = Agents({agent.name: impatient(agent) for agent in load_agents(AGENTS)})
    with Ground(monitors=0, pace=PACE, lease=3, poll=1) as ground, resident_monitor(ground, agents=team):
        yield ground


def interrupted_by(*trouble: dict[str, Any]) -> Script:
    """The trouble comes while the agent gives a long answer."""
    long_answer = [
        {"caller": "Tell me a long story."},
        {"agent": "Once upon a time there was a story. " * 4 + "The end."},
    ]
    lines: Lines = [{"agent": GREETING}, *exchange(1), *long_answer, *trouble, *exchange(3), *goodbye()]
    return script(lines)


GOES_ON = {
    "closed with 1000": interrupted_by({"drop": {"code": 1000}}),
    "closed with 1001": interrupted_by({"drop": {"code": 1001}}),
    "closed with 1011": interrupted_by({"drop": {"code": 1011}}),
    "closed without a frame": interrupted_by({"drop": {}}),
    # Some of the answer is heard before; the watchdog closes what does not close by itself.
    "frozen": interrupted_by({"silence": 0.5}, {"freeze": STALL + 4}),
}

SHORT = script([{"agent": GREETING}, *exchange(1), {"hang_up": "caller"}])

ENDS: dict[str, tuple[Script, dict[str, Any]]] = {
    "caller, 1000": (SHORT, {"close_codes": {"caller": 1000}}),
    "caller, 1001": (SHORT, {"close_codes": {"caller": 1001}}),
    "caller, no frame": (SHORT, {"close_codes": {"caller": None}}),
    "expired": (endless(), {"expires_s": 4}),
    "agent, never closed": (
        script([{"agent": GREETING}, *exchange(1), *goodbye()]),
        {"sideband": {"never_close": True}},
    ),
}
"""Scripts and faults."""


@pytest.fixture(scope="module")
def calls(ground: Ground) -> dict[str, Lived]:
    """All of them, at the same time."""
    talks = [*((talk, {}) for talk in GOES_ON.values()), *ENDS.values()]
    ids = ground.ring_all([talk for talk, _ in talks], over=1.0, faults=lambda number: talks[number][1])
    ids.append(ground.emulator.ring(SHORT, called=BRIEF, faults={"sideband": {"never_close": True}}))
    lived = ground.lived(ids, ended_within=60)
    return dict(zip([*GOES_ON, *ENDS, "caller, never closed"], lived, strict=True))


# --- the call goes on ---


@pytest.mark.parametrize("how", GOES_ON)
def test_a_call_outlives_its_sideband_word_for_word(calls: dict[str, Lived], how: str) -> None:
    call = calls[how]

    assert flaws_of(call, GOES_ON[how], pace=PACE) == []
    assert call.greetings == 1
    assert len(call.known["attachments"]) == 2
    assert call.record.call["epoch"] == 1


@pytest.mark.parametrize("how", GOES_ON)
def test_the_time_without_a_sideband_is_a_gap_in_the_record(calls: dict[str, Lived], how: str) -> None:
    call = calls[how]
    (gap,) = [item for item in call.record.items if item["kind"] == "gap"]
    (_, closed_at), (opened_at, _) = call.attached

    assert gap["text"] == "the connection was lost"
    assert float(gap["started_at"]) == pytest.approx(min(closed_at, opened_at), abs=2.0)
    assert float(gap["ended_at"]) == pytest.approx(opened_at, abs=2.0)


# --- the call ends ---


@pytest.mark.parametrize("how", ["caller, 1000", "caller, 1001", "caller, no frame"])
def test_a_caller_who_hangs_up_is_the_end_whatever_the_close_code(calls: dict[str, Lived], how: str) -> None:
    call = calls[how]

    assert flaws_of(call, SHORT, reason="caller_hung_up", pace=PACE) == []
    assert float(call.record.call["steps"]["ended"]) == pytest.approx(call.known["ended"]["at"], abs=2.0)
    assert call.asked("hangup", done=True) == 0  # asked for, to be sure, and there was nothing to hang up


def test_a_session_that_expired_is_not_a_caller_who_hung_up(calls: dict[str, Lived]) -> None:
    call = calls["expired"]

    assert flaws_of(call, endless(), reason="session_expired", pace=PACE) == []
    assert float(call.record.call["steps"]["ended"]) == pytest.approx(call.known["ended"]["at"], abs=2.0)


def test_a_sideband_that_stays_open_does_not_keep_a_call_open_that_the_agent_has_ended(
    calls: dict[str, Lived],
) -> None:
    assert flaws_of(calls["agent, never closed"], pace=PACE) == []


def test_a_caller_of_whose_leaving_the_sideband_tells_nothing_is_found_out_by_the_silence(
    calls: dict[str, Lived],
) -> None:
    call = calls["caller, never closed"]

    assert (call.known["ended"]["by"], call.record.status) == ("caller", "ended")
    assert flaws_of(call, reason="silence", pace=PACE) == []


def test_a_sideband_that_is_refused_for_good_leaves_nobody_on_the_line(ground: Ground) -> None:
    """To us it looks like a call that is over. OpenAI knows better, and would go on with it for an hour."""
    talk = script([{"agent": GREETING}, *exchange(1), *exchange(2), *exchange(3)], then="stay")
    close = {"after_events": 40, "code": 1001}
    call_id = ground.emulator.ring(talk, faults={"sideband": {"close": close}})
    ground.wait_for_greetings([call_id], 20)
    url, key = urls.sideband_url(ground.openai_base_url, call_id), ground.openai.api_key
    # Somebody else takes the only place there is, before ours is lost.
    with connect(url, additional_headers={"Authorization": f"Bearer {key}"}, proxy=None, max_queue=None):
        ground.emulator.settings(max_attachments=1, attach_refusal_status=404)
        try:
            record = ground.records.wait_for_end(call_id, 30)
        finally:
            ground.emulator.settings(max_attachments=None, attach_refusal_status=409)

    assert record.status == "ended"
    assert ground.emulator.shown(call_id)["state"] == "ended"
