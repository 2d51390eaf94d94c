"""Files of live runs: held against earlier ones, and their verdicts against people's."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.scenarios import statistics
from infra.scenarios.outcome import Outcome

Json = dict[str, Any]


class WrongFile(Exception):
    """A file is not one of live runs."""


def read(path: Path) -> list[Json]:
    """The runs of a file; raises `WrongFile`."""
    runs = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            run = json.loads(line)
            if not isinstance(run, dict) or not {"run", "scenario", "outcome", "verdicts"} <= run.keys():
                raise WrongFile(f"{path}:{number}: is not a live run")
            runs.append(run)
    except OSError as error:
        raise WrongFile(f"{path}: {error.strerror}") from None
    except ValueError:
        raise WrongFile(f"{path}: is not a file of live runs (JSON lines)") from None
    return runs


def compared(before: Sequence[Json], after: Sequence[Json]) -> list[str]:
    """The same scenarios before and after, one by one: runs of one scenario are no sample of callers."""
    rates = [_rates(before), _rates(after)]
    both = [name for name in rates[1] if name in rates[0]]
    better = [name for name in both if rates[1][name] > rates[0][name]]
    worse = [name for name in both if rates[1][name] < rates[0][name]]
    chance = statistics.sign_test(len(better), len(worse))
    same = len(both) - len(better) - len(worse)
    lines = [f"against the baseline: {len(better)} better, {len(worse)} worse, {same} the same (p = {chance:.2f})"]
    for what, names in (("better", better), ("worse", worse)):
        lines += [f"  {what}: {name} {rates[0][name]:.0%} -> {rates[1][name]:.0%}" for name in names]
    if missing := len(rates[1]) - len(both):
        lines.append(f"  not in the baseline: {missing}")
    return lines


def _rates(runs: Sequence[Json]) -> dict[str, float]:
    found: dict[str, list[bool]] = {}
    for run in runs:
        if run["outcome"] != Outcome.BROKEN:
            found.setdefault(run["scenario"], []).append(run["outcome"] == Outcome.PASSED)
    return {name: sum(passed) / len(passed) for name, passed in found.items()}


def labels_of(path: Path) -> Path:
    return path.with_suffix(".labels.jsonl")


def read_labels(path: Path) -> dict[tuple[str, str], bool]:
    """What people have said, by run and question."""
    if not labels_of(path).exists():
        return {}
    lines = labels_of(path).read_text(encoding="utf-8").splitlines()
    labels = map(json.loads, lines)
    return {(label["run"], label["question"]): bool(label["yes"]) for label in labels}


def label(path: Path, ask: Callable[[Json, str], bool | None]) -> list[str]:
    """Have each verdict without a label judged by a person; then what the judge is worth.

    `ask(run, question)`: True for yes, None to stop. A judge's "unsure" is not held against it.
    """
    runs, known = read(path), read_labels(path)
    with labels_of(path).open("a", encoding="utf-8") as file:
        for run, verdict in _verdicts(runs):
            key = (str(run["run"]), str(verdict["question"]))
            if key in known:
                continue
            if (answer := ask(run, key[1])) is None:
                break
            known[key] = answer
            file.write(json.dumps({"run": key[0], "question": key[1], "yes": answer}, ensure_ascii=False) + "\n")
            file.flush()
    pairs = [
        (verdict["answer"] == "yes", known[key])
        for run, verdict in _verdicts(runs)
        if (key := (str(run["run"]), str(verdict["question"]))) in known and verdict["answer"] != "unsure"
    ]
    return statistics.Trust(pairs).lines()


def _verdicts(runs: Sequence[Json]) -> list[tuple[Json, Mapping[str, Any]]]:
    return [(run, verdict) for run in runs for verdict in run["verdicts"]]
