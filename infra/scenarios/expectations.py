"""What is expected of a call, held against the call: hard checks, without a model. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.scenarios import transcript
from infra.scenarios.matching import Pattern, described, differences, shown
from infra.scenarios.model import Accepted, Expect, Rejected, Scenario, Times, ToolExpected
from infra.scenarios.transcript import Entry, arguments_of, called, output_of
from ringside.calls import EndReason

OURS = frozenset({EndReason.SUPERVISION_LOST, EndReason.NEVER_CONNECTED, EndReason.ACCEPT_FAILED, EndReason.SWEPT})
"""Ends that no agent and no caller brings about."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as expected. `near`: the index of the line that shows it."""

    text: str
    near: int | None = None


def check(
    scenario: Scenario, call: dict[str, Any], state: dict[str, Any], repeatable: dict[str, bool]
) -> list[Problem]:
    """Everything that is wrong. `repeatable`: of each tool besides the built-in ones, whether it has no effects."""
    found = transcript.entries(call["items"])
    expect = scenario.expect
    problems = list(_decision(expect, call))
    if problems:
        return problems  # nothing else can be as expected
    problems += _refused(expect, found)
    problems += _tools(expect, found, repeatable)
    problems += _never(expect, found)
    for name, expected, there in (("state", expect.state, state), ("notes", expect.notes, call.get("notes") or {})):
        problems += [
            Problem(text, _near(found, name)) for text in differences(expected, there, name) if expected is not None
        ]
    problems += _transfer(expect, call, found)
    problems += _words(expect, found)
    problems += _end(expect, call)
    if expect.max_cost is not None and (cost := call.get("cost")) is not None and float(cost) > expect.max_cost:
        problems.append(Problem(f"max_cost: expected at most {expect.max_cost:g}, the call cost {float(cost):.4f}"))
    return problems


def _decision(expect: Expect, call: dict[str, Any]) -> Iterator[Problem]:
    decision = call.get("decision") or {}
    verdict, rule, status = decision.get("verdict"), decision.get("rule"), decision.get("sip_status")
    got = f"{verdict} with SIP {status} by the rule {rule}" if verdict == "reject" else f"{verdict} by the rule {rule}"
    match expect.decision:
        case Rejected(reject=code, rule=wanted):
            if verdict != "reject" or status != code or wanted not in (None, rule):
                by = f" by the rule {wanted}" if wanted else ""
                yield Problem(f"decision: expected reject with SIP {code}{by}, got {got}")
        case Accepted(accept=wanted):
            if verdict != "accept" or rule != wanted:
                yield Problem(f"decision: expected accept by the rule {wanted}, got {got}")
        case _:
            if verdict != "accept":
                yield Problem(f"decision: the call was not let in: {got}")


def _runs(found: list[Entry]) -> Iterator[tuple[int, dict[str, Any]]]:
    return ((index, entry.item) for index, entry in enumerate(found) if entry.who == "tool")


def _fits(expected: ToolExpected, run: dict[str, Any]) -> bool:
    return (
        run["name"] == expected.name
        and not differences(expected.arguments, arguments_of(run))
        and expected.outcome in (None, run.get("outcome"))
        and ("output" not in expected.model_fields_set or not differences(expected.output, output_of(run)))
    )


def _refused(expect: Expect, found: list[Entry]) -> Iterator[Problem]:
    """Wrong arguments, and tools that do not exist, are mistakes unless they are expected."""
    for index, run in _runs(found):
        if run.get("outcome") in ("refused", "unknown") and not any(
            _fits(each, run) and each.outcome == run["outcome"] for each in expect.tools
        ):
            yield Problem(f"tools: {called(run)} was {run['outcome']}: {run.get('output')}", index)


def _tools(expect: Expect, found: list[Entry], repeatable: dict[str, bool]) -> Iterator[Problem]:
    for expected in expect.tools:
        fitting = [index for index, run in _runs(found) if _fits(expected, run)]
        others = [(index, run) for index, run in _runs(found) if run["name"] == expected.name and index not in fitting]
        least, most, words = _times(expected, repeatable)
        if least <= len(fitting) <= most:
            continue
        wanted = expected.name + (f" with {shown(expected.arguments)}" if expected.arguments else "")
        wanted += f" -> {described(expected.output)}" if "output" in expected.model_fields_set else ""
        wanted += f" [{expected.outcome}]" if expected.outcome else ""
        near = fitting[-1] if fitting else others[-1][0] if others else None
        seen = "; ".join(transcript.entries([run])[0].what for _, run in others[-3:])
        got = f"{len(fitting)} times" if fitting or not seen else f"only {seen}"
        yield Problem(f"tools: expected {wanted} {words}, got {got}", near)
    yield from _repeated(expect, found, repeatable)


