"""What a REFER may name, by the grammar."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringside.sip.refer import target


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("tel:+14255550100", "tel:+14255550100"),
        ("TEL:+1-425-555-0100", "tel:+14255550100"),
        ("tel:+1(425)555.0100;ext=12", "tel:+14255550100;ext=12"),
        ("tel:+14255550100;isub=1;cpc=%41", "tel:+14255550100;isub=1;cpc=%41"),
        ("sip:desk@example.com", "sip:desk@example.com"),
        ("SIP:desk@pbx.example", "sip:desk@pbx.example"),
        (
            "sips:desk:secret@pbx_1.example.:5061;transport=tls;lr",
            "sips:desk:secret@pbx_1.example.:5061;transport=tls;lr",
        ),
        ("sip:1001@192.0.2.1", "sip:1001@192.0.2.1"),
        ("sip:1001@[2001:db8::1]:5060", "sip:1001@[2001:db8::1]:5060"),
        ("sip:example.com?X-Reason=busy%20now", "sip:example.com?X-Reason=busy%20now"),
        ("sip:+14255550100;ext=7@gw.example;user=phone", "sip:+14255550100;ext=7@gw.example;user=phone"),
    ],
)
def test_a_target_is_taken_in_any_form_that_the_grammar_has(given: str, sent: str) -> None:
    assert target(given) == sent


@pytest.mark.parametrize(
    "given",
    [
        "sip:1001",
        "sip:@@@",
        "sip:",
        "sip:desk@",
        "sip:@example.com",
        "sip:desk@1.2.3",
        "sip:desk@999.1.1.1",
        "sip:desk@-x.example",
        "sip:a b@example.com",
        'sip:"a"@example.com',
        "sip:desk@example.com>",
        "tel:4255550100",
        "tel:+",
        "tel:+1",
        "tel:+12345678901234567",
        "tel:+14255550100;ext=1 2",
        "+14255550100",
        "https://example.com",
        "sip:" + "a" * 300 + "@example.com",
        "",
    ],
)
def test_what_no_call_can_be_sent_to_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"^neither a number "):
        target(given)


@given(st.text("sip:tel+1@.;=?&%a-_[](),/ ", max_size=300))
def test_nothing_takes_long_and_what_is_taken_is_stable(text: str) -> None:
    started = time.process_time()
    for uri in (text, f"sip:{text}", f"tel:+{text}"):
        with suppress(ValueError):
            assert target(target(uri)) == target(uri)
    assert time.process_time() - started < 0.2
