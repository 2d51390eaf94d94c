"""A call from its ring to its record: what a caller, a carrier and an operator see of it."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook

from infra.local.cloud import LocalCloud

DENIED = "+19005550100"
NO_WEBHOOK = {"webhook": {"drop_first": 1, "retry": {"backoff": []}}}
"""The emulator's own webhook gets lost, so that the test can send one."""


def guides_example_event(call_id: str) -> dict[str, Any]:
    """The event of the Realtime SIP guide, for this call and of this moment."""
    return {
        "object": "event",
        "id": "evt_685343a1381c819085d44c354e1b330e",
        "type": "realtime.call.incoming",
        "created_at": int(time.time()),
        "data": {
            "call_id": call_id,
            "sip_headers": [
                {"name": "From", "value": "sip:+142555512112@sip.example.com"},
                {"name": "To", "value": "sip:+18005551212@sip.example.com"},
                {"name": "Call-ID", "value": "03782086-4ce9-44bf-8b0d-4e303d2cc590"},
            ],
        },
    }


def deliver(cloud: LocalCloud, event: dict[str, Any], secret: str | None = None) -> httpx.Response:
    """Send a webhook as OpenAI does."""
    body, now = json.dumps(event), datetime.now(UTC)
    webhook_id = "wh_685342e6c53c8190a1be43f081506c52"
    headers = {
        "user-agent": "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)",
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret or cloud.openai.webhook_secret).sign(webhook_id, now, body),
    }
    return httpx.post(cloud.webhook_url, content=body, headers=headers, trust_env=False, timeout=10)


def shown(cloud: LocalCloud, call_id: str) -> dict[str, Any]:
    """The call as `ringside calls show --json` has it."""
    done = cloud.cli("calls", "show", call_id, "--json")
    assert done.returncode == 0, done.stderr
    call: dict[str, Any] = json.loads(done.stdout)
    return call


def turns(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(item["role"], item["text"]) for item in items if item["kind"] == "turn"]


def spoken(known: dict[str, Any]) -> list[tuple[str, str]]:
    """What was said on the line, as who said it knows it."""
    return [(turn["role"], turn["text"]) for turn in known["spoken"]]


def test_the_guides_example_event_becomes_a_call_whose_transcript_can_be_read(cloud: LocalCloud) -> None:
    call_id = cloud.emulator.ring("opening-hours", "+142555512112", faults=NO_WEBHOOK)

    assert deliver(cloud, guides_example_event(call_id)).status_code == 200
    cloud.records.wait_for_end(call_id)

    call = shown(cloud, call_id)
    assert (call["caller"], call["dialled"]) == ("+142555512112", "+18005551212")
    assert turns(call["items"]) == spoken(cloud.emulator.shown(call_id))
    assert ("caller", "Hi. Could you tell me when you are open on Saturday?") in turns(call["items"])


def test_an_event_nobody_signed_leaves_no_trace(cloud: LocalCloud) -> None:
    call_id = cloud.emulator.ring("opening-hours", faults=NO_WEBHOOK)

    answer = deliver(cloud, guides_example_event(call_id), secret="whsec_" + "A" * 44)

    assert 400 <= answer.status_code < 500
    assert not cloud.records.get(call_id).call
    assert cloud.emulator.shown(call_id)["requests"] == []


def test_a_caller_who_asks_for_the_hours_is_answered_and_rung_off(cloud: LocalCloud) -> None:
    call_id = cloud.emulator.ring("opening-hours")

    cloud.records.wait_for_end(call_id)

    call = shown(cloud, call_id)
    assert (call["status"], call["end_reason"]) == ("ended", "agent_hung_up")
    assert call["decision"]["verdict"] == "accept"
    assert {role for role, _ in turns(call["items"])} == {"agent", "caller"}
    tools = [item for item in call["items"] if item["kind"] == "tool"]
    assert [(tool["name"], tool["outcome"]) for tool in tools] == [("opening_hours", "ok"), ("hang_up", "ok")]
    assert call["duration"] > 0
    assert call["cost"] > 0
    known = cloud.emulator.shown(call_id)
    assert known["ended"]["by"] == "hangup"
    assert call["usage"]["output_audio"] == known["usage"]["output_token_details"]["audio_tokens"]


def test_a_declined_caller_hears_603_and_nobody_speaks(cloud: LocalCloud) -> None:
    call_id = cloud.emulator.ring("opening-hours", DENIED)

    cloud.records.wait_for_end(call_id)

    call = shown(cloud, call_id)
    assert (call["status"], call["decision"]["sip_status"], call["items"]) == ("rejected", 603, [])
    known = cloud.emulator.shown(call_id)
    assert known["state"] == "rejected"
    assert [(asked["path"].rpartition("/")[2], asked["body"]) for asked in known["requests"]] == [
        ("reject", {"status_code": 603})
    ]


def test_the_sweeper_leaves_calls_that_are_looked_after_alone(cloud: LocalCloud) -> None:
    call_id = cloud.emulator.ring("opening-hours")
    cloud.records.wait(call_id, lambda record: record.status == "live")

    cloud.run_sweeper()

    assert cloud.records.wait_for_end(call_id).call["end_reason"] == "agent_hung_up"
