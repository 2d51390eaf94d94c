"""What the carrier found out about the caller's number, in the words of several carriers."""

import pytest

from ringside.sip.attestation import attested

PAI = "P-Asserted-Identity"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "none"),
        ([("X-Twilio-VerStat", "TN-Validation-Passed-A")], "A"),
        ([("x-twilio-verstat", "TN-Validation-Passed-B-Diverted")], "B"),
        ([("X-Twilio-VerStat", "TN-Validation-Passed-C-Passthrough")], "C"),
        ([("X-Twilio-VerStat", "TN-Validation-Failed-A")], "failed"),
        ([("X-Twilio-VerStat", "No-TN-Validation")], "none"),
        ([("X-Twilio-VerStat", "NULL")], "none"),
        ([(PAI, "<sip:+1@h;verstat=TN-Validation-Passed>")], "A"),  # Telnyx
        ([(PAI, "<sip:+1@h;verstat=TN-Validation-Passed-C>")], "C"),
        ([(PAI, "<sip:+1@h>;verstat=TN-Validation-Failed")], "failed"),
        ([(PAI, "<sip:+1;verstat=TN-Validation-Passed@h>"), ("P-Attestation-Indicator", "B;")], "B"),  # Bandwidth
        ([(PAI, "<sip:a@h>, <tel:+1;verstat=TN-Validation-Passed-B>")], "B"),
        ([("From", "<sip:+1@h>;verstat=No-TN-Validation"), ("P-Attestation-Indicator", "A")], "none"),
        ([("P-Attestation-Indicator", "a")], "A"),
        ([("P-Attestation-Indicator", "AB")], "none"),
        ([("X-Twilio-VerStat", "TN-Validation-Passed-A"), (PAI, "<tel:+1;verstat=TN-Validation-Failed>")], "failed"),
        ([("X-Twilio-VerStat", "TN-Validation-Passed-Z9")], "none"),
        ([("Identity", "eyJhbGciOiJFUzI1NiJ9..sig;info=<https://c.example/x>;alg=ES256")], "none"),
    ],
)
def test_the_result_is_read_and_the_worst_of_several_counts(rows: list[tuple[str, str]], expected: str) -> None:
    assert attested([{"name": name, "value": value} for name, value in rows]) == expected
