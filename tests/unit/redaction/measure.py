"""How much of what is marked in the sentences is taken out, and how much else.

`python -m tests.unit.redaction.measure` prints what was missed, and keeps the table in docs/agents.md.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from infra import page_tables
from ringside.redaction.redactor import Redactor

PAGE = Path(__file__).parents[3] / "docs" / "agents.md"
KINDS = ("CARD", "IBAN", "ID", "PHONE", "EMAIL")
ALL = Redactor(frozenset(("cards", "ibans", "ids", "phones", "emails")))
_MARK = re.compile(r"<([A-Z]+) ([^>]*)>")


@dataclass(frozen=True)
class Sentence:
    language: str
    text: str
    marked: tuple[tuple[int, int, str], ...]
    """Start, end and kind of what must be taken out."""


@dataclass
class Score:
    """Of one language or kind: `found` of `marked`, and `wrong` spans that were taken out for nothing."""

    marked: int = 0
    found: int = 0
    wrong: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.found / self.marked if self.marked else 1.0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0


def sentences() -> Iterator[Sentence]:
    for path in sorted(Path(__file__).parent.glob("sentences.*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                yield _sentence(path.name.split(".")[1], line)


def _sentence(language: str, line: str) -> Sentence:
    text, marked, at = "", [], 0
    for match in _MARK.finditer(line):
        text += line[at : match.start()]
        marked.append((len(text), len(text) + len(match[2]), match[1]))
        text, at = text + match[2], match.end()
    return Sentence(language, text + line[at:], tuple(marked))


def measured(redactor: Redactor = ALL) -> dict[str, Score]:
    """By language, by kind, and `all`. A mark counts as found if all of it is gone, under whichever token; a span that
    touches no mark is wrong."""
    scores: dict[str, Score] = {}
    for sentence in sentences():
        spans = redactor.spans(sentence.text)
        for start, end, kind in sentence.marked:
            gone = any(first <= start and end <= last for first, last, _ in spans)
            for name in (sentence.language, kind, "all"):
                score = scores.setdefault(name, Score())
                score.marked += 1
                score.found += gone
                if not gone:
                    score.missed.append(f"{sentence.language}: {redactor.text(sentence.text)}  <{kind}>")
        for first, last, token in spans:
            if not any(start < last and first < end for start, end, _ in sentence.marked):
                for name in (sentence.language, token.strip("[]"), "all"):
                    score = scores.setdefault(name, Score())
                    score.wrong += 1
                    score.missed.append(f"{sentence.language}: {redactor.text(sentence.text)}  wrong")
    return scores


def tables(scores: dict[str, Score]) -> dict[str, str]:
    """What docs/agents.md says of it, by language and by kind."""
    count = Counter(sentence.language for sentence in sentences())
    names = {"all": f"all {count.total()} sentences"}
    names |= {language: f"{number} in `{language}`" for language, number in sorted(count.items())}
    names |= {kind: f"`[{kind}]`" for kind in KINDS}
    rows = [
        f"| {name} | {scores[key].marked} | {scores[key].recall:.2f} | {scores[key].precision:.2f} |"
        for key, name in names.items()
    ]
    return {"redaction": "\n".join(["| | marked | recall | precision |", "|---|---|---|---|", *rows])}


def main() -> int:
    scores = measured()
    print("\n".join(scores["all"].missed) or "nothing was missed")
    return page_tables.keep(PAGE, tables(scores), check=False)


if __name__ == "__main__":
    sys.exit(main())
