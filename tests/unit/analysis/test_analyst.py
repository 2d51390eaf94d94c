"""What becomes of a call once it is over, whatever the model answers and whoever is told how often."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from ringside.agentfile.afterwards import Analysis
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.analysis.analyst import Analyst
from ringside.analysis.requests import answer, call_ids
from ringside.aws.table import Conflict
from ringside.openai.text_model import TextAnswer, TextModelRefused, TextModelUnavailable, TextTokens
from ringside.prices import Prices
from ringside.telemetry import Metrics

NOW = 1_795_348_800.0
ITEMS: list[dict[str, Any]] = [
    {"kind": "turn", "role": "agent", "text": "Hello?", "item_id": "item_1"},
    {"kind": "turn", "role": "caller", "text": "It is Robin.", "item_id": "item_2"},
]
Json = dict[str, Any]


@dataclass
class FakeRecord:
    """One call, written as the table writes: on the condition that nobody else has written meanwhile."""

    call: Json | None
    items: list[Json] = field(default_factory=lambda: list(ITEMS))
    writes: list[Json] = field(default_factory=list)
    before_write: Any = None

    def whole_call(self, call_id: str) -> tuple[Json, list[Json]] | None:
        return None if self.call is None else (dict(self.call), self.items)

    def analysed(self, call_id: str, analysis: Json, seen: str | None) -> None:
        if self.before_write is not None:
            act, self.before_write = self.before_write, None
            act(self)
        if self.call is None:
            raise Conflict({})
        if (self.call.get("analysis") or {}).get("run") != seen:
            raise Conflict(self.call)
        self.call["analysis"] = analysis
        self.writes.append(analysis)


@dataclass
class FakeModel:
    """Answers with what it has, one after the other; the last one again and again."""

    answers: list[Any]
    asked: list[str] = field(default_factory=list)

    def ask(self, model: str, instructions: str, text: str, name: str, schema: Json, before: float) -> TextAnswer:
        self.asked.append(text)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return TextAnswer(found, TextTokens(3000, 1000, 300))


ASKED = Analysis()
SUMMARY = {"summary": "It was Robin."}
LATER = TextModelUnavailable("HTTP 429: rate_limit_exceeded")


def analyst(record: FakeRecord, model: FakeModel, asked: Analysis | None = ASKED) -> Analyst:
    agent = Agent(name="desk", answers=("default",), model="gpt-realtime", instructions="x", analysis=asked)
    prices = Prices("2026-11-22", {}, {}, {"gpt-5.6-luna": [0.2, 0.02, 1.2]})
    return Analyst(record, Agents({"desk": agent}), model, prices, Metrics("analysis"), lambda: NOW)  # type: ignore[arg-type]


def a_call(**more: Any) -> Json:
    return {"call_id": "rtc_1", "agent": "desk", "status": "ended", "duration": 30.0, **more}


def test_what_was_found_is_written_with_its_cost_and_who_found_it() -> None:
    record, model = FakeRecord(a_call()), FakeModel([SUMMARY])
    found = analyst(record, model).analyse("rtc_1")

    assert record.writes == [found]
    assert (found["state"], found["summary"], found["at"]) == ("done", "It was Robin.", NOW)
    assert (found["model"], found["prices_as_of"]) == ("gpt-5.6-luna", "2026-11-22")
    assert found["cost"] == pytest.approx((2000 * 0.2 + 1000 * 0.02 + 300 * 1.2) / 1e6)
    assert found["usage"] == {"input_tokens": 3000, "cached_tokens": 1000, "output_tokens": 300}


def test_a_model_without_a_price_has_no_cost_rather_than_none_of_it() -> None:
    found = analyst(FakeRecord(a_call()), FakeModel([SUMMARY]), Analysis(model="gpt-7")).analyse("rtc_1")

    assert found["cost"] is None


def test_told_twice_it_asks_once_and_asked_by_a_person_it_asks_anew() -> None:
    record, model = FakeRecord(a_call()), FakeModel([SUMMARY, {"summary": "Other words."}])
    first = analyst(record, model).analyse("rtc_1")

    assert analyst(record, model).analyse("rtc_1") == first
    assert len(model.asked) == 1
    assert analyst(record, model).analyse("rtc_1", again=True)["summary"] == "Other words."


@pytest.mark.parametrize(
    ("call", "items", "reason"),
    [
        ({"duration": 4.9}, ITEMS, "shorter than 5 s"),
        ({"duration": None}, ITEMS, "shorter than 5 s"),
        ({}, ITEMS[:1], "the caller said nothing"),
        ({}, [{"kind": "turn", "role": "caller", "text": " ... ", "item_id": "item_1"}], "the caller said nothing"),
        ({}, [], "the caller said nothing"),
    ],
)
def test_a_call_that_is_not_worth_a_question_is_skipped_and_says_so(call: Json, items: list[Json], reason: str) -> None:
    record, model = FakeRecord(a_call(**call), items), FakeModel([SUMMARY])
    found = analyst(record, model).analyse("rtc_1")

    assert (found["state"], found["reason"], model.asked) == ("skipped", reason, [])


def test_keys_are_words_too() -> None:
    record = FakeRecord(a_call(), [{"kind": "digits", "text": "1234", "item_id": "item_1"}])

    assert analyst(record, FakeModel([SUMMARY])).analyse("rtc_1")["state"] == "done"


@pytest.mark.parametrize(
    ("call", "asked", "reason"),
    [
        (None, Analysis(), "there is no such call"),
        (a_call(status="live"), Analysis(), "the call is not over"),
        (a_call(), None, "the agent file of desk has no analysis"),
        (a_call(agent="gone"), Analysis(), "its agent has no file here"),
        (a_call(agent=None), Analysis(), "its agent has no file here"),
    ],
)
def test_where_nothing_is_wanted_nothing_is_asked_and_nothing_written(
    call: Json | None, asked: Analysis | None, reason: str
) -> None:
    record, model = FakeRecord(call), FakeModel([SUMMARY])

    assert analyst(record, model, asked).analyse("rtc_1") == {"state": "none", "reason": reason}
    assert (record.writes, model.asked) == ([], [])


def test_a_call_that_waits_for_the_model_says_so_until_it_is_done() -> None:
    record, model = FakeRecord(a_call()), FakeModel([LATER, LATER, SUMMARY])
    for _ in range(2):
        with pytest.raises(TextModelUnavailable):
            analyst(record, model).analyse("rtc_1")
        assert record.call is not None
        assert (record.call["analysis"]["state"], record.call["analysis"]["reason"]) == ("waiting", str(LATER))

    assert analyst(record, model).analyse("rtc_1")["state"] == "done"


def test_an_analysis_that_was_done_is_not_lost_to_a_busy_model() -> None:
    record, model = FakeRecord(a_call()), FakeModel([SUMMARY, LATER])
    first = analyst(record, model).analyse("rtc_1")

    with pytest.raises(TextModelUnavailable):
        analyst(record, model).analyse("rtc_1", again=True)
    assert record.call is not None
    assert record.call["analysis"] == first


@pytest.mark.parametrize(
    ("given", "reason"),
    [(TextModelRefused("the model refused"), "the model refused"), ({"verdict": 1}, "not of the form that was asked")],
)
def test_a_call_that_will_never_be_analysed_says_why_and_is_not_asked_about_again(given: Any, reason: str) -> None:
    record, model = FakeRecord(a_call()), FakeModel([given])
    found = analyst(record, model).analyse("rtc_1")
    analyst(record, model).analyse("rtc_1")

    assert found["state"] == "failed"
    assert found["reason"].startswith(reason)
    assert len(model.asked) == 1


def test_of_two_at_once_the_first_result_counts() -> None:
    other = {"state": "done", "summary": "The other one's.", "run": "other"}
    record = FakeRecord(a_call(), before_write=lambda record: record.call.update(analysis=other))

    assert analyst(record, FakeModel([SUMMARY])).analyse("rtc_1") == other
    assert record.writes == []


def test_a_result_counts_more_than_another_ones_wait() -> None:
    waiting = {"state": "waiting", "reason": "HTTP 429", "run": "other"}
    record = FakeRecord(a_call(), before_write=lambda record: record.call.update(analysis=waiting))

    assert analyst(record, FakeModel([SUMMARY])).analyse("rtc_1")["state"] == "done"


def test_a_call_that_was_erased_meanwhile_does_not_come_back() -> None:
    record = FakeRecord(a_call(), before_write=lambda record: setattr(record, "call", None))

    assert analyst(record, FakeModel([SUMMARY])).analyse("rtc_1")["state"] == "none"
    assert record.call is None


def test_the_stream_is_told_to_come_again_and_a_person_is_told_to_wait() -> None:
    record, model = FakeRecord(a_call()), FakeModel([LATER])

    with pytest.raises(TextModelUnavailable):
        answer(analyst(record, model), "rtc_1")
    assert answer(analyst(record, model), "rtc_1", asked=True) == {"state": "waiting", "reason": str(LATER)}


@pytest.mark.parametrize("call_id", [None, 7, "", "../../etc", "a" * 300])
def test_what_is_not_a_call_id_is_not_looked_for(call_id: object) -> None:
    assert answer(analyst(FakeRecord(None), FakeModel([SUMMARY])), call_id)["reason"] == "not a call id"


def test_a_batch_of_the_stream_names_its_calls_and_other_items_are_passed_over() -> None:
    keys = [{"pk": {"S": "CALL#rtc_1"}, "sk": {"S": "CALL"}}, {"pk": {"S": "MONITORS"}, "sk": {"S": "CALL"}}]

    assert list(call_ids({"Records": [{"dynamodb": {"Keys": key}} for key in keys]})) == ["rtc_1"]
