"""The base of everything that users write in an agent file: an unknown field is a mistake, not a wish. Pure."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Immutable, without unknown fields; text is stripped of white space around it."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
