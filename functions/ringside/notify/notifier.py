"""Whoever wants to know of calls is told, until they have understood: signed messages to receivers of agent files.

The table's stream tells what happened; each message waits in a queue of its own until its receiver took it. A message
that is queued twice goes out twice at most, with one id, and not at all once the call says that it was delivered.
"""

import json
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ringside import signatures
from ringside.agentfile.afterwards import Receiver
from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.aws.attributes import unmarshal
from ringside.aws.notify_queue import NotifyQueue
from ringside.aws.notify_secrets import NotifySecrets
from ringside.aws.record import Record
from ringside.aws.table import Conflict
from ringside.notify import messages
from ringside.notify.sender import Answer, Sender
from ringside.telemetry import Metrics

log = logging.getLogger(__name__)

RETRY_PAUSES = (5, 60, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000, 42_000, 42_000, 42_000)
"""Seconds after each attempt that failed: three days in all. SQS hides a message for twelve hours at most."""

GONE = 410
"""A receiver that answers this wants no more of it (Standard Webhooks, "Sending webhooks")."""

SETTLED = ("delivered", "gone", "given_up")

Json = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One message to one receiver; what it says is read from the record when it is sent."""

    call_id: str
    kind: str
    receiver: str

    @property
    def key(self) -> str:
        """Its name among the call's deliveries."""
        return f"{self.receiver}__{self.kind.rpartition('.')[2]}"

    def as_text(self) -> str:
        return json.dumps({"call_id": self.call_id, "event": self.kind, "receiver": self.receiver})

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Message":
        """Raises `KeyError` for what is not a message."""
        return cls(str(content["call_id"]), str(content["event"]), str(content["receiver"]))


@dataclass
class Notifier:
    """Tells receivers, with everything that it needs."""

    record: Record
    agents: Agents
    secrets: NotifySecrets
    queue: NotifyQueue
    sender: Sender
    metrics: Metrics
    stack: str
    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = lambda: random.uniform(0.9, 1.0)

    def happened(self, records: Iterable[Mapping[str, Any]]) -> int:
        """Writes of the table's stream: queue a message for each receiver that wants to know. Returns how many."""
        count = 0
        for record in records:
            before, after = (unmarshal(record["dynamodb"].get(name) or {}) for name in ("OldImage", "NewImage"))
            agent = self.agents.named(str(after.get("agent") or ""))
            if agent is None or not before.get("status"):
                continue
            for kind in messages.news(before, after):
                for receiver in agent.notify:
                    if kind in receiver.events:
                        self.queue.send(Message(str(after["call_id"]), kind, receiver.name).as_text())
                        count += 1
        return count

    def deliver(self, text: str, attempt: int) -> float | None:
        """Try a queued message, for the so manieth time. Returns the seconds until the next try; None if it is settled.

        After the last try it is 0: the queue then moves the message to its dead letters.
        """
        try:
            message = Message.read(json.loads(text))
        except (ValueError, TypeError, KeyError):
            log.error("notice.unreadable", extra={"bytes": len(text)})
            return None
        found = self.send(message, attempt)
        if found["state"] in ("delivered", "gone", "none"):
            return None
        return float(found["pause"]) if found["state"] == "retrying" else 0.0

    def send(self, message: Message, attempt: int, *, again: bool = False) -> Json:
        """Send a message now; what has become of it, as the call then has it. `again`: also if it was delivered."""
        call = self.record.call(message.call_id)
        if call is None:
            return {"state": "none", "reason": "there is no such call"}
        known: Json = (call.get("deliveries") or {}).get(message.key) or {}
        webhook_id = messages.message_id(call, message.kind, message.receiver)
        if known.get("state") in SETTLED and known.get("webhook_id") == webhook_id and not again:
            return known
        agent = self.agents.named(str(call.get("agent") or ""))
        receiver = self._receiver(agent, message.receiver)
        if agent is None or receiver is None:
            return {"state": "none", "reason": f"the agent file has no receiver {message.receiver}"}
        body = messages.body(message.kind, call, agent.events, self.stack)
        answer = self._post(receiver, webhook_id, body)
        about = {"event": message.kind, "receiver": receiver.name, "webhook_id": webhook_id}
        found = self._outcome(answer, attempt) | about
        log.info("notice.sent", extra={"call_id": message.call_id, **found})
        self.metrics.count("NoticesDelivered" if answer.is_taken else "NoticesFailed")
        try:
            self.record.delivery(message.call_id, message.key, found)
        except Conflict:  # the call was erased meanwhile
            return {"state": "none", "reason": "there is no such call"}
        return found

    def test(self, agent_name: str, receiver_name: str) -> Json:
        """Send a message that is about no call."""
        agent = self.agents.named(agent_name)
        receiver = self._receiver(agent, receiver_name)
        if receiver is None:
            return {"state": "none", "reason": f"the file of {agent_name} has no receiver {receiver_name}"}
        at = self.clock()
        answer = self._post(
            receiver, messages.id_of_test(receiver_name, at), messages.body_of_test(agent_name, self.stack, at)
        )
        state = "delivered" if answer.is_taken else "failed"
        return {"state": state, "status": answer.status, "reason": answer.reason}

    @staticmethod
    def _receiver(agent: Agent | None, name: str) -> Receiver | None:
        return next((each for each in agent.notify if each.name == name), None) if agent else None

    def _post(self, receiver: Receiver, message_id: str, body: bytes) -> Answer:
        secrets = self.secrets.of(receiver.name)
        if not secrets:
            return Answer(None, f"no secret is stored for it (ringside notify secret {receiver.name})")
        at = int(self.clock())
        headers = {
            "content-type": "application/json",
            "user-agent": "Ringside",
            "webhook-id": message_id,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(signatures.sign(secret, message_id, at, body) for secret in secrets),
        }
        return self.sender.post(receiver.url, headers, body)

    def _outcome(self, answer: Answer, attempt: int) -> Json:
        found: Json = {"attempts": attempt, "status": answer.status, "at": round(self.clock(), 3)}
        if answer.is_taken:
            return {"state": "delivered", **found}
        found["reason"] = answer.reason
        if answer.status == GONE:
            return {"state": "gone", **found}
        if attempt > len(RETRY_PAUSES):
            return {"state": "given_up", **found}
        pause = max(RETRY_PAUSES[attempt - 1] * self.jitter(), answer.retry_after or 0.0)
        return {"state": "retrying", **found, "pause": round(min(pause, RETRY_PAUSES[-1]), 1)}
