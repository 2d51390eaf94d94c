"""What operators want done on a call: each action to its effect, once, through hand-overs and crashes."""

from dataclasses import replace
from typing import Any

import pytest

from ringside.calls import EndReason
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.behaviour import Behaviour, Target
from ringside.conversation.operator import GOOD_FOR_SECONDS
from tests.unit.conversation.talk import BEHAVIOUR, FAREWELL, Talk, assert_consistent, quiet, refers

TARGETS = {"sales": Target("tel:+14255550100", "Offer to take a note.")}
OFFICE = replace(BEHAVIOUR, transfers=TARGETS, transfer_limit=15.0)
WHO = "arn:aws:iam::123456789012:user/ada"


class Desk(Talk):
    """A talk that an operator has a hand on."""

    def __init__(self, behaviour: Behaviour = OFFICE, **more: Any) -> None:
        self.asked_actions = 0
        self.events: list[e.ActionAsked] = []
        super().__init__(behaviour, **more)

    def operator(self, action: e.ActionKind, text: str = "", **more: Any) -> str:
        """Somebody wants this. Returns the id of its entry."""
        self.asked_actions += 1
        event = e.ActionAsked(f"a{self.asked_actions}", action, WHO, more.pop("asked_at", self.now), text, **more)
        self.events.append(event)
        self.feed(event)
        return f"action_a{self.asked_actions}"

    def found_again(self) -> list[do.Effect]:
        """The next owner finds all that was claimed before and is still kept."""
        kept = [event for event in self.events if event.action_id not in self.settled]
        return self.feed(*(replace(event, is_first=False) for event in kept))

    def action(self, item_id: str) -> dict[str, Any]:
        return dict(next(item for item in self.table.items if item["item_id"] == item_id))

    def outcome(self, item_id: str) -> str:
        return str(self.action(item_id)["outcome"])

    @property
    def settled(self) -> set[str]:
        return {effect.action_id for effect in self.effects if isinstance(effect, do.ActionSettled)}

    @property
    def facts_told(self) -> list[tuple[str | None, str]]:
        return [(fact.item_id, fact.text) for fact in self.sent(e.TellFact)]

    @property
    def answers_by_itself(self) -> bool:
        told = self.sent(e.DetectTurns)
        return not told or bool(told[-1].detection["create_response"])

    def response(self, ref: str | None, name: str, status: Any = "completed") -> None:
        self.feed(e.ResponseStarted(name, ref))
        self.response_ends(name, status)


# --- say and instruct ---


def test_what_an_operator_wants_said_is_asked_for_word_by_word() -> None:
    talk = Desk()
    item = talk.operator("say", "We close in five minutes.")
    assert talk.asked[-1] == 'Say exactly this, in these words, and nothing else: "We close in five minutes."'
    assert talk.outcome(item) == "under_way"
    talk.agent_says("We close in five minutes.", "r1")
    assert talk.outcome(item) == "done"
    assert talk.action(item) | {"by": WHO, "text": "We close in five minutes.", "kind": "action"} == talk.action(item)
    assert talk.settled == {"a1"}
    assert_consistent(talk)


def test_it_waits_for_the_caller_and_for_the_response_that_is_being_generated() -> None:
    talk = Desk()
    caller = talk.caller_starts()
    talk.operator("say", "Hm.")
    assert talk.asked == []
    talk.caller_stops(caller)
    talk.response_begins("own")
    assert len(talk.asked) <= 1
    talk.response_ends("own")
    assert any("Hm." in str(asked) for asked in talk.asked)


@pytest.mark.parametrize("code", ["conversation_already_has_active_response", "server_error"])
def test_a_refused_request_is_made_again(code: str) -> None:
    talk = Desk()
    item = talk.operator("say", "Hm.")
    talk.refused(talk.last_ref, code)
    talk.wait(1.5)
    assert len(talk.asked) == 2
    talk.agent_says("Hm.", "r1")
    assert talk.outcome(item) == "done"


def test_what_openai_refuses_twice_has_failed() -> None:
    talk = Desk()
    item = talk.operator("say", "Hm.")
    talk.refused(talk.last_ref, "server_error")
    talk.wait(1.5)
    talk.refused(talk.last_ref, "server_error")
    assert talk.outcome(item) == "failed"
    assert talk.settled == {"a1"}


