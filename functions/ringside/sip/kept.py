"""The headers that the record keeps of every call, as they came: what could not be read can be looked at. Pure."""

import re
from collections.abc import Mapping, Sequence

from ringside.calls import ANONYMOUS
from ringside.sip import attestation, parties, privacy
from ringside.sip.headers import addresses
from ringside.sip.trunk import Trunk

LONGEST = 300
"""Characters of a value."""

MOST = 2000
"""Characters of all of them: each write onto the call item costs by its size."""

_NUMBER = re.compile(r"\+?[0-9]{7,15}", re.ASCII)
_ALWAYS = (*parties.CALLER_IN, "To", "Diversion", "History-Info", "Privacy")


def kept(
    headers: Sequence[Mapping[str, str]], caller: parties.Caller, dialled: str | None, trunk: Trunk
) -> list[dict[str, str]]:
    """The rows that say who calls whom, each `{"name", "value"}`, cut where they are long; of a withheld caller nothing
    that tells who it is, unless the stack keeps that."""
    wanted = {
        name.casefold() for name in (*_ALWAYS, *trunk.dialled_in, *attestation.OWN_HEADERS, *attestation.INDICATORS)
    }
    rows, room = [], MOST
    for row in headers if trunk.keep_withheld else shown(headers, caller, dialled):
        name, value = row["name"], row["value"][:LONGEST]
        if not (name.casefold() in wanted or _may_name_a_party(name, value)) or len(name) + len(value) > room:
            continue
        room -= len(name) + len(value)
        rows.append({"name": name, "value": value})
    return rows


def shown(headers: Sequence[Mapping[str, str]], caller: parties.Caller, dialled: str | None) -> list[dict[str, str]]:
    """The headers as the model, tools and whoever reads the record may see them."""
    rows = [dict(row) for row in headers]
    if caller.name == ANONYMOUS:
        rows = privacy.without_identity(rows, caller.withheld)
    for row in rows:
        # Who forwarded the call may wish not to be known either (RFC 5806); our own number is no secret.
        if row["name"].casefold() == "diversion" and privacy.is_kept_secret(row["value"]):
            row["value"] = dialled or ANONYMOUS
    return rows


def _may_name_a_party(name: str, value: str) -> bool:
    """Whether a header of the carrier's own has a number: the dialled one may be there, and nobody looks for it yet."""
    if not name.casefold().startswith("x-"):
        return False
    return any(_NUMBER.fullmatch(address.uri.user) for address in addresses(value))
