"""What happens to an incoming call before anybody speaks: verify, decide, claim, answer, queue.

The answer to the webhook says whether another delivery could still help: 2xx for everything that is
decided, 503 where a retry may rescue the call, 4xx for what OpenAI did not send.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from ringside import signatures
from ringside.admission import policy
from ringside.admission.decide import Admission, needs_counting
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.call_queue import CallQueue
from ringside.aws.counters import Counters
from ringside.aws.record import Record
from ringside.aws.secrets import Secrets, SecretsError
from ringside.aws.table import Conflict, Item
from ringside.calls import End, EndReason, Redelivery, Status, Step, is_stale, masked, redelivery
from ringside.openai import accept
from ringside.openai.call_control import CallControl, Outcome
from ringside.openai.incoming import INCOMING, IncomingCall
from ringside.sip import parties
from ringside.sip.invite import read
from ringside.sip.trunk import Trunk
from ringside.telemetry import Metrics, fields
from ringside.tools.definition import Tool

log = logging.getLogger(__name__)

BODY_LIMIT = 256 * 1024
"""Bytes. An event with its SIP headers has a few thousand."""

ANSWER_SECONDS = 8.0
"""Seconds after the delivery by which accept and reject must be finished: the function itself is stopped
after 10 s (template.yaml), and the outcome still has to be written down."""


@dataclass(frozen=True)
class Answer:
    """The HTTP answer to a webhook. `text` is for people who read OpenAI's delivery log: it contains no secrets."""

    status: int
    text: str


def public_text(error: Exception) -> str:
    """What may be logged of an error: AWS's code and operation, our own errors' texts, never a payload."""
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error.response.get('Error', {}).get('Code')}"
    return str(error) if isinstance(error, SecretsError) else ""