def test_what_the_caller_speaks_over_was_said_as_far_as_it_went() -> None:
    talk = Desk()
    item = talk.operator("say", "A long sentence.")
    talk.response(None, "r1", "cancelled")
    assert talk.outcome(item) == "done"
    assert "spoke over" in talk.action(item)["detail"]


def test_an_instruction_is_told_and_answered_at_once() -> None:
    talk = Desk()
    item = talk.operator("instruct", "Offer a refund.")
    ((told, text),) = talk.facts_told
    assert told == item
    assert "Offer a refund." in text
    assert talk.asked == [None]
    assert talk.outcome(item) == "done"


def test_a_silent_instruction_is_told_and_not_answered() -> None:
    talk = Desk()
    talk.operator("instruct", "Offer a refund.", silent=True)
    assert len(talk.facts_told) == 1
    assert talk.asked == []


def test_what_is_wanted_after_the_goodbye_began_is_refused() -> None:
    talk = Desk()
    talk.takes_leave(EndReason.MAX_DURATION)
    item = talk.operator("say", "Hm.")
    assert talk.outcome(item) == "refused"
    assert talk.settled == {"a1"}


def test_what_is_late_is_not_done() -> None:
    talk = Desk()
    item = talk.operator("hang_up", asked_at=talk.now - GOOD_FOR_SECONDS - 1, silent=True)
    assert talk.outcome(item) == "expired"
    assert talk.hung_up == []


# --- hang up ---


def test_an_operator_hangs_up_after_a_goodbye() -> None:
    talk = Desk()
    item = talk.operator("hang_up")
    assert talk.asked == [FAREWELL]
    assert talk.hung_up == []
    talk.agent_says("Goodbye.", "r1")
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]
    talk.finish()
    assert talk.outcome(item) == "done"


def test_or_at_once() -> None:
    talk = Desk()
    talk.operator("hang_up", silent=True)
    assert talk.asked == []
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_a_caller_who_speaks_up_is_hung_up_on_all_the_same() -> None:
    talk = Desk()
    talk.operator("hang_up")
    talk.agent_begins("Good", "r1")
    talk.caller_says("Wait!")
    talk.interrupted("r1")
    talk.wait(60)
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


def test_of_two_operators_who_hang_up_one_is_refused() -> None:
    talk = Desk()
    first, second = talk.operator("hang_up"), talk.operator("hang_up")
    assert talk.outcome(second) == "refused"
    talk.agent_says("Goodbye.", "r1")
    talk.finish()
    assert (talk.hung_up, talk.outcome(first)) == ([EndReason.OPERATOR_HUNG_UP], "done")


def test_a_goodbye_may_be_cut_short() -> None:
    talk = Desk()
    first = talk.operator("hang_up")
    talk.operator("hang_up", silent=True)
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]
    talk.finish()
    assert talk.outcome(first) == "done"


# --- transfer ---


def transferring(**more: Any) -> tuple[Desk, str]:
    talk = Desk()
    item = talk.operator("transfer", "sales", **more)
    return talk, item


def test_a_transfer_is_announced_and_then_asked_for() -> None:
    talk, item = transferring()
    assert "transferring" in str(talk.asked[-1])
    assert refers(talk) == []
    talk.agent_says("One moment.", "r1")
    assert refers(talk) == ["tel:+14255550100"]
    assert talk.outcome(item) == "under_way"
    talk.feed(e.ReferAnswered(item, True))
    assert talk.outcome(item) == "done"
    assert talk.facts["transfer"]["verdict"] == "accepted"
    assert talk.conversation.is_transferred
    talk.finish()
    assert talk.facts["transfer"]["verdict"] == "left"


def test_a_caller_who_speaks_to_the_announcement_does_not_stop_it() -> None:
    talk, item = transferring()
    talk.agent_begins("One", "r1")
    caller = talk.caller_starts()
    talk.feed(e.PlaybackCleared("r1"))
    talk.interrupted("r1")
    talk.caller_stops(caller)
    talk.transcribed(caller, "Who?")
    talk.agent_says("Sales.", "r2")
    assert refers(talk) == ["tel:+14255550100"]
    assert talk.outcome(item) == "under_way"


@pytest.mark.parametrize("how", ["refused", "still here"])
def test_the_agent_goes_on_after_a_transfer_that_did_not_work(how: str) -> None:
    talk, item = transferring()
    talk.agent_says("One moment.", "r1")
    if how == "refused":
        talk.feed(e.ReferAnswered(item, False, "HTTP 403"))
    else:
        talk.feed(e.ReferAnswered(item, True))
        talk.wait(15)
    assert talk.outcome(item) == "failed"
    assert talk.facts_told == [
        (item, "The transfer to sales did not work; the caller is still on the line. Offer to take a note.")
    ]
    assert talk.asked[-1] is None  # it answers


