"""What one INVITE announces, on either surface, against the official package's types."""

from typing import Any

import pytest
from openai.types.webhooks import LiveTransportIncomingWebhookEvent, RealtimeCallIncomingWebhookEvent
from pydantic import BaseModel

from infra.emulator.webhooks import payloads

HEADERS = payloads.default_headers("+14255550112", "+18005551212")


@pytest.mark.parametrize("security", ["srtp", "rtp", None])
@pytest.mark.parametrize(
    ("kind", "build", "official"),
    [
        ("realtime.call.incoming", payloads.incoming, RealtimeCallIncomingWebhookEvent),
        ("live.transport.incoming", payloads.twin, LiveTransportIncomingWebhookEvent),
    ],
)
def test_both_events_say_how_the_media_are_secured_when_it_is_known(
    kind: str, build: Any, official: type[BaseModel], security: str | None
) -> None:
    data = build("rtc_u1_1", HEADERS, security)
    event: Any = official.model_validate(payloads.envelope(kind, data), strict=True)
    assert event.data.sip_media_security == security
    assert ("sip_media_security" in data) == (security is not None)
    assert not event.data.model_extra


def test_an_event_can_be_older_than_now() -> None:
    now, old = (payloads.envelope("x", {}, offset)["created_at"] for offset in (0, -600))
    assert 600 <= now - old <= 601
