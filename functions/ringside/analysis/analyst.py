"""What happens to a call once it is over: a text model reads it, and what it finds is written onto the call.

Told of the same call twice, the analyst does nothing the second time; two at once may both ask, and one result is
written. What cannot be analysed now is tried again by whoever told of the call; what never can says why.
"""

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringside.agentfile.afterwards import Analysis
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.analysis import prompt as prompts
from ringside.analysis.form import NAME, Form, MisfitError
from ringside.aws.record import Record
from ringside.aws.table import Conflict
from ringside.calls import Status
from ringside.openai.text_model import TextModel, TextModelRefused, TextModelUnavailable
from ringside.prices import Prices
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

ASK_SECONDS = 100.0
"""For all attempts: the function itself is stopped after 120 s (template.yaml)."""

Json = dict[str, Any]

SETTLED = ("done", "skipped", "failed")
"""What is not analysed again, unless somebody asks for it."""


def none(reason: str) -> Json:
    """There is no analysis, and none is written: of a call that is not over, not there, or whose agent wants none."""
    return {"state": "none", "reason": reason}


@dataclass
class Analyst:
    """One call after the other, with everything that it needs."""

    record: Record
    agents: Agents
    model: TextModel
    prices: Prices
    metrics: Metrics
    clock: Callable[[], float] = time.time
    ask_seconds: float = ASK_SECONDS

    def analyse(self, call_id: str, *, again: bool = False) -> Json:
        """The call's `analysis`, as the record then has it; `state` is `none` where there can be none.

        Raises `TextModelUnavailable` where another try may fare better: the call says so until then (`waiting`).

        `again`: also if there is one.
        """
        whole = self.record.whole_call(call_id)
        if whole is None:
            return none("there is no such call")
        call, items = whole
        if not Status(call["status"]).is_final:
            return none("the call is not over")
        agent = self.agents.named(call.get("agent") or "")
        if agent is None or agent.analysis is None:
            return none(f"the agent file of {call['agent']} has no analysis" if agent else "its agent has no file here")
        seen: Json = call.get("analysis") or {}
        if seen.get("state") in SETTLED and not again:
            return seen
        about = {"model": agent.analysis.model, "edition": prompts.edition(agent.analysis)}
        why = skipped(agent.analysis, call, items)
        if why is not None:
            return self._write(call_id, seen, {"state": "skipped", "reason": why})
        try:
            found = self._ask(agent, agent.analysis, call, items)
        except TextModelUnavailable as unavailable:
            self.metrics.count("AnalysesPostponed")
            log.warning("call.not_analysed", extra={"call_id": call_id, "detail": str(unavailable)})
            if seen.get("state") not in SETTLED:
                self._write(call_id, seen, {"state": "waiting", "reason": str(unavailable), **about})
            raise
        except (TextModelRefused, MisfitError) as refused:
            self.metrics.count("AnalysesFailed")
            log.error("call.not_analysed", extra={"call_id": call_id, "detail": str(refused)})
            return self._write(call_id, seen, {"state": "failed", "reason": str(refused), **about})
        self.metrics.count("CallsAnalysed")
        log.info("call.analysed", extra={"call_id": call_id, "model": agent.analysis.model})
        return self._write(call_id, seen, {"state": "done", **found, **about})

    def _ask(self, agent: Agent, asked: Analysis, call: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Json:
        form, question = Form(asked), prompts.prompt(asked, call, items)
        before = time.monotonic() + self.ask_seconds
        answer = self.model.ask(asked.model, question.instructions, question.text, NAME, form.schema, before)
        found = form.read(answer.content, question.item_ids)
        if agent.redactor is not None:
            found = agent.redactor.value(found)
        tokens = answer.tokens
        used = {"input_tokens": tokens.read, "cached_tokens": tokens.cached, "output_tokens": tokens.written}
        return {
            **found,
            "cost": self.prices.text_cost(asked.model, tokens.read, tokens.cached, tokens.written),
            "prices_as_of": self.prices.as_of,
            "usage": used,
            "left_out": question.left_out,
            "shortened": question.shortened,
        }

    def _write(self, call_id: str, seen: Json, result: Json) -> Json:
        """Write a result in the place of the one that was seen. If another one was faster, that one counts, unless it
        only says that there is none yet."""
        written = {**result, "at": round(self.clock(), 3), "run": secrets.token_hex(8)}
        while True:
            try:
                self.record.analysed(call_id, written, seen.get("run"))
            except Conflict as conflict:
                if not conflict.found:
                    return none("the call was erased meanwhile")
                seen = dict(conflict.found.get("analysis") or {})
                if seen.get("state") in SETTLED or written["state"] == "waiting":
                    return seen
            else:
                return written


def skipped(asked: Analysis, call: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> str | None:
    """Why a call is not worth a question; None if it is."""
    seconds = float(call.get("duration") or 0)
    if seconds < asked.min_seconds:
        return f"shorter than {asked.min_seconds:g} s"
    words = (item for item in items if item.get("kind") == "turn" and item.get("role") == "caller")
    pressed = any(item.get("kind") == "digits" for item in items)
    if not pressed and not any(any(map(str.isalnum, str(item.get("text") or ""))) for item in words):
        return "the caller said nothing"
    return None
