"""`ringside notify`: what became of the messages about a call, and sending them again."""

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

from cli.cloud import Cloud
from cli.errors import CliError
from cli.functions import DeployedFunction

KEPT = 2
"""Secrets of a receiver: the new one, and the one before until its owner has changed it."""

NOT_DEPLOYED = (
    "this deployment keeps no secrets of receivers: deploy it with NotifyReceivers=true, "
    "or set RINGSIDE_NOTIFY_SECRET_ID"
)


class Notices:
    """The deployment's function that tells receivers."""

    def __init__(self, cloud: Cloud) -> None:
        self._function = DeployedFunction(cloud, "RINGSIDE_NOTIFY_FUNCTION", "notify function")

    def send(self, call_id: str, event: str, receiver: str) -> dict[str, Any]:
        return self._function.invoke({"call_id": call_id, "event": event, "receiver": receiver})

    def test(self, agent: str, receiver: str) -> dict[str, Any]:
        return self._function.invoke({"agent": agent, "receiver": receiver})


def deliveries(call: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What became of the messages about a call, by event and receiver."""
    found = (call.get("deliveries") or {}).values()
    return sorted(found, key=lambda each: (str(each.get("event")), str(each.get("receiver"))))


def chosen(call: Mapping[str, Any], event: str | None, receiver: str | None) -> list[dict[str, Any]]:
    """Those that are meant; `CliError` if none is."""
    known = deliveries(call)
    fitting = [
        each for each in known if event in (None, each.get("event")) and receiver in (None, each.get("receiver"))
    ]
    if not fitting:
        had = ", ".join(f"{each['event']} to {each['receiver']}" for each in known) or "none"
        raise CliError(f"no such message about {call['call_id']}; there were: {had}")
    return fitting


def new_secret(cloud: Cloud, receiver: str) -> str:
    """Store another secret for a receiver; messages are signed with it and with the one before."""
    secret_id = cloud.variables.get("RINGSIDE_NOTIFY_SECRET_ID")
    if not secret_id:
        raise CliError(NOT_DEPLOYED)
    known = json.loads(cloud.secrets.get_secret_value(SecretId=secret_id)["SecretString"])
    made = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    known[receiver] = [made, *known.get(receiver, [])][:KEPT]
    cloud.secrets.put_secret_value(SecretId=secret_id, SecretString=json.dumps(known))
    return made


def line(found: Mapping[str, Any]) -> str:
    """What became of a message, in a few words."""
    parts = [str(found.get("state"))]
    if found.get("status") and found.get("state") == "delivered":
        parts.append(f"HTTP {found['status']}")
    if found.get("reason"):
        parts.append(str(found["reason"]))
    if found.get("attempts"):
        parts.append(f"attempt {found['attempts']}")
    if found.get("pause"):
        parts.append(f"again in {float(found['pause']):.0f} s")
    return ", ".join(parts)
