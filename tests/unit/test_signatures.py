"""Nobody unsigned gets in, and everybody signed does; judged by the facts, by OpenAI's package and by the library."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks import Webhook

from infra.emulator.webhooks.signature import sign
from ringside import signatures
from ringside.signatures import UnverifiedRequest, verify

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret, as long as that.").decode()
ID, AT = "wh_685342e6c53c8190a1be43f081506c52", 1750287078
BODY = b'{"object":"event","id":"evt_1","type":"realtime.call.incoming","created_at":1750287018,'
BODY += b'"data":{"call_id":"rtc_x","sip_headers":[]}}'


def signed(body: bytes = BODY, at: int = AT, secret: str = SECRET, webhook_id: str = ID) -> dict[str, str]:
    signature = sign(secret, webhook_id, at, body)
    return {"webhook-id": webhook_id, "webhook-timestamp": str(at), "webhook-signature": signature}


def refused(headers: Any, body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), now: float = AT) -> bool:
    try:
        verify(headers, body, secrets, now)
    except UnverifiedRequest:
        return True
    return False


def test_the_known_vector_is_accepted() -> None:
    headers = {
        "webhook-id": ID,
        "webhook-timestamp": "1750287078",
        "webhook-signature": "v1,S/n5SQ52VPKAG/cL6+UHTVBhaIoSIRPdSNaLxLh0qG4=",
    }

    assert verify(headers, BODY, [SECRET], AT) == ID


def test_the_guides_example_is_accepted_when_it_is_signed_and_refused_with_the_guides_own_signature() -> None:
    body = b"""{"object":"event","id":"evt_685343a1381c819085d44c354e1b330e","type":"realtime.call.incoming",
 "created_at":1750287018,"data":{"call_id":"some_unique_id",
 "sip_headers":[{"name":"From","value":"sip:+142555512112@sip.example.com"}]}}"""

    assert verify(signed(body), body, [SECRET], AT) == ID
    assert refused(signed(body) | {"webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="}, body)


@pytest.mark.parametrize("age", [0, 1, 299, 300, 300.9, -299, -300])
def test_a_delivery_is_good_for_300_seconds_both_ways(age: float) -> None:
    assert not refused(signed(), now=AT + age)


@pytest.mark.parametrize("age", [301, 302, 86_400, -301, -86_400])
def test_older_and_younger_ones_are_refused(age: float) -> None:
    assert refused(signed(), now=AT + age)


def test_header_names_may_be_in_any_case() -> None:
    assert not refused({name.upper(): value for name, value in signed().items()})
    assert not refused({name.title(): value for name, value in signed().items()})


def test_during_a_rotation_both_secrets_are_good() -> None:
    assert not refused(signed(secret=SECRET), secrets=(OTHER, SECRET))
    assert not refused(signed(secret=OTHER), secrets=(OTHER, SECRET))
    assert refused(signed(secret=OTHER), secrets=(SECRET,))
    assert refused(signed(), secrets=())


def test_one_good_signature_among_others_is_enough() -> None:
    good, other = sign(SECRET, ID, AT, BODY), sign(OTHER, ID, AT, BODY)
    for value in (
        f"{other} {good}",
        f"{good} {other}",
        f"v1a,abc {good}",
        f"v1 {good}",
        f"v1,a,b {good}",
        f", {good},",
    ):
        assert not refused(signed() | {"webhook-signature": value}), value


@pytest.mark.parametrize("comma", [",", ", "])
def test_two_signature_headers_that_api_gateway_joined_are_tried_each(comma: str) -> None:
    good, other = sign(SECRET, ID, AT, BODY), sign(OTHER, ID, AT, BODY)

    for value in (f"{good}{comma}{good}", f"{other}{comma}{good}", f"v1{comma}{good}", f"v2,x{comma}{good}"):
        assert not refused(signed() | {"webhook-signature": value}), value
    assert refused(signed() | {"webhook-signature": f"{other}{comma}{other}"})


def test_a_secret_without_its_prefix_is_the_key_itself() -> None:
    plain = "a secret without a prefix"

    assert not refused(signed(secret=plain), secrets=(plain,))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "brief", "whsec_not base64 at all!", "whsec_ä"])
def test_a_secret_that_would_let_strangers_in_is_no_secret(secret: str) -> None:
    with pytest.raises(ValueError, match=r"base64|shorter") as caught:
        signatures.key(secret)
    assert secret.removeprefix("whsec_") == "" or secret.removeprefix("whsec_") not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,a,b"},
        {"webhook-signature": ""},
        {"webhook-signature": ","},
        {"webhook-signature": "v1,ä"},
        {"webhook-signature": "v1,\ud800"},
        {"webhook-signature": sign(SECRET, ID, AT, BODY).removeprefix("v1,")},
        {"webhook-signature": sign(SECRET, ID, AT, BODY).replace("v1,", "v2,")},
        {"webhook-signature": sign(SECRET, ID, AT, BODY)[:-1]},
        {"webhook-signature": " ".join([sign(OTHER, ID, AT, BODY)] * 100 + [sign(SECRET, ID, AT, BODY)])},
        {"webhook-id": ""},
        {"webhook-id": "another"},
        {"webhook-id": f"{ID},{ID}"},
        {"webhook-id": "\ud800"},
        {"webhook-id": None},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": str(AT + 1)},
        {"webhook-timestamp": f"{AT}.0"},
        {"webhook-timestamp": f"0{AT}"},
        {"webhook-timestamp": f"{AT:_}"},
        {"webhook-timestamp": f" {AT}"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": "١٧٥٠٢٨٧٠٧٨"},  # digits, but not ASCII's
        {"webhook-timestamp": AT},
    ],
)
def test_malformed_headers_are_refused_and_nothing_else(wrong: dict[str, Any]) -> None:
    assert refused(signed() | wrong)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_stranger_does_not_hear_what_was_wrong(name: str) -> None:
    with pytest.raises(UnverifiedRequest, match=r"^$"):
        verify(signed() | {name: "wrong"}, BODY, [SECRET], AT)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_refused(name: str) -> None:
    assert refused({other: value for other, value in signed().items() if other != name})
    assert refused({})


@pytest.mark.parametrize("body", [BODY[:-1], BODY + b" ", b"", b"\xff\xfe", BODY.replace(b"rtc_x", b"rtc_y")])
def test_a_body_that_is_not_the_signed_one_is_refused(body: bytes) -> None:
    assert refused(signed(), body)


@pytest.mark.parametrize("body", [b"\xff\xfe", BODY + b"\x80", "\ud800".encode("utf-8", "surrogatepass")])
def test_bytes_that_are_not_text_are_judged_by_their_signature_too(body: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):  # OpenAI's package does not know an answer to these
        _openai_accepts(signed(body), body, AT)
    assert not refused(signed(body), body)
    assert refused(signed(body), body + b"!")


def test_a_large_body_can_be_signed_like_any_other() -> None:
    body = b"x" * 2**20
    assert not refused(signed(body), body)
    assert refused(signed(body), body + b"x")


texts = st.text(max_size=60) | st.sampled_from([ID, str(AT), "v1,", sign(SECRET, ID, AT, BODY)])
values = texts | st.none() | st.integers()


@given(
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "Webhook-Timestamp", "webhook-timestamp", "webhook-signature"]) | texts, values
    ),
    body=st.binary(max_size=200),
)
def test_no_bytes_and_no_headers_do_more_than_be_refused(headers: dict[str, Any], body: bytes) -> None:
    assert refused(headers, body)


bodies = st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
random_keys = st.binary(min_size=16, max_size=64)
secrets = (
    st.sampled_from([SECRET, OTHER])
    | random_keys.map(lambda raw: "whsec_" + base64.b64encode(raw).decode())
    | st.text(st.characters(codec="utf-8"), min_size=16, max_size=64).filter(lambda text: text[:6] != "whsec_")
    # What is base64 too, but without the prefix: the text is the key, not what it encodes.
    | random_keys.map(lambda raw: base64.b64encode(raw).decode())
)
entries = st.sampled_from(["good", "other", "v1", "v1,", "v1,a,b", "v2,abc", "v1a,", ",", "", "v1,ä", "v1,Zm9v"])


@given(
    body=bodies,
    at=st.integers(AT - 301, AT + 301),
    secret=secrets,
    signed_with=st.sampled_from(["the secret", "another"]),
    listed=st.lists(entries, max_size=4),
    change=st.sampled_from(["none", "none", "body", "id", "timestamp"]),
)
def test_openais_package_judges_every_header_body_and_secret_alike(
    body: bytes, at: int, secret: str, signed_with: str, listed: list[str], change: str
) -> None:
    headers = signed(body, at, secret if signed_with == "the secret" else OTHER)
    written = {"good": headers["webhook-signature"], "other": sign(OTHER, ID, at + 1, body)}
    headers["webhook-signature"] = " ".join(written.get(entry, entry) for entry in listed)
    match change:
        case "body":
            body += b"!"
        case "id":
            headers["webhook-id"] += "!"
        case "timestamp":
            headers["webhook-timestamp"] = str(at - 1)
    now = AT + 0.5

    # At letters beyond ASCII their package gives up on the whole header; a good entry behind them is good here.
    readable = " ".join(entry for entry in headers["webhook-signature"].split(" ") if entry.isascii())
    judged = _openai_accepts(headers | {"webhook-signature": readable}, body, now, secret)
    assert (not refused(headers, body, (secret,), now)) == judged


def test_an_entry_beyond_ascii_does_not_spoil_a_good_one() -> None:
    headers = signed()
    assert not refused(headers | {"webhook-signature": f"v1,ä {headers['webhook-signature']}"})


@given(
    body=bodies,
    at=st.integers(AT - 299, AT + 299),  # beyond, the library counts fractions of a second
    secret=st.sampled_from([SECRET, OTHER]),
    change=st.sampled_from(["none", "body", "id", "signature"]),
)
def test_the_librarys_own_verify_judges_alike(body: bytes, at: int, secret: str, change: str) -> None:
    headers = signed(body, at, secret)
    match change:
        case "body":
            body += b"!"
        case "id":
            headers["webhook-id"] += "!"
        case "signature":
            headers["webhook-signature"] = headers["webhook-signature"][::-1]
    now = AT + 0.5

    assert (not refused(headers, body, now=now)) == _library_accepts(headers, body, now)


def test_openais_package_takes_a_signature_without_its_version_and_ours_does_not() -> None:
    headers = signed() | {"webhook-signature": sign(SECRET, ID, AT, BODY).removeprefix("v1,")}

    assert _openai_accepts(headers, BODY, AT)
    assert refused(headers)


def _openai_accepts(headers: dict[str, str], body: bytes, now: float, secret: str = SECRET) -> bool:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("time.time", lambda: now)
        try:
            _OPENAI.webhooks.verify_signature(body, headers, secret=secret)
        except (InvalidWebhookSignatureError, ValueError, TypeError) as error:
            # An empty header is missing, and letters beyond ASCII cannot be compared: both are refusals, put otherwise.
            if isinstance(error, UnicodeError):
                raise
            return False
        return True


_OPENAI = OpenAI(api_key="sk-none")


def _library_accepts(headers: dict[str, str], body: bytes, now: float) -> bool:
    from datetime import UTC, datetime

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(now, UTC)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("standardwebhooks.webhooks.datetime", Then)
        try:
            Webhook(SECRET).verify(body, headers, json_parse=False)
        except Exception:
            return False
        return True


def test_what_is_signed_is_json_or_not_no_matter() -> None:
    body = json.dumps({"ä": "💬"}, ensure_ascii=False).encode()

    assert not refused(signed(body), body)
