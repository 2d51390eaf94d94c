"""What the stack's settings say of the trunk: where it writes the dialled number, and what its digits mean. Pure."""

from dataclasses import dataclass

DIALLED_IN = ("Diversion", "To", "P-Called-Party-ID", "History-Info")
"""Where the dialled number may be. A Twilio trunk writes OpenAI's project id into `To`, the number into `Diversion`."""


@dataclass(frozen=True)
class Trunk:
    """How the carrier's headers are to be read.

    `dialled_in`: the headers that may name the dialled number, in this order. `plain`: what digits without a plus
    sign mean: a country's numbers (ISO 3166), "E164" without its plus, or nothing that could be known (empty).
    `keep_withheld`: a withheld number is kept in the record, and nowhere else.
    """

    dialled_in: tuple[str, ...] = DIALLED_IN
    plain: str = ""
    keep_withheld: bool = False