def test_a_target_that_the_agent_has_not_is_refused_unless_the_operator_may_choose_any() -> None:
    talk = Desk()
    item = talk.operator("transfer", "+14255550199")
    assert talk.outcome(item) == "refused"
    assert "sales" in talk.action(item)["detail"]
    talk.operator("transfer", "+14255550199", uri="tel:+14255550199")
    talk.agent_says("One moment.", "r1")
    assert refers(talk) == ["tel:+14255550199"]


def test_hanging_up_calls_off_a_transfer_that_was_not_asked_for_yet() -> None:
    talk, item = transferring()
    talk.agent_begins("One moment.", "r1")
    talk.operator("hang_up", silent=True)
    assert talk.outcome(item) == "failed"
    assert refers(talk) == []
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]


@pytest.mark.parametrize("handed_over", [True, False])
def test_hanging_up_calls_off_the_agents_own_transfer_for_good(handed_over: bool) -> None:
    talk = Desk()
    talk.agent_begins("I am putting you through.", "r1")
    talk.calls_tool("transfer", "t1", "r1", arguments='{"to": "sales"}')
    talk.operator("hang_up")
    if handed_over:
        talk.changes_hands()
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    assert (talk.tool("t1")["outcome"], refers(talk)) == ("refused", [])


def test_what_an_operator_wants_said_keeps_its_turn_over_a_hand_over() -> None:
    talk = Desk(greeted=False)
    talk.begins()
    talk.feed(e.ResponseStarted("r1"))
    talk.operator("say", "Hm.")
    failed = e.ResponseEnded("r1", "failed", None, "rate_limit_exceeded", e.Usage(), retry_after=3.0)
    talk.feed(failed)
    talk.changes_hands()
    talk.wait(3.0)
    assert [text for text in talk.asked if text and "Hm." in text] == talk.asked[-1:]


# --- hold ---


def test_an_agent_on_hold_does_not_answer_and_does_not_lose_patience() -> None:
    talk = Desk()
    item = talk.operator("hold")
    assert talk.outcome(item) == "done"
    assert not talk.answers_by_itself
    talk.caller_says("Hello?")
    talk.wait(60)
    assert talk.asked == []
    assert talk.hung_up == []
    assert not [effect for effect in talk.effects if isinstance(effect, do.Reattach)]


def test_the_agent_goes_on_when_it_is_told_to() -> None:
    talk = Desk()
    talk.operator("hold")
    talk.caller_says("Hello?")
    talk.operator("resume")
    assert talk.answers_by_itself
    assert talk.asked == [None]


def test_an_operator_may_speak_through_an_agent_on_hold() -> None:
    talk = Desk()
    talk.operator("hold")
    item = talk.operator("say", "A colleague is coming.")
    assert "A colleague" in str(talk.asked[-1])
    talk.agent_says("A colleague is coming.", "r1")
    assert talk.outcome(item) == "done"
    quiet(talk)
    assert len(talk.asked) == 1


def test_the_longest_duration_counts_on_hold_too() -> None:
    talk = Desk(replace(OFFICE, max_duration=60.0))
    talk.operator("hold")
    talk.wait(61)
    assert talk.asked == [FAREWELL]


def test_what_was_not_answered_on_hold_is_answered_after_it() -> None:
    talk = Desk()
    talk.operator("hold")
    talk.operator("instruct", "Ask for the name.")
    assert talk.asked == []
    talk.operator("resume")
    assert talk.asked == [None]


@pytest.mark.parametrize(("first", "second"), [("hold", "hold"), ("resume", None)])
def test_what_is_so_already_is_refused(first: Any, second: Any) -> None:
    talk = Desk()
    items = [talk.operator(action) for action in (first, second) if action]
    assert talk.outcome(items[-1]) == "refused"


def test_turns_are_detected_as_before_after_a_hold() -> None:
    detection = {"type": "server_vad", "threshold": 0.4, "idle_timeout_ms": 6000}
    talk = Desk(replace(OFFICE, turn_detection=detection))
    talk.operator("hold")
    talk.operator("resume")
    held, resumed = talk.sent(e.DetectTurns)
    assert held.detection == {**detection, "idle_timeout_ms": None, "create_response": False}
    assert resumed.detection == {**detection, "create_response": True}


