"""Whatever happens, in whatever order: the conversation as a whole."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.behaviour import Target
from tests.unit.conversation.talk import ANSWERED, BEHAVIOUR, Talk, assert_consistent, saying_goodbye, sent, unhurried

# --- usage -----------------------------------------------------------------------------------


counts = st.integers(0, 1000)


usages = st.builds(e.Usage, *[counts] * 9, st.integers(0, 100).map(float))


@unhurried
@given(st.lists(st.tuples(usages, st.booleans())))
def test_usage_adds_up_and_every_total_is_the_whole_so_far(reports: list[tuple[e.Usage, bool]]) -> None:
    talk = Talk()
    total = e.Usage()
    for number, (usage, by_caller) in enumerate(reports):
        if by_caller:
            talk.feed(e.CallerTranscript(f"c{number}", "Hi.", usage))
        else:
            talk.response_begins(f"r{number}")
            talk.response_ends(f"r{number}", usage=usage)
        total += usage
        saved = [effect.usage for effect in talk.effects if isinstance(effect, do.SaveUsage)]
        assert talk.conversation.usage == total
        assert by_caller or usage == e.Usage() or saved[-1] == total
    assert talk.finish()[-1] == do.SaveUsage(total)


def test_after_the_end_nothing_wants_to_be_woken() -> None:
    talk = Talk()
    talk.finish()
    assert talk.conversation.deadline is None


# --- garbage ---------------------------------------------------------------------------------


some_item = st.sampled_from(["i1", "i2", "i3"])


some_previous = st.none() | some_item | st.just("never_seen")


some_response = st.sampled_from(["r1", "r2", ""])


some_ref = st.none() | st.sampled_from([f"ringside_1_{number}" for number in range(1, 6)])


some_text = st.sampled_from(["", "Hi."])


any_tool = st.builds(
    lambda call, name, response: e.ToolCalled(f"item_{call}", response, call, name, "{}"),
    st.sampled_from(["c1", "c2", "c3"]),
    st.sampled_from(["book", "hang_up", "transfer", "collect_digits", "note"]),
    some_response,
)


any_event: st.SearchStrategy[e.Event] = st.one_of(
    st.builds(e.SessionStarted, st.none()),
    st.builds(e.CallerStarted, some_item),
    st.builds(e.CallerStopped, some_item),
    st.builds(
        e.ItemAdded,
        some_item,
        some_previous,
        st.sampled_from(["caller", "agent", "tool_call", "tool_output", "other"]),
        st.sampled_from(["c1", "c2", None]),
    ),
    st.builds(e.CallerWords, some_item, some_text),
    st.builds(e.CallerTranscript, some_item, some_text, usages),
    st.builds(e.CallerTranscriptFailed, some_item, st.just("oops")),
    st.builds(e.ResponseStarted, some_response),
    st.builds(e.AgentWords, some_item, some_response, some_text),
    st.builds(e.AgentTranscript, some_item, some_response, some_text, st.integers(0, 1)),
    any_tool,
    st.builds(
        e.ResponseEnded,
        some_response,
        st.sampled_from(["completed", "cancelled", "incomplete", "failed"]),
        st.sampled_from([None, "turn_detected", "client_cancelled"]),
        st.none(),
        usages,
        st.lists(any_tool, max_size=2).map(tuple),
    ),
    st.builds(e.PlaybackStarted, some_response),
    st.builds(e.PlaybackStopped, some_response),
    st.builds(e.PlaybackCleared, some_response),
    st.builds(e.AgentCutOff, some_item, st.integers(0, 1000)),
    st.builds(e.DigitPressed, st.sampled_from("12#")),
    st.builds(e.ItemRetrieved, some_item, st.sampled_from(["caller", "agent", None]), st.none() | some_text),
    st.builds(e.ApprovalAsked, st.sampled_from(["a1", "a2"]), st.just("shop"), st.just("buy")),
    st.builds(
        e.RemoteToolCalled,
        st.sampled_from(["m1", "m2"]),
        st.just("shop"),
        st.just("buy"),
        st.just("{}"),
        st.none(),
        st.booleans(),
    ),
    st.builds(
        e.SessionError, st.sampled_from(["conversation_already_has_active_response", "oops"]), st.just(""), some_ref
    ),
    st.builds(e.ToolFinished, st.sampled_from(["c1", "c2", "c3"]), st.sampled_from(["ok", "error"]), some_text),
)


any_pause = st.sampled_from([0.0, 0.5, 2.0, 15.0])


IMPATIENT = replace(BEHAVIOUR, max_duration=120.0, transfers={"office": Target("tel:+15550100")})


@unhurried
@given(st.lists(st.tuples(any_event, any_pause), max_size=30), st.booleans())
def test_no_order_of_events_raises_or_puts_the_record_into_disorder(
    events: list[tuple[e.Event, float]], greeted: bool
) -> None:
    talk = Talk(IMPATIENT, greeted=greeted)
    for event, pause in events:
        talk.feed(event)
        talk.wait(pause)
        assert_consistent(talk)
    talk.finish()
    assert_consistent(talk)
    assert len(talk.hung_up) <= 1


@unhurried
@given(st.lists(st.tuples(any_event, any_pause), max_size=20), st.floats(0, 0.99))
def test_the_deadline_is_the_next_alarm_and_before_it_nothing_is_due(
    events: list[tuple[e.Event, float]], part: float
) -> None:
    talk = Talk(IMPATIENT)
    for event, pause in events:
        talk.feed(event)
        deadline = talk.conversation.deadline
        if deadline is None:
            assert talk.hung_up
            assert talk.conversation.wake(talk.now + 1000) == []
        elif deadline > talk.now:
            early = talk.now + (deadline - talk.now) * part
            if early < deadline:
                assert talk.conversation.wake(early) == []
                assert talk.conversation.deadline == deadline
        talk.wait(pause)
        assert talk.conversation.deadline is None or talk.conversation.deadline > talk.now


@unhurried
@given(st.lists(st.tuples(any_event, any_pause), max_size=20))
def test_no_order_of_events_keeps_a_call_alive_beyond_its_limit(events: list[tuple[e.Event, float]]) -> None:
    talk = Talk(IMPATIENT)
    for event, pause in events:
        talk.feed(event)
        talk.wait(pause)
    talk.wait(ANSWERED + IMPATIENT.max_duration + IMPATIENT.farewell_limit - talk.now)
    assert len(talk.hung_up) == 1


@unhurried
@given(st.lists(st.tuples(any_event, any_pause), max_size=30))
def test_whatever_happens_no_tool_runs_twice(events: list[tuple[e.Event, float]]) -> None:
    talk = Talk(IMPATIENT)
    for event, pause in events:
        talk.feed(event)
        talk.wait(pause)
    assert len(set(talk.tools_run)) == len(talk.tools_run)
    outputs = [command.tool_call_id for command in sent(talk.effects, e.TellOutput)]
    assert len(set(outputs)) == len(outputs)


def test_an_event_of_a_kind_that_does_not_matter_does_nothing() -> None:
    talk = Talk()
    event: Any = e.SessionStarted(None)
    assert talk.feed(event) == []
    assert BEHAVIOUR.greeting == "Greet."


# --- limits ----------------------------------------------------------------------------------


def test_the_alarms_that_are_due_ring_in_the_order_of_their_times() -> None:
    talk = saying_goodbye()
    effects = talk.conversation.wake(ANSWERED + 2 * BEHAVIOUR.max_duration)
    assert [effect.reason for effect in effects if isinstance(effect, do.HangUp)] == [EndReason.AGENT_HUNG_UP]
    assert talk.conversation.deadline is None
