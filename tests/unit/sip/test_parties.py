"""Who calls whom: the headers of several carriers, and of nobody in particular."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringside.agentfile.agent import Agent
from ringside.agentfile.agents import Agents
from ringside.calls import ANONYMOUS, UNKNOWN
from ringside.phone_numbers import country, number
from ringside.sip import parties
from ringside.sip.parties import Caller
from ringside.sip.trunk import Trunk

OPENAI = "<sip:proj_abc123@sip.api.openai.com;transport=tls>"
ALICE, SHOP = "+14255550112", "+15815550100"


def headers(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def caller(*pairs: tuple[str, str], plain: str = "") -> str:
    return parties.caller(headers(*pairs), Trunk(plain=plain)).name


def candidates(*pairs: tuple[str, str], dialled_in: tuple[str, ...] = Trunk().dialled_in, plain: str = "") -> list[str]:
    found = parties.dialled(headers(*pairs), Trunk(dialled_in, plain))
    return [candidate.e164 or candidate.digits for candidate in found]


def dialled(*pairs: tuple[str, str], dialled_in: tuple[str, ...] = Trunk().dialled_in) -> str | None:
    return next(iter(candidates(*pairs, dialled_in=dialled_in)), None)


def agents(*answers: str) -> Agents:
    made = [
        Agent.model_validate({"name": f"a{place}", "answers": [number], "instructions": "x"})
        for place, number in enumerate(answers)
    ]
    return Agents({agent.name: agent for agent in made})


def test_openais_own_example_is_read() -> None:
    pairs = ("From", f"sip:{ALICE}@sip.example.com"), ("To", f"sip:{SHOP}@sip.example.com")
    assert (caller(*pairs), dialled(*pairs)) == (ALICE, SHOP)


def test_a_twilio_trunk_tells_the_dialled_number_in_diversion() -> None:
    invite = (
        ("From", f'"{ALICE}" <sip:{ALICE}@example.pstn.twilio.com;pstn-params=808482808882>;tag=10372012_c3356d0b'),
        ("To", OPENAI),
        ("Diversion", f"<sip:{SHOP}@example.com>;reason=unconditional"),
        ("X-Twilio-CallSid", "CA00000000000000000000000000000000"),
        ("X-Twilio-VerStat", "TN-Validation-Passed-A"),
    )
    assert (caller(*invite), dialled(*invite)) == (ALICE, SHOP)


def test_of_several_diversions_the_latest_counts() -> None:
    assert dialled(("Diversion", f"<sip:{SHOP}@a>"), ("Diversion", "<sip:+4930123456@b>"), ("To", OPENAI)) == SHOP


def test_dial_sip_passes_what_is_asked_for_as_a_header_of_its_own() -> None:
    invite = (("From", f"<sip:{ALICE}@twilio>"), ("To", OPENAI), ("X-Dialled", SHOP))
    assert (caller(*invite), dialled(*invite, dialled_in=("X-Dialled", "Diversion", "To"))) == (ALICE, SHOP)


@pytest.mark.parametrize(
    "to",
    [
        "sip:project-123@sip.api.openai.com;transport=tls?x-dialled=%2B15815550100&x-handoff-id=7",
        "<sip:project-123@sip.api.openai.com;transport=tls?x-handoff-id=7&X-Dialled=+15815550100>;tag=1",
        "<sip:project-123@sip.api.openai.com;x-dialled=+15815550100;transport=tls>",
    ],
)
def test_dial_sip_may_leave_it_in_the_uri_of_to(to: str) -> None:
    assert dialled(("To", to), dialled_in=("X-Dialled", "To")) == SHOP


def test_what_stands_in_the_uri_of_to_is_read_only_where_it_is_asked_for() -> None:
    assert dialled(("To", "<sip:proj_1@sip.api.openai.com?x-dialled=+15815550100>")) is None


def test_telnyx_tells_it_in_from_and_to() -> None:
    invite = (
        ("from", f'"Alice" <sip:{ALICE}@sip.telnyx.com>;tag=1v33Fp'),
        ("to", f"<sip:{SHOP}@sip.api.openai.com>"),
        ("X-call_leg_id", "428c31b6-7af4-4bcb-b7f5-5013ef9657c1"),
        ("X-call_session_id", "428c31b6-abf3-3bc1-b7f4-5013ef9657c1"),
    )
    assert (caller(*invite), dialled(*invite)) == (ALICE, SHOP)


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
    ("value", "expected"),
    [
        ('"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1', Caller(ANONYMOUS)),
        ("<sip:c8oqz84zk7z@privacy.anonymous.invalid>", Caller(ANONYMOUS)),
        ("Restricted <sip:Restricted@carrier>", Caller(ANONYMOUS)),
        ("sip:alice@example.com", Caller(UNKNOWN, "alice")),
        ("<sip:4255550112@host>", Caller(UNKNOWN, "4255550112")),  # without its country nobody knows whose it is
        ("<sip:+0123456789@host>", Caller(UNKNOWN, "+0123456789")),
        ("<sip:+1425555011２@host>", Caller(UNKNOWN, "+1425555011２")),
        ("<sip:+999999999999999999999@host>", Caller(UNKNOWN, "+999999999999999999999")),
        ("<sip:+@host>", Caller(UNKNOWN, "+")),
        ("<sip:1001@pbx.example>", Caller("1001")),
        ('"Desk" <sip:*12@pbx.example;user=phone>', Caller("*12")),
        ("<tel:1001;phone-context=pbx.example>", Caller("1001")),
        ("<>", Caller(UNKNOWN)),
        ("sip:", Caller(UNKNOWN)),
        ("", Caller(UNKNOWN)),
    ],
)
def test_a_caller_without_a_number_is_an_extension_or_withheld_or_unknown(value: str, expected: Caller) -> None:
    assert parties.caller(headers(("From", value)), Trunk()) == expected


@pytest.mark.parametrize(
    ("value", "plain", "expected"),
    [
        ("<sip:14255550112@h>", "E164", ALICE),
        ("<sip:0014255550112@h>", "", ALICE),
        ("<sip:00 49 30 123456@h>", "E164", "+4930123456"),
        ("<sip:011493012345678@h>", "E164", "+493012345678"),
        ("<sip:011493012345678@h>", "US", "+493012345678"),
        ("<sip:4255550112@h;user=phone>", "US", ALICE),
        ("<sip:1-425-555-0112@h>", "US", ALICE),
        ("<sip:030123456@h>", "DE", "+4930123456"),
        ("<sip:0014255550112@h>", "DE", ALICE),
        ("<sip:01142345678@h>", "GB", "+441142345678"),
        ("<tel:4255550112;phone-context=+1>", "", ALICE),
        ("<tel:5550112;phone-context=+1-425>", "", ALICE),
        ("<tel:030-123456;phone-context=+49>", "", "+4930123456"),
        ("<sip:4255550112;phone-context=+1@ims.example;user=phone>", "DE", ALICE),
        ("<sip:4255550112;phone-context=ims.example@h>", "US", ALICE),
        ("<sip:1001@h>", "E164", "1001"),
        ("<sip:1001@h>", "US", "1001"),
        ("<sip:5550112@h>", "US", "5550112"),
    ],
)
def test_every_form_of_a_number_is_one_number(value: str, plain: str, expected: str) -> None:
    assert caller(("From", value), plain=plain) == expected


@pytest.mark.parametrize(
    "value",
    [
        f"<tel:{ALICE};ext=7>",
        f"<sip:{ALICE};ext=7@h>",
        f"<sip:{ALICE}@h;ext=7>",
        f"<sip:{ALICE}x7@h>",
        f"{ALICE} ext. 7",
    ],
)
def test_an_extension_behind_a_number_is_kept(value: str) -> None:
    assert parties.caller(headers(("From", value)), Trunk()) == Caller(ALICE, extension="7")


@pytest.mark.parametrize("user", ["+266696687", "266696687", "+7378742833", "+86282452253", "+8656696", "0000000000"])
def test_a_carriers_placeholder_is_no_number(user: str) -> None:
    assert caller(("From", f'"Anonymous" <sip:{user}@pstn.example>')) == ANONYMOUS


def test_an_agent_names_more_placeholders() -> None:
    invite = headers(("From", "<sip:+49199000000@h>"))
    assert parties.caller(invite, Trunk(), ["+49 199 000000"]).name == ANONYMOUS
    assert parties.caller(invite, Trunk()).name == "+49199000000"


@pytest.mark.parametrize(
    "wish",
    [
        ("Privacy", "id"),
        ("privacy", "ID;critical"),
        ("Privacy", "header;user;session"),
        ("Remote-Party-ID", f"<sip:{ALICE}@c>;party=calling;privacy=full"),
        ("Remote-Party-ID", f'"A" <sip:{ALICE}@c>;screen=yes;privacy="full"'),
    ],
)
def test_withheld_is_withheld_whatever_else_is_shown(wish: tuple[str, str]) -> None:
    pairs = ("From", f'"Alice" <sip:{ALICE}@c>'), ("P-Asserted-Identity", f"<tel:{ALICE}>"), wish
    assert parties.caller(headers(*pairs), Trunk()) == Caller(ANONYMOUS, withheld=ALICE)


@pytest.mark.parametrize("value", ["none", "session", "critical", "history", ""])
def test_not_every_wish_for_privacy_is_one_for_the_number(value: str) -> None:
    assert caller(("From", f"<sip:{ALICE}@c>"), ("Privacy", value)) == ALICE


def test_the_called_party_is_not_the_caller() -> None:
    called = ("Remote-Party-ID", f"<sip:{SHOP}@c>;party=called;privacy=full")
    assert caller(("From", "<sip:alice@c>"), called) == UNKNOWN
    assert caller(("From", f"<sip:{ALICE}@c>"), called) == ALICE


def test_all_addresses_of_all_rows_are_read() -> None:
    both = ("P-Asserted-Identity", f'"Alice" <sip:alice@c>, <tel:{ALICE}>')
    assert caller(("From", "<sip:alice@c>"), both) == ALICE
    folded = ("P-Asserted-Identity", f'"Alice, A."\r\n <sip:alice@c>,\r\n\t<tel:{ALICE}>')
    assert caller(("From", "<sip:alice@c>"), folded) == ALICE
    forwarded = ("Diversion", f"<sip:desk@pbx>;reason=unconditional, <sip:{SHOP}@t>;reason=unknown")
    assert candidates(("To", OPENAI), forwarded) == [SHOP]


# --- which agent ------------------------------------------------------------------------------


def routed(*pairs: tuple[str, str], answers: tuple[str, ...] = (SHOP,), trunk: Trunk | None = None) -> str | None:
    return agents(*answers).route(parties.dialled(headers(*pairs), trunk or Trunk()))[1]


@pytest.mark.parametrize(
    "pairs",
    [
        [("Diversion", f"<sip:{ALICE}@c>;reason=no-answer"), ("To", f"<sip:{SHOP}@o>")],
        [("Diversion", f"<sip:{ALICE}@c>"), ("Diversion", f"<sip:{SHOP}@c>"), ("To", OPENAI)],
        [("To", f"<sip:{ALICE}@c>"), ("P-Called-Party-ID", f"<sip:{SHOP}@c>")],
        [
            ("To", OPENAI),
            ("History-Info", f"<sip:+4930123@c>;index=1, <sip:{SHOP}@c?Reason=SIP%3Bcause%3D302>;index=1.1"),
        ],
        [("To", "<sip:15815550100@c>")],
        [("To", "<sip:5815550100@c>")],
        [("To", "<sip:0115815550100@c>"), ("Diversion", "<sip:(581) 555-0100@c>")],
    ],
)
def test_the_first_candidate_that_an_agent_answers_wins(pairs: list[tuple[str, str]]) -> None:
    assert routed(*pairs) == SHOP


def test_of_two_that_are_answered_the_configured_order_decides() -> None:
    pairs = ("Diversion", f"<sip:{ALICE}@c>"), ("To", f"<sip:{SHOP}@c>")
    assert routed(*pairs, answers=(SHOP, ALICE)) == ALICE
    assert routed(*pairs, answers=(SHOP, ALICE), trunk=Trunk(("To", "Diversion"))) == SHOP


def test_default_answers_only_after_all_of_them() -> None:
    pairs = ("Diversion", f"<sip:{ALICE}@c>"), ("To", f"<sip:{SHOP}@c>")
    assert routed(*pairs, answers=("default", SHOP)) == SHOP
    assert routed(*pairs, answers=("default",)) == ALICE
    assert agents("+4930123456").route(parties.dialled(headers(*pairs), Trunk())) == (None, ALICE)


def test_where_from_is_anonymous_the_carriers_word_counts() -> None:
    anonymous = ("From", "<sip:anonymous@anonymous.invalid>")
    assert caller(anonymous, ("P-Asserted-Identity", f"<sip:{ALICE}@carrier>")) == ALICE
    assert caller(anonymous, ("P-Asserted-Identity", "<sip:x@y>"), ("p-asserted-identity", f"<tel:{ALICE}>")) == ALICE
    assert caller(anonymous, ("Remote-Party-ID", f'"A" <sip:{ALICE}@carrier>;party=calling;privacy=off')) == ALICE
    assert caller(("From", f"<sip:{ALICE}@a>"), ("P-Asserted-Identity", f"<sip:{SHOP}@a>")) == ALICE


def test_a_call_without_headers_has_neither() -> None:
    assert (caller(), dialled()) == (UNKNOWN, None)


@pytest.mark.parametrize("junk", [{}, {"name": "From"}, {"value": "x"}, {"name": None, "value": None}, {"name": "to"}])
def test_a_broken_header_is_passed_over(junk: dict[str, str]) -> None:
    assert parties.caller([junk, *headers(("From", f"<sip:{ALICE}@a>"))], Trunk()).name == ALICE


@given(st.lists(st.tuples(st.sampled_from(["From", "to", "Diversion", "P-Asserted-Identity"]), st.text())))
def test_no_header_ever_raises_and_what_comes_out_is_a_number(pairs: list[tuple[str, str]]) -> None:
    found = parties.caller(headers(*pairs), Trunk())
    assert found.name in (ANONYMOUS, UNKNOWN) or number(found.name) == found.name or len(found.name) <= 7
    for candidate in parties.dialled(headers(*pairs), Trunk(("X-Any", "Diversion", "To"))):
        assert candidate.e164 is None or number(candidate.e164) == candidate.e164


@given(st.text(alphabet='+0123456789 sip:tel<>";@?&=()-\\', max_size=60))
def test_nothing_made_of_a_headers_own_characters_raises(value: str) -> None:
    parties.caller(headers(("From", value)), Trunk(plain="US"))
    agents(SHOP, "default").route(parties.dialled(headers(("To", value)), Trunk(plain="E164")))


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
