"""What scripts, faults, settings and control requests have in common: no unknown field, no conversion, no change."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.emulator.errors import NO_CHARACTER, BadInput, half_a_pair, place, sentence

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def checked(model: type[Model], data: object, inside: str = "") -> Model:
    """`data` as this model; `BadInput` with one sentence that names the field, below `inside`, if it is wrong."""
    try:
        valid = model.model_validate(data)
    except ValidationError as error:
        raise BadInput(sentence(error, inside)[0]) from None
    if (where := half_a_pair(data)) is not None:
        field = place(((inside,) if inside else ()) + where)
        raise BadInput(f"{field} {NO_CHARACTER}")
    return valid
