"""What can be redacted, and what then stands in its place. Pure."""

from collections.abc import Mapping
from typing import Literal

Kind = Literal["cards", "ibans", "ids", "phones", "emails", "digits"]
"""`digits`: any four digits in a row or more, whatever they are."""

TOKENS: Mapping[Kind, str] = {
    "cards": "[CARD]",
    "ibans": "[IBAN]",
    "ids": "[ID]",
    "phones": "[PHONE]",
    "emails": "[EMAIL]",
    "digits": "[DIGITS]",
}
