"""Standard Webhooks, as OpenAI signs."""

import base64

from infra.emulator.webhooks.signature import sign


def test_the_signature_is_that_of_the_known_vector() -> None:
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    body = b'{"object":"event","id":"evt_1","type":"realtime.call.incoming","created_at":1750287018,'
    body += b'"data":{"call_id":"rtc_x","sip_headers":[]}}'
    signature = sign(secret, "wh_685342e6c53c8190a1be43f081506c52", 1750287078, body)
    assert signature == "v1,S/n5SQ52VPKAG/cL6+UHTVBhaIoSIRPdSNaLxLh0qG4="


def test_a_secret_without_its_prefix_is_used_as_it_is() -> None:
    assert sign("plain", "wh_1", 1, b"{}") != sign("whsec_cGxhaW4h", "wh_1", 1, b"{}")
    assert sign("plain", "wh_1", 1, b"{}") == sign("whsec_cGxhaW4=", "wh_1", 1, b"{}")