@dataclass
class Intake:
    """The webhook's work, with everything it needs.

    One class, since it is one sequence: each step may end the call, and what a step may answer depends on what the
    steps before it have written.
    """

    secrets: Secrets
    record: Record
    counters: Counters
    queue: CallQueue
    control: CallControl
    agents: Agents
    tools: Mapping[str, Tool]
    metrics: Metrics
    ring_limit: float  # seconds
    trunk: Trunk  # how the carrier's headers are to be read
    clock: Callable[[], float] = time.time
    answer_seconds: float = ANSWER_SECONDS

    def handle(self, headers: Mapping[str, object], body: bytes) -> Answer:
        """Take one delivery of a webhook, whatever it is. Never raises."""
        try:
            return self._handle(headers, body)
        except Exception as error:  # something we depend on is down: it may be back at the next delivery
            self.metrics.count("WebhooksFailed")
            log.error("webhook.failed", extra={"error": type(error).__name__, "detail": public_text(error)})
            return Answer(503, "temporarily unavailable, please retry")

    def _handle(self, headers: Mapping[str, object], body: bytes) -> Answer:
        received, before = self.clock(), time.monotonic() + self.answer_seconds
        try:
            webhook_id = self._signed_id(headers, body, received)
        except signatures.UnverifiedRequest:
            self.metrics.count("WebhooksRefused")
            log.warning("webhook.refused", extra={"bytes": len(body)})
            return Answer(401, "the signature matches no configured secret")
        if len(body) > BODY_LIMIT:
            return self._unusable(f"larger than {BODY_LIMIT // 1024} KB", 413)
        try:
            # A carrier's name in Latin-1 costs its own characters, and not the call.
            event = json.loads(body.decode("utf-8-sig", "replace"))
            kind = event["type"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return self._unusable("not a JSON object with a type")
        if kind != INCOMING:
            named = isinstance(kind, str) and re.fullmatch(r"[a-z0-9_.]{1,100}", kind)
            log.info("webhook.ignored", extra={"type": kind if named else "-"})
            return Answer(200, "event type ignored")
        try:
            incoming = IncomingCall.model_validate(event)
        except ValidationError as error:
            wrong = sorted({".".join(str(part) for part in problem["loc"][:2]) for problem in error.errors()})
            return self._unusable(f"missing or wrong: {', '.join(wrong)}")
        return self._incoming_call(incoming, webhook_id, received, before)

    def _signed_id(self, headers: Mapping[str, object], body: bytes, now: float) -> str:
        """The webhook's id, if the delivery is signed. What cannot be signed is refused before a secret is read."""
        request = signatures.signed_request(headers, body, now)
        if not request.is_signed_by(self.secrets.keys().webhook_secrets):
            changed = self.secrets.reread()
            if changed is None or not request.is_signed_by(changed.webhook_secrets):
                raise signatures.UnverifiedRequest
        return request.webhook_id[:200]

    def _unusable(self, why: str, status: int = 400) -> Answer:
        self.metrics.count("WebhooksUnusable")
        log.warning("webhook.unusable", extra={"why": why})
        return Answer(status, why)

    def _incoming_call(self, incoming: IncomingCall, webhook_id: str, received: float, before: float) -> Answer:
        call_id = incoming.data.call_id
        if is_stale(incoming.created_at, self.ring_limit, received):
            self.metrics.count("WebhooksStale")
            log.info("call.stale", extra={"call_id": call_id, "age": round(received - incoming.created_at, 1)})
            return Answer(200, "too late, the caller has gone")
        headers = incoming.data.readable_headers()
        agent, dialled = self.agents.route(parties.dialled(headers, self.trunk))
        invite = read(headers, self.trunk, dialled, agent.placeholders if agent else ())
        now = self.clock()
        call: Item = {
            "call_id": call_id,
            "webhook_id": webhook_id,
            "agent": agent.name if agent else None,
            "model": agent.model if agent else None,
            **invite.as_item(),
            "steps": {Step.CREATED: incoming.created_at, Step.RECEIVED: received, Step.CLAIMED: now},
        }
        # Counting comes after the claim, so that a repeated webhook does not count; all else before it,
        # so that one write is the claim and the decision.
        counts = agent is not None and needs_counting(agent.admission, self.agents.count_the_stack)
        decision = policy.PENDING if counts else self._decide(call, agent)
        if not counts:
            call["steps"][Step.DECIDED] = now
        call["decision"] = decision.as_item()
        resumed = False
        try:
            self.record.claim(call, now, agent.retention_days if agent else None)
        except Conflict as conflict:
            match redelivery(conflict.found, now):
                case Redelivery.DONE:
                    log.info("webhook.repeated", extra={"call_id": call_id})
                    return Answer(200, "already decided")
                case Redelivery.BUSY:
                    return self._busy(call_id)
                case Redelivery.QUEUE:
                    return self._queue(call_id, {})
                case Redelivery.RESUME:
                    try:
                        self.record.claim_again(call_id, conflict.found, now)
                    except Conflict:
                        return self._busy(call_id)
                    # The decision is kept: rules and limits may have changed since.
                    call, resumed = conflict.found, True
                    named = self.agents.named(call["agent"]) if call["agent"] else None
                    # A deployment may have removed that agent, but the call may already have been accepted.
                    agent = named or self.agents.answering(call["dialled"])
                    decision = policy.Decision.from_item(call["decision"])
        if decision.verdict == "pending":
            decision = self._decide(call, agent)
            call["decision"] = decision.as_item()
            self.record.decided(call_id, call["decision"], call["reservations"], self.clock())
        log.info(
            "call.decided",
            extra=fields(
                call_id=call_id,
                webhook_id=webhook_id,
                agent=call["agent"],
                caller=masked(call["caller"]),
                dialled=masked(call["dialled"]),
                attested=call.get("attested"),
                verdict=call["decision"]["verdict"],
                rule=call["decision"]["rule"],
                headers=len(headers),
                resumed=resumed or None,
            ),
        )
        if decision.verdict == "reject" or agent is None:
            return self._reject(call, decision.sip_status or 404, resumed, before)
        instructions = agent.instructions_for(
            call["caller"], call["dialled"], incoming.created_at, invite.values_of(agent.headers)
        )
        session = accept.session(agent, self.tools, instructions, self._credentials(call_id, agent))
        self.metrics.milliseconds("WebhookDelayMs", (received - incoming.created_at) * 1000)
        return self._accept(call, session, now, resumed, before)

    def _busy(self, call_id: str) -> Answer:
        log.info("webhook.busy", extra={"call_id": call_id})
        return Answer(503, "another delivery of this call is in progress, please retry")

    def _credentials(self, call_id: str, agent: Agent) -> dict[str, str]:
        """What the agent's MCP servers want to see. A server whose own is missing is left out of the call."""
        if not (names := agent.credential_names):
            return {}
        found = self.secrets.mcp_credentials(names)
        if missing := sorted(names - found.keys()):
            log.error("call.without_mcp_server", extra={"call_id": call_id, "credentials": missing})
        return found

    def _decide(self, call: Item, agent: Agent | None) -> policy.Decision:
        call["reservations"] = []
        if agent is None:
            return policy.NO_AGENT
        at = float(call["steps"][Step.CREATED])
        admission = Admission(
            self.counters,
            agent.name,
            agent.admission,
            agent.is_open(at),
            call["call_id"],
            call["caller"],
            at,
            self.agents.count_the_stack,
            attested=call.get("attested", "none"),
        )
        decision = admission.decide()
        call["reservations"] = admission.reservations
        return decision

    def _reject(self, call: Item, sip_status: int, resumed: bool, before: float) -> Answer:
        call_id = call["call_id"]
        reply = self.control.reject(call_id, sip_status, before)
        now = self.clock()
        if reply.outcome is Outcome.GONE and not resumed:
            return self._missed(call, {}, now)
        is_sent, detail = reply.outcome is Outcome.DONE, ""
        if resumed and reply.outcome in (Outcome.GONE, Outcome.REFUSED):
            detail = f"rejected by an earlier delivery, or the caller had gone ({reply.detail})"
        elif reply.outcome is Outcome.UNKNOWN:
            detail = f"rejected without a clear answer ({reply.detail}): it may ring out"
        elif not is_sent:
            detail = f"reject failed ({reply.detail}): the call rings out"
            self.metrics.count("RejectsFailed")
        self.metrics.count("CallsRejected")
        log.info("call.rejected", extra={"call_id": call_id, "sip_status": sip_status, "outcome": reply.outcome})
        self._close(call, End(Status.REJECTED, None, now, detail), {Step.REJECTED: now} if is_sent else {})
        return Answer(200, "rejected")

    def _missed(self, call: Item, steps: dict[Step, float], now: float) -> Answer:
        self.metrics.count("CallsMissed")
        log.info("call.missed", extra={"call_id": call["call_id"]})
        self._close(call, End(Status.MISSED, EndReason.CALLER_GONE_BEFORE_ACCEPT, now), steps)
        return Answer(200, "the caller has gone")

    def _accept(self, call: Item, session: dict[str, Any], claimed_at: float, resumed: bool, before: float) -> Answer:
        call_id, sent = call["call_id"], self.clock()
        reply = self.control.accept(call_id, session, before)
        outcome, now = reply.outcome, self.clock()
        if resumed and outcome in (Outcome.GONE, Outcome.REFUSED):
            # An earlier delivery may have accepted this call: the sideband will show.
            outcome = Outcome.UNKNOWN
        match outcome:
            case Outcome.GONE:
                return self._missed(call, {Step.ACCEPT_SENT: sent}, now)
            case Outcome.REFUSED:
                self.metrics.count("AcceptsFailed")
                log.error("call.accept_failed", extra={"call_id": call_id, "detail": reply.detail})
                end = End(Status.FAILED, EndReason.ACCEPT_FAILED, now, reply.detail)
                self._close(call, end, {Step.ACCEPT_SENT: sent})
                return Answer(200, "OpenAI refused the accept")
            case Outcome.UNAVAILABLE:
                self.metrics.count("AcceptsUnavailable")
                log.error("call.accept_unavailable", extra={"call_id": call_id, "detail": reply.detail})
                try:
                    self.record.unclaim(call_id, claimed_at)
                except Conflict:
                    return self._busy(call_id)
                return Answer(503, "OpenAI could not accept the call, please retry")
        self.metrics.count("CallsAccepted")
        self.metrics.milliseconds("AcceptMs", (now - sent) * 1000)
        detail = "" if outcome is Outcome.DONE else f"no clear answer ({reply.detail})"
        return self._queue(call_id, {Step.ACCEPT_SENT: sent, Step.ACCEPTED: now}, detail)

    def _close(self, call: Item, end: End, steps: dict[Step, float]) -> None:
        self.record.close_unanswered(call["call_id"], end, steps, call.get("reservations", []))

    def _queue(self, call_id: str, steps: dict[Step, float], detail: str = "") -> Answer:
        """Hand the call to the monitors first and record it afterwards: the caller is already listening."""
        queued = self.clock()
        try:
            self.queue.send(call_id)
        except Exception as error:
            self.metrics.count("HandoffsFailed")
            log.error("call.not_queued", extra={"call_id": call_id, "error": type(error).__name__})
            self.record.accepted(call_id, steps, detail)
            return Answer(503, "accepted but not queued, please retry")
        try:
            self.record.accepted(call_id, {**steps, Step.QUEUED: queued}, detail)
        except Exception as error:
            # The monitors have it: another delivery would only queue it once more.
            log.error("call.not_noted", extra={"call_id": call_id, "error": type(error).__name__})
        log.info("call.queued", extra={"call_id": call_id})
        return Answer(200, "accepted")
