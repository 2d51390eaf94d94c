"""Who calls whom: the headers of several carriers, and of nobody in particular."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringside.phone_numbers import country, number
from ringside.sip.parties import Parties, parties

OPENAI = "<sip:proj_abc123@sip.api.openai.com;transport=tls>"
ALICE, SHOP = "+14255550112", "+15815550100"


def headers(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def caller(*pairs: tuple[str, str]) -> str | None:
    return parties(headers(*pairs)).caller


def dialled(*pairs: tuple[str, str]) -> str | None:
    return parties(headers(*pairs)).dialled


def test_openais_own_example_is_read() -> None:
    found = parties(headers(("From", f"sip:{ALICE}@sip.example.com"), ("To", f"sip:{SHOP}@sip.example.com")))
    assert found == Parties(ALICE, SHOP)


def test_a_twilio_trunk_tells_the_dialled_number_in_diversion() -> None:
    invite = headers(
        ("From", f'"{ALICE}" <sip:{ALICE}@example.pstn.twilio.com;pstn-params=808482808882>;tag=10372012_c3356d0b'),
        ("To", OPENAI),
        ("Diversion", f"<sip:{SHOP}@example.com>;reason=unconditional"),
        ("X-Twilio-CallSid", "CA00000000000000000000000000000000"),
        ("X-Twilio-VerStat", "TN-Validation-Passed-A"),
    )
    assert parties(invite) == Parties(ALICE, SHOP)


def test_of_several_diversions_the_latest_counts() -> None:
    assert dialled(("Diversion", f"<sip:{SHOP}@a>"), ("Diversion", "<sip:+4930123456@b>"), ("To", OPENAI)) == SHOP


def test_dial_sip_passes_what_is_asked_for_as_a_header_of_its_own() -> None:
    invite = headers(("From", f"<sip:{ALICE}@twilio>"), ("To", OPENAI), ("X-Dialled", SHOP))
    assert parties(invite, ("X-Dialled", "Diversion", "To")) == Parties(ALICE, SHOP)


@pytest.mark.parametrize(
    "to",
    [
        "sip:project-123@sip.api.openai.com;transport=tls?x-dialled=%2B15815550100&x-handoff-id=7",
        "<sip:project-123@sip.api.openai.com;transport=tls?x-handoff-id=7&X-Dialled=+15815550100>;tag=1",
        "<sip:project-123@sip.api.openai.com;x-dialled=+15815550100;transport=tls>",
    ],
)
def test_dial_sip_may_leave_it_in_the_uri_of_to(to: str) -> None:
    assert parties(headers(("To", to)), ("X-Dialled", "To")).dialled == SHOP


def test_what_stands_in_the_uri_of_to_is_read_only_where_it_is_asked_for() -> None:
    assert dialled(("To", "<sip:proj_1@sip.api.openai.com?x-dialled=+15815550100>")) is None


def test_telnyx_tells_it_in_from_and_to() -> None:
    invite = headers(
        ("from", f'"Alice" <sip:{ALICE}@sip.telnyx.com>;tag=1v33Fp'),
        ("to", f"<sip:{SHOP}@sip.api.openai.com>"),
        ("X-call_leg_id", "428c31b6-7af4-4bcb-b7f5-5013ef9657c1"),
        ("X-call_session_id", "428c31b6-abf3-3bc1-b7f4-5013ef9657c1"),
    )
    assert parties(invite) == Parties(ALICE, SHOP)


@pytest.mark.parametrize(
    "value",
    [
        f"sip:{ALICE}@host",
        f"sips:{ALICE}@host",
        f"SIP:{ALICE}@HOST",
        f"tel:{ALICE}",
        "tel:+1-425-555-0112;phone-context=example.com",
        f"<tel:{ALICE}>;tag=1",
        f"<sip:{ALICE}@host;user=phone>;tag=a6c85cf",
        f"<sip:{ALICE};npdi=yes@host>",
        f"<sip:{ALICE}:secret@host>",
        "<sip:%2B14255550112@host>",
        f"Alice <sip:{ALICE}@host>",
        f'"Alice \\"the\\" <A>" <sip:{ALICE}@host>',
        f'"O\'Hara, Ann" <sip:{ALICE}@host>;tag=1;x=2',
        f'"unfinished <sip:{ALICE}@host>',
        f"  {ALICE}  ",
        "+1 (425) 555-0112",
    ],
)
def test_a_number_is_found_in_every_form(value: str) -> None:
    assert caller(("From", value)) == ALICE


@pytest.mark.parametrize(
    "value",
    [
        f'"sip:+19005550100@host" <sip:{ALICE}@carrier>',
        f'"<sip:+19005550100@host>" <sip:{ALICE}@carrier>',
        f'"tel:+19005550100" <sip:{ALICE}@carrier>',
        f"sip:+19005550100 <sip:{ALICE}@carrier>",
    ],
)
def test_a_display_name_cannot_pass_for_the_callers_number(value: str) -> None:
    assert caller(("From", value)) == ALICE


@pytest.mark.parametrize(
    "value",
    [
        '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1',
        "sip:alice@example.com",
        "<sip:4255550112@host>",  # without its country nobody knows whose number that is
        "<sip:0014255550112@host>",
        "<sip:+0123456789@host>",
        "<sip:+1425555011２@host>",
        "<sip:+999999999999999999999@host>",
        "<sip:+@host>",
        "<>",
        "sip:",
        "",
    ],
)
def test_a_caller_without_an_international_number_is_anonymous(value: str) -> None:
    assert caller(("From", value)) is None


def test_where_from_is_anonymous_the_carriers_word_counts() -> None:
    anonymous = ("From", "<sip:anonymous@anonymous.invalid>")
    assert caller(anonymous, ("P-Asserted-Identity", f"<sip:{ALICE}@carrier>")) == ALICE
    assert caller(anonymous, ("P-Asserted-Identity", "<sip:x@y>"), ("p-asserted-identity", f"<tel:{ALICE}>")) == ALICE
    assert caller(anonymous, ("Remote-Party-ID", f'"A" <sip:{ALICE}@carrier>;party=calling;privacy=off')) == ALICE
    assert caller(("From", f"<sip:{ALICE}@a>"), ("P-Asserted-Identity", f"<sip:{SHOP}@a>")) == ALICE


def test_a_call_without_headers_has_neither() -> None:
    assert parties([]) == Parties(None, None)


@pytest.mark.parametrize("junk", [{}, {"name": "From"}, {"value": "x"}, {"name": None, "value": None}, {"name": "to"}])
def test_a_broken_header_is_passed_over(junk: dict[str, str]) -> None:
    assert parties([junk, *headers(("From", f"<sip:{ALICE}@a>"))]).caller == ALICE


@given(st.lists(st.tuples(st.sampled_from(["From", "to", "Diversion", "P-Asserted-Identity"]), st.text())))
def test_no_header_ever_raises_and_what_comes_out_is_a_number(pairs: list[tuple[str, str]]) -> None:
    for found in vars(parties(headers(*pairs), ("X-Any", "Diversion", "To"))).values():
        assert found is None or number(found) == found


@given(st.text(alphabet='+0123456789 sip:tel<>";@?&=()-\\', max_size=60))
def test_nothing_made_of_a_headers_own_characters_raises(value: str) -> None:
    parties(headers(("From", value), ("To", value)))


@given(st.text())
def test_number_never_raises_and_is_stable(text: str) -> None:
    found = number(text)
    assert found is None or number(found) == found


@pytest.mark.parametrize(
    ("e164", "expected"),
    [("+4930123456", "DE"), ("+14255550112", "US"), ("+80012345678", None), ("+870773111632", None), ("junk", None)],
)
def test_a_number_has_a_country_or_none(e164: str, expected: str | None) -> None:
    assert country(e164) == expected
