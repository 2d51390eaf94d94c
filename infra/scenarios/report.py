"""Results for people, for CI and for programs: lines, JUnit XML, JSON lines, and a log of each that did not pass."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

from cli.terminal import Style, safe
from infra.scenarios import transcript
from infra.scenarios.outcome import PROBLEMS, Outcome, Result

LOGS = Path(".ringside") / "tests"
_XML_UNFIT = {code: "�" for code in (*range(0x20), 0xFFFE, 0xFFFF) if code not in (9, 10, 13)}


def headline(result: Result, style: Style, wide: tuple[int, int] = (14, 20)) -> str:
    """`appointments   dental               passed  0.9 s`"""
    words = {
        Outcome.PASSED: style.green("passed "),
        Outcome.FAILED: style.red("FAILED "),
        Outcome.UNSURE: style.yellow("UNSURE "),
        Outcome.BROKEN: style.red("BROKEN "),
        Outcome.SKIPPED: style.dim("skipped"),
        Outcome.PENDING: style.dim("pending"),
    }
    line = f"{result.agent:<{wide[0]}} {result.name:<{wide[1]}} {words[result.outcome]}"
    if result.outcome in (Outcome.SKIPPED, Outcome.PENDING):
        return f"{line} {safe(result.reason)}"
    return f"{line} {result.seconds:4.1f} s" + (f"  {safe(result.reason)}" if result.reason else "")


def details(result: Result) -> Iterator[str]:
    """What is wrong, and the lines of the call around it."""
    for problem in result.problems:
        line = "" if problem.near is None else f" (line {problem.near + 1})"
        yield f"  {safe(problem.text)}{line}"
    if result.problems and result.call is not None:
        near = next((problem.near for problem in result.problems if problem.near is not None), None)
        for line in transcript.around(transcript.entries(result.call["items"]), near):
            yield f"  {safe(line)}"


def summary(results: Sequence[Result]) -> str:
    """`1 passed, 1 failed, 1 skipped`"""
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome]) or "no scenarios"


def write_log(result: Result, folder: Path = LOGS) -> Path:
    """Everything that is known of a run, in a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.name}.log"
    parts = [f"{result.path}: {result.outcome} {result.reason}".rstrip(), *(each.text for each in result.problems)]
    if result.call is not None:
        entries = transcript.entries(result.call["items"])
        parts += ["", "the call", *(f"line {i + 1:<3} {e.who:<6} {e.what}" for i, e in enumerate(entries))]
        parts += ["", "as ringside calls show --json has it", json.dumps(result.call, ensure_ascii=False, indent=1)]
    parts += ["", "log", *result.log]
    path.write_text("\n".join(safe(line) for part in parts for line in part.split("\n")) + "\n", encoding="utf-8")
    return path


def failure_text(result: Result) -> str:
    """The problems and the lines around them, for a report that shows nothing else."""
    return "\n".join([*([result.reason] if result.reason else []), *(line.strip() for line in details(result))])


def junit(results: Sequence[Result]) -> bytes:
    """A suite with a case for each scenario, as CI systems read it."""
    failures = sum(result.outcome in (Outcome.FAILED, Outcome.UNSURE) for result in results)
    broken = sum(result.outcome is Outcome.BROKEN for result in results)
    skipped = sum(result.outcome in (Outcome.SKIPPED, Outcome.PENDING) for result in results)
    counts = {"tests": len(results), "failures": failures, "errors": broken, "skipped": skipped}
    seconds = f"{sum(result.seconds for result in results):.3f}"
    suite = Xml.Element("testsuite", {"name": "ringside", "time": seconds, **{k: str(v) for k, v in counts.items()}})
    kinds = {
        Outcome.FAILED: "failure",
        Outcome.UNSURE: "failure",
        Outcome.BROKEN: "error",
        Outcome.SKIPPED: "skipped",
        Outcome.PENDING: "skipped",
    }
    for result in results:
        about = {"classname": result.agent, "name": result.name, "file": str(result.path)}
        case = Xml.SubElement(suite, "testcase", {**about, "time": f"{result.seconds:.3f}"})
        if (kind := kinds.get(result.outcome)) is not None:
            first = result.problems[0].text if result.problems else result.reason
            inner = Xml.SubElement(case, kind, {"message": _fit(f"{result.outcome}: {first}")})
            inner.text = _fit(failure_text(result))
    suites = Xml.Element("testsuites")
    suites.append(suite)
    Xml.indent(suites)
    return bytes(Xml.tostring(suites, encoding="utf-8", xml_declaration=True))


def _fit(text: str) -> str:
    """Without what XML cannot hold."""
    return text.translate(_XML_UNFIT).encode("utf-8", "replace").decode()


def has_problem(result: Result) -> bool:
    return result.outcome in PROBLEMS
