"""All that an INVITE's headers say of a call, in one value: for the decision, the record and the model. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringside.sip import kept, parties
from ringside.sip.attestation import Attested, attested
from ringside.sip.trunk import Trunk


@dataclass(frozen=True)
class Invite:
    """Who calls whom, and what may be shown of the headers. `rows`: those that the record keeps."""

    caller: parties.Caller
    dialled: str | None
    attested: Attested
    headers: Sequence[Mapping[str, str]]
    rows: Sequence[Mapping[str, str]]
    withheld: str = ""  # the number of an anonymous caller, where the stack keeps it

    def as_item(self) -> dict[str, Any]:
        """Its part of the call item (docs/design.md, "The record"); what is not known is left out."""
        facts = {
            "caller_shown": self.caller.shown,
            "caller_extension": self.caller.extension,
            "withheld_caller": self.withheld,
        }
        return {
            "caller": self.caller.name,
            "dialled": self.dialled,
            "attested": self.attested,
            "sip_headers": [dict(row) for row in self.rows],
            **{name: fact for name, fact in facts.items() if fact},
        }

    def values_of(self, names: Collection[str]) -> dict[str, str]:
        """The values of these headers by name; several rows are one list (RFC 3261 section 7.3.1)."""
        wanted, found = {name.casefold() for name in names}, dict[str, list[str]]()
        for row in self.headers:
            if (name := row["name"].casefold()) in wanted:
                found.setdefault(name, []).append(row["value"])
        return {name: ", ".join(values) for name, values in found.items()}


def read(
    headers: Sequence[Mapping[str, str]], trunk: Trunk, dialled: str | None, placeholders: Collection[str] = ()
) -> Invite:
    """Read the headers of a call to this number. `placeholders`: of the agent that answers it."""
    caller = parties.caller(headers, trunk, placeholders)
    return Invite(
        caller,
        dialled,
        attested(headers),
        kept.shown(headers, caller, dialled),
        kept.kept(headers, caller, dialled, trunk),
        caller.withheld if trunk.keep_withheld else "",
    )