def _times(expected: ToolExpected, repeatable: dict[str, bool]) -> tuple[int, float, str]:
    """At least, at most, and in words. Without a word, a tool with effects is called once."""
    match expected.times:
        case int(times):
            return times, times, f"{times} times"
        case Times(at_least=least, at_most=most):
            words = f"at least {least} times" if most is None else f"{least} to {most} times"
            return least, float("inf") if most is None else most, words
    if repeatable.get(expected.name, True):
        return 1, float("inf"), "at least once"
    return 1, 1, "exactly once"


def _repeated(expect: Expect, found: list[Entry], repeatable: dict[str, bool]) -> Iterator[Problem]:
    """A tool with effects that did its work twice, and no entry of the file counts it."""
    counted = {each.name for each in expect.tools if each.times is not None}
    listed = {each.name for each in expect.tools}
    done = [(index, run) for index, run in _runs(found) if run.get("outcome") == "ok"]
    for name, is_repeatable in repeatable.items():
        runs = [(index, run) for index, run in done if run["name"] == name]
        if is_repeatable or name in counted or len(runs) < 2:
            continue
        same = Counter(shown(arguments_of(run)) for _, run in runs)
        if name not in listed or max(same.values()) > 1:
            what = f"{name} ran {len(runs)} times" if name not in listed else f"{name} ran twice with equal arguments"
            yield Problem(
                f"tools: {what}, and it has effects; if that is right, say so under expect.tools (times)", runs[-1][0]
            )


def _never(expect: Expect, found: list[Entry]) -> Iterator[Problem]:
    for expected in expect.never:
        for index, run in _runs(found):
            if _fits(expected, run):
                yield Problem(f"never: {called(run)} was called", index)
                break


def _transfer(expect: Expect, call: dict[str, Any], found: list[Entry]) -> Iterator[Problem]:
    there, wanted = call.get("transfer"), expect.transfer
    near = _near(found, "transfer")
    if wanted is None:
        return
    if wanted == "none":
        if there:
            yield Problem(f"transfer: expected none, got one to {there.get('target')}", near)
    elif not there:
        yield Problem("transfer: expected one, and none was asked for", near)
    else:
        expected = wanted.model_dump(exclude_none=True)
        yield from (Problem(text, near) for text in differences(expected, there, "transfer"))


def _words(expect: Expect, found: list[Entry]) -> Iterator[Problem]:
    """Over everything that the agent said."""
    turns = [(index, str(entry.item.get("text") or "")) for index, entry in enumerate(found) if entry.who == "agent"]
    for text in expect.said:
        if not any(_says(text, turn) for _, turn in turns):
            yield Problem(f"said: the agent never said {_quoted(text)}")
    for text in expect.unsaid:
        for index, turn in turns:
            if _says(text, turn):
                yield Problem(f"unsaid: the agent said {_quoted(text)}", index)
                break


def _says(text: str | Pattern, turn: str) -> bool:
    return text.fits(turn) if isinstance(text, Pattern) else text.casefold() in turn.casefold()


def _quoted(text: str | Pattern) -> str:
    return f'"{text}"' if isinstance(text, str) else described(text.model_dump())


def _end(expect: Expect, call: dict[str, Any]) -> Iterator[Problem]:
    reason, detail = call.get("end_reason"), call.get("end_detail")
    why = f" ({detail})" if detail else ""
    if expect.end is not None:
        if reason != expect.end:
            yield Problem(f"end: expected {expect.end}, got {reason}{why}")
    elif reason in OURS:
        yield Problem(f"end: {reason}{why}")


_MADE_BY = {"notes": "note", "transfer": "transfer"}


def _near(found: list[Entry], what: str) -> int | None:
    """The last run of the tool that makes this."""
    name = _MADE_BY.get(what)
    return max((index for index, run in _runs(found) if run["name"] == name), default=None)
