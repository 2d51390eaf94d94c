"""A mailbox on this machine: what docs/examples/after-the-call/mail.yaml would mail.

The stand-in for EventBridge knows neither SNS nor the texts that are made of events. A template's rule is put there
as it is, with a queue for its target, and the text is made here.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from infra.local import template as templates
from infra.local.event_sources import client
from infra.local.stack import STACK
from infra.local.template import REPOSITORY, of_type

EXAMPLES = REPOSITORY / "docs" / "examples" / "after-the-call"


class Rule:
    """The rule of an example, in the local cloud's EventBridge. `environment`: that cloud's; `values`: parameters."""

    def __init__(self, environment: dict[str, str], example: str, **values: str) -> None:
        document = templates.plain(templates.parse((EXAMPLES / f"{example}.yaml").read_text(encoding="utf-8")))
        defaults = {name: parameter.get("Default") for name, parameter in document["Parameters"].items()}
        document = templates.replace_references(document, {**defaults, "Stack": STACK, **values})
        (rule,) = of_type(document, "AWS::Events::Rule").values()
        events, self._sqs = client("events", environment), client("sqs", environment)
        self._queue = self._sqs.create_queue(QueueName=example)["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        (self.target,) = rule["Targets"]
        target = {"Id": example, "Arn": found["Attributes"]["QueueArn"]}
        events.put_rule(Name=example, EventPattern=json.dumps(rule["EventPattern"]))
        events.put_targets(Rule=example, Targets=[target])

    def event(self, seconds: float) -> dict[str, Any]:
        """The next event that the rule takes; raises `TimeoutError` if there is none for so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            messages: Any = self._sqs.receive_message(QueueUrl=self._queue, WaitTimeSeconds=1).get("Messages")
            if messages:
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=messages[0]["ReceiptHandle"])
                event: dict[str, Any] = json.loads(messages[0]["Body"])
                return event
        raise TimeoutError(f"no event within {seconds:g} s")


class Mailbox:
    """Mails about the calls of one agent. `environment`: the local cloud's."""

    def __init__(self, environment: dict[str, str], agent: str) -> None:
        self._rule = Rule(environment, "mail", Agent=agent)

    def letter(self, seconds: float) -> str:
        """The next mail's text; raises `TimeoutError` if none comes for so long."""
        event = self._rule.event(seconds)
        lines = transformed(self._rule.target["InputTransformer"], event).splitlines()
        return "\n".join(str(json.loads(line)) for line in lines)


def transformed(transformer: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """What EventBridge's input transformer makes of an event (user guide, "Amazon EventBridge input transformation"):
    a text takes the place of its name as it is written within quotes in JSON; what is not there leaves nothing."""

    def value(found: re.Match[str]) -> str:
        known: Any = event
        for part in transformer["InputPathsMap"][found[1]].removeprefix("$.").split("."):
            known = known.get(part, "") if isinstance(known, Mapping) else ""
        return json.dumps(known, ensure_ascii=False)[1:-1]

    return re.sub(r"<(\w+)>", value, transformer["InputTemplate"])
