"""Live runs against the emulator: its sessions speak for the agent's model, /v1/responses for caller and judge."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.emulator.app import Emulator
from infra.emulator.settings import Settings
from infra.scenarios import results
from infra.scenarios.command import LiveRuns
from infra.scenarios.live import Live, LivePlayer
from infra.scenarios.outcome import Outcome, Result
from infra.scenarios.plain import OpenAIAccess
from infra.scenarios.reading import read
from infra.scenarios.text_model import TextModel
from tests.unit.scenarios.files import END, FAKES, HELLO, write

KEY = "sk-test"
AGENT: list[dict[str, Any]] = [{"agent": "Desk."}, {"tool": {"name": "book", "arguments": {"time": "9"}}}]
BOOKED: list[dict[str, Any]] = [*AGENT, {"agent": "You are booked. Goodbye.", "tool": {"name": "hang_up"}}]
SCRIPT = "agent: desk\n" + FAKES + "script:\n" + HELLO + "  - caller: Nine, please.\n"
CALLER = """agent: desk
fakes: {book: {returns: booked}, look_up: {returns: []}}
caller:
  who: Lee, in a hurry
  opens: I need an appointment.
  wants: An appointment at nine.
  facts: {order: "1002"}
  turns: 4
"""
JUDGED = "judge:\n  - Was the agent polite?\n  - Was the time repeated?\n"
IS_CALLER, IS_JUDGE = "You play a person", "You check phone calls"


def says(text: str, *, hangs_up: bool = False, keys: str | None = None) -> dict[str, Any]:
    return {"when": IS_CALLER, "answer": {"says": text, "keys": keys, "hangs_up": hangs_up}}


def verdicts(*answers: str, line: int | None = 2) -> dict[str, Any]:
    found = [
        {"question": number, "answer": answer, "line": line, "why": "see there"}
        for number, answer in enumerate(answers, 1)
    ]
    return {"when": IS_JUDGE, "answer": {"answers": found}}


@asynccontextmanager
async def openai(lines: list[dict[str, Any]], *answers: dict[str, Any]) -> AsyncIterator[Emulator]:
    settings = Settings.model_validate({"pace": 0.002, "session_script": {"lines": lines}, "responses": list(answers)})
    async with Emulator(api_key=KEY, settings=settings) as emulator:
        yield emulator


async def played(emulator: Emulator, path: Path, **more: Any) -> tuple[Result, LivePlayer]:
    model = TextModel(emulator.base_url, KEY, pause=0.01, seconds=0.5)
    player = LivePlayer(Live(OpenAIAccess(emulator.base_url, KEY), model, **more))
    return await player.play(read(path)), player


def texts(result: Result) -> list[str]:
    return [problem.text for problem in result.problems]


async def test_the_callers_lines_are_said_and_the_models_are_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + END.replace("{", "{tools: [{name: book, arguments: {time: '9'}}], "))
    async with openai(BOOKED) as emulator:
        result, player = await played(emulator, path)
    assert (result.outcome, texts(result)) == (Outcome.PASSED, [])
    assert result.call is not None
    said = [item["text"] for item in result.call["items"] if item["kind"] == "turn"]
    assert said == ["Desk.", "Nine, please.", "You are booked. Goodbye."]
    assert player.bill.dollars > 0


async def test_a_played_caller_sees_neither_expectations_nor_the_agents_instructions(tmp_path: Path) -> None:
    path = write(tmp_path, CALLER + JUDGED + "expect: {end: agent_hung_up, unsaid: [the secret word]}\n")
    async with openai(BOOKED, says("At nine."), verdicts("yes", "yes")) as emulator:
        result, _ = await played(emulator, path)
        asked = [json.dumps(request["body"]) for request in emulator.state.text_requests]
    assert (result.outcome, texts(result)) == (Outcome.PASSED, [])
    of_caller = [body for body in asked if IS_CALLER in body]
    of_judge = [body for body in asked if IS_JUDGE in body]
    assert len(of_judge) == 1
    for body in of_caller:
        assert "Be brief." not in body
        assert "secret word" not in body
        assert "polite" not in body
        assert "book(" not in body
    assert "Be brief." in of_judge[0]
    assert "book(time=9)" in of_judge[0]


async def test_the_hard_checks_come_before_the_judge(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + JUDGED + "expect: {end: silence}\n")
    async with openai(BOOKED, verdicts("yes", "yes")) as emulator:
        result, _ = await played(emulator, path)
        assert list(emulator.state.text_requests) == []
        always, _ = await played(emulator, path, judge_always=True)
        assert len(emulator.state.text_requests) == 1
    assert (result.outcome, always.outcome) == (Outcome.FAILED, Outcome.FAILED)


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [(("yes", "no"), Outcome.FAILED), (("yes", "unsure"), Outcome.UNSURE), (("no", "unsure"), Outcome.FAILED)],
)
async def test_a_judge_can_fail_a_call_or_be_unsure_of_it_and_names_the_line(
    tmp_path: Path, answers: tuple[str, ...], outcome: Outcome
) -> None:
    path = write(tmp_path, SCRIPT + JUDGED + END)
    async with openai(BOOKED, verdicts(*answers)) as emulator:
        result, _ = await played(emulator, path)
    assert result.outcome is outcome
    assert result.problems[-1].text == f"judge: Was the time repeated? {answers[1]}: see there"
    assert result.problems[-1].near == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 429}, "HTTP 429"),
        ({"status": 500}, "HTTP 500"),
        ({"refusal": "I cannot help with that."}, "it refused"),
        ({"hang": True}, "no answer within 0.5 s"),
        ({"answer": "not JSON"}, "an answer that is not JSON"),
        ({"answer": {}, "incomplete": True}, "an answer that is incomplete"),
        ({"answer": {"answers": [{"question": 1, "answer": "maybe"}]}}, "another form than was asked for"),
        ({"answer": {"answers": [{"question": 1, "answer": "yes", "line": 1, "why": ""}]}}, "left a question out"),
    ],
)
async def test_a_judge_that_does_not_work_breaks_the_run_and_says_nothing_of_the_agent(
    tmp_path: Path, fault: dict[str, Any], reason: str
) -> None:
    path = write(tmp_path, SCRIPT + JUDGED + END)
    async with openai(BOOKED, {"when": IS_JUDGE, **fault}) as emulator:
        result, _ = await played(emulator, path)
    assert result.outcome is Outcome.BROKEN
    assert reason in result.reason


async def test_what_is_temporary_is_tried_again(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + JUDGED + END)
    busy = {"when": IS_JUDGE, "status": 429, "times": 2}
    async with openai(BOOKED, busy, verdicts("yes", "yes")) as emulator:
        result, _ = await played(emulator, path)
    assert result.outcome is Outcome.PASSED


async def test_a_caller_who_leaves_the_role_breaks_the_run(tmp_path: Path) -> None:
    path = write(tmp_path, CALLER + END)
    async with openai([*AGENT, {"agent": "Which number?"}], says("", keys="12x")) as emulator:
        result, _ = await played(emulator, path)
    assert (result.outcome, "keys that no phone has" in result.reason) == (Outcome.BROKEN, True)


async def test_a_played_caller_hangs_up_when_the_turns_are_used_up(tmp_path: Path) -> None:
    path = write(tmp_path, CALLER + "expect: {end: caller_hung_up}\n")
    async with openai([{"agent": "Desk."}, *[{"agent": "Go on."}] * 20], says("And then?")) as emulator:
        result, _ = await played(emulator, path)
    assert result.outcome is Outcome.PASSED
    assert result.call is not None
    turns = [item for item in result.call["items"] if item["kind"] == "turn" and item["role"] == "caller"]
    assert len(turns) == 4


async def test_a_line_is_adapted_where_it_does_not_answer(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + "facts: {name: Lee}\nadapt: true\n" + END)
    asks = [{"agent": "Desk."}, {"agent": "Your name?"}, *BOOKED[1:]]
    first = {**says("I am Lee."), "times": 1}
    async with openai(asks, first, says("Nine, please.")) as emulator:
        result, _ = await played(emulator, path)
    assert result.call is not None
    said = [item["text"] for item in result.call["items"] if item.get("role") == "caller"]
    assert said == ["I am Lee.", "Nine, please."]


async def test_several_runs_are_counted_with_their_interval_and_kept(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + JUDGED + END + "repeat: 5\npasses: 4\n")
    kept = tmp_path / "runs.jsonl"
    bad = {**verdicts("yes", "no"), "times": 1}
    async with openai(BOOKED, bad, verdicts("yes", "yes")) as emulator:
        result, _ = await played(emulator, path, results=kept)
    assert (result.outcome, result.passed, result.counted) == (Outcome.PASSED, 4, 5)
    assert result.reason.startswith("4 of 5 (95 %: 38-96 %), $")
    runs = results.read(kept)
    assert [run["outcome"] for run in runs].count("passed") == 4
    assert runs[0]["verdicts"][0]["question"] == "Was the agent polite?"


async def test_broken_runs_are_repeated_and_count_for_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + JUDGED + END + "repeat: 2\n")
    broken = {"when": IS_JUDGE, "refusal": "No.", "times": 1}
    async with openai(BOOKED, broken, verdicts("yes", "yes")) as emulator:
        result, _ = await played(emulator, path)
    assert (result.outcome, result.passed, result.counted) == (Outcome.PASSED, 2, 2)


async def test_max_cost_stops(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + END + "repeat: 50\n")
    async with openai(BOOKED) as emulator:
        result, player = await played(emulator, path, max_cost=0.000001)
    assert (result.outcome, result.counted, player.bill.unknown) == (Outcome.BROKEN, 1, 0)
    assert "stopped by --max-cost" in result.reason


async def test_what_judges_cost_counts_for_max_cost(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + END + "judge:\n  - Was it booked?\n")
    async with openai(BOOKED, verdicts("yes")) as emulator:
        _, once = await played(emulator, path)
        judged = once.bill.text or 0.0
        assert judged > 0
        between = once.bill.agents + judged / 2

        result, _ = await played(emulator, path, repeat=3, max_cost=between)
    assert result.counted == 1
    assert "stopped by --max-cost" in result.reason


async def test_a_text_model_without_a_price_is_said_to_have_none(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + END + "judge:\n  - Was it booked?\n")
    async with openai(BOOKED, verdicts("yes")) as emulator:
        live = Live(OpenAIAccess(emulator.base_url, KEY), TextModel(emulator.base_url, KEY, "gpt-of-tomorrow"))
        runs = LiveRuns(LivePlayer(live), live, None)
        await runs.player.play(read(path))
    assert runs.player.bill.text is None
    assert re.search(r"\(\d+ \+ \d+ tokens of gpt-of-tomorrow, whose price is not known\)$", next(runs.last_words()))


async def test_a_key_that_is_refused_breaks_the_run_with_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, SCRIPT + END)
    async with openai(BOOKED) as emulator:
        access = OpenAIAccess(emulator.base_url, "sk-wrong")
        result = await LivePlayer(Live(access, TextModel(emulator.base_url, KEY))).play(read(path))
    assert (result.outcome, result.reason) == (Outcome.BROKEN, "OpenAI refused the key: check OPENAI_API_KEY")


async def test_a_call_that_is_turned_away_costs_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "agent: desk\nexpect: {decision: {reject: 486}}\n")
    async with openai(BOOKED) as emulator:
        result, player = await played(emulator, path)
    assert texts(result) == ["decision: expected reject with SIP 486, got accept by the rule no rule matched"]
    assert player.bill.dollars == 0
