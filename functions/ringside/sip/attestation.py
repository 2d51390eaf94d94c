"""What the carrier found out about the caller's number: STIR/SHAKEN, as headers carry its result. Pure.

    TN-Validation-Passed-A (-B, -C)   `verstat` in P-Asserted-Identity or From (3GPP TS 24.229 section 7.2A.20),
                                      X-Twilio-VerStat, which may go on: `-Passthrough`, `-Diverted`
    TN-Validation-Passed              Telnyx: attested A; Bandwidth: P-Attestation-Indicator says how
    TN-Validation-Failed              the signature is not good, or not over this number
    No-TN-Validation                  there was none

The token itself (`Identity`, RFC 8224) is not verified here: that is the carrier's work. Who can reach OpenAI's SIP
address without the carrier can write these headers, too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from ringside.sip.headers import addresses, values

Attested = Literal["A", "B", "C", "failed", "none"]
"""A: the carrier knows its customer, and that the number is theirs. B: it knows the customer. C: it knows where the
call entered its network (ATIS-1000074). none: nobody says anything."""

OWN_HEADERS = ("X-Twilio-VerStat", "X-VerStat", "VerStat")
"""Headers whose whole value is a `verstat`."""

INDICATORS = ("P-Attestation-Indicator", "Attestation-Info", "X-Attestation")
"""Headers whose whole value is a level, next to a `verstat` or alone."""

_PASSED = re.compile(r"tn-validation-passed(?:-([abc]))?(?:-[a-z-]*)?")


_WORST_FIRST: tuple[Attested, ...] = ("failed", "none", "C", "B", "A")


def attested(headers: Sequence[Mapping[str, str]]) -> Attested:
    """What is known of the caller's number. Where headers differ, the worst counts."""
    levels = list(_indicated(headers))
    results: list[Attested] = list(levels)
    for verstat in _verstats(headers):
        passed = _PASSED.fullmatch(verstat)
        if passed and passed[1]:
            results += [level for level in _WORST_FIRST if level == passed[1].upper()]
        elif passed:
            results += levels or ["A"]
        else:
            results.append("failed" if verstat.startswith("tn-validation-failed") else "none")
    return min(results, key=_WORST_FIRST.index, default="none")


def _verstats(headers: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for name in ("P-Asserted-Identity", "From"):
        for value in values(headers, name):
            for address in addresses(value):
                for holder in (address.parameters, address.uri.parameters):
                    if "verstat" in holder:
                        yield holder["verstat"].strip().casefold()
    for name in OWN_HEADERS:
        for value in values(headers, name):
            yield value.strip().casefold()


def _indicated(headers: Sequence[Mapping[str, str]]) -> Iterator[Attested]:
    for name in INDICATORS:
        for value in values(headers, name):
            level = value.strip(' ;"').upper()
            yield from (known for known in _WORST_FIRST if known == level and level in "ABC")