# --- through hand-overs, crashes and gaps ---


@pytest.mark.parametrize("clean", [True, False])
def test_the_next_owner_knows_that_the_agent_is_on_hold(clean: bool) -> None:
    talk = Desk()
    talk.operator("hold")
    if clean:
        talk.hands_over()
    talk.is_taken_over()
    talk.is_reattached()
    assert not talk.answers_by_itself
    talk.caller_says("Hello?")
    talk.wait(60)
    assert talk.asked == []


def test_a_hand_over_in_the_middle_of_it_changes_nothing() -> None:
    talk = Desk()
    said = talk.operator("say", "Hm.")
    ref = talk.last_ref
    talk.changes_hands()
    talk.found_again()
    talk.feed(e.ResponseStarted("r1", ref))
    talk.response_ends("r1")
    assert len(talk.asked) == 1
    assert talk.outcome(said) == "done"


def test_an_operators_transfer_is_handed_over() -> None:
    talk = Desk()
    item = talk.operator("transfer", "+14255550199", uri="tel:+14255550199")
    talk.agent_begins("One moment.", "r1")
    talk.changes_hands()
    talk.found_again()
    talk.response_ends("r1")
    talk.feed(e.PlaybackStopped("r1"))
    assert refers(talk) == ["tel:+14255550199"]
    talk.changes_hands()
    assert refers(talk) == ["tel:+14255550199"] * 2  # which its claim refuses
    talk.feed(e.ReferAnswered(item, True))
    talk.changes_hands()
    assert talk.conversation.is_transferred


def test_a_transfer_that_openai_had_taken_is_waited_for_after_a_crash() -> None:
    talk, item = transferring()
    talk.agent_says("One moment.", "r1")
    talk.feed(e.ReferAnswered(item, True))
    talk.is_taken_over()
    assert talk.conversation.is_transferred


@pytest.mark.parametrize("is_known", [True, False])
def test_words_are_not_said_twice_because_their_owner_died(is_known: bool) -> None:
    talk = Desk()
    item = talk.operator("say", "Hm.")
    if not is_known:  # it died between its claim and the record
        talk.table.at.clear()
    talk.is_taken_over()
    talk.is_reattached()
    asked = len(talk.asked)
    talk.found_again()
    assert len(talk.asked) == asked
    assert talk.outcome(item) == "unknown"
    assert talk.settled == {"a1"}


def test_a_hang_up_is_done_though_its_owner_died() -> None:
    talk = Desk()
    item = talk.operator("hang_up")
    talk.is_taken_over()
    talk.is_reattached()
    talk.found_again()
    talk.wait(60)
    assert talk.hung_up == [EndReason.OPERATOR_HUNG_UP]
    talk.finish()
    assert talk.outcome(item) == "done"


def test_what_a_clean_hand_over_left_undone_is_begun() -> None:
    """Its owner had claimed it, and left before it came to it."""
    talk = Desk()
    talk.changes_hands()
    talk.operator("say", "Hm.", is_first=False)
    assert "Hm." in str(talk.asked[-1])


def test_a_connection_that_is_lost_leaves_it_open_whether_it_was_said() -> None:
    talk = Desk()
    item = talk.operator("say", "Hm.")
    talk.is_reattached()
    assert talk.outcome(item) == "unknown"


def test_what_a_gap_may_have_swallowed_is_told_again() -> None:
    talk = Desk()
    item = talk.operator("instruct", "Offer a refund.")
    talk.is_reattached()
    assert [told for told, _ in talk.facts_told].count(item) == 2


def test_what_is_under_way_when_the_call_ends_says_so() -> None:
    talk = Desk()
    item = talk.operator("say", "Hm.")
    talk.finish()
    assert (talk.outcome(item), talk.action(item)["detail"]) == ("failed", "the call ended first")


def test_what_comes_after_the_end_says_so_too() -> None:
    talk = Desk()
    talk.finish()
    event = e.ActionAsked("late", "say", WHO, talk.now, "Hm.")
    talk._keep(talk.conversation.came_too_late(event, talk.now))
    assert talk.outcome("action_late") == "expired"
    assert talk.settled == {"late"}


def test_the_same_action_twice_is_one() -> None:
    talk = Desk()
    talk.operator("say", "Hm.")
    talk.feed(talk.events[0])
    assert len(talk.asked) == 1
