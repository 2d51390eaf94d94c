"""What holds for the whole emulator: set on the command line, changed by POST /_emulator/settings."""

from typing import Any, Literal

from pydantic import Field

from infra.emulator.errors import BadInput
from infra.emulator.faults import CloseCodes, Rest
from infra.emulator.strict_model import Strict, checked


class RestFaults(Strict):
    """Faults of an endpoint on every call that has none of its own."""

    accept: Rest | None = None
    reject: Rest | None = None
    refer: Rest | None = None
    hangup: Rest | None = None


class TextAnswer(Strict):
    """What `POST /v1/responses` answers, or how it fails: the first entry whose `when` is in the request."""

    when: str = ""  # a text of the instructions or the input
    times: int | None = Field(default=None, ge=1)
    answer: Any = ""  # a text, or a value that is sent as JSON
    refusal: str | None = None
    incomplete: bool | Literal["max_output_tokens", "content_filter"] = False
    failed: str | None = None  # 200, with the status `failed` and this code
    status: int | None = Field(default=None, ge=400, le=599)
    retry_after: float | None = Field(default=None, ge=0)  # with `status`, a header: seconds
    hang: bool = False
    delay_s: float = Field(default=0.0, ge=0)


class Settings(Strict):
    # Where webhooks go, instead of where the command line says; a request that names another goes there.
    webhook_url: str | None = None
    pace: float = Field(default=1.0, ge=0.001)
    # How long a call may ring is not documented; a late accept ends in SIP 400 (facts 2.2).
    ring_limit_s: float = Field(default=30.0, gt=0)
    # "The maximum duration of a Realtime session is 60 minutes" (facts 3.5). Seconds on the clock, not scaled.
    expires_s: float = Field(default=3600.0, gt=0)
    # Several sidebands on one call are not documented (facts 3.2): null is no limit, 1 refuses the second.
    max_attachments: int | None = Field(default=None, ge=1)
    attach_refusal_status: int = Field(default=409, ge=400, le=599)
    # 404s were seen to take about 5 s (facts 2.2).
    not_found_delay_s: float = Field(default=0.0, ge=0)
    # `decision_already_made` is documented for Live without its HTTP status (facts 2.2).
    conflict_status: int = Field(default=409, ge=400, le=499)
    # 200 by the guide, 204 seen by one user (facts 2).
    accept_status: int = Field(default=200, ge=200, le=299)
    # A malformed accept is refused, or answered 200 with a session that dies (facts 2.2).
    bad_accept: Literal["400", "200-but-dead"] = "400"
    # Whether audio crosses the sideband of a SIP call is unknown; production logs show none (facts 3.3).
    audio_deltas: bool = False
    obfuscation: bool = True
    # Whether every socket gets session.created is unknown (facts 3.1).
    session_created: bool = True
    close_codes: CloseCodes = CloseCodes()
    rest_faults: RestFaults = RestFaults()
    # What the text model of /v1/responses says; none: the smallest value of the schema that is asked for.
    responses: list[TextAnswer] = Field(default_factory=list)
    # What the model says in sessions without a call: a script or its name. Without one the stand-in speaks.
    session_script: str | dict[str, Any] | None = None
    # Calls that are over; a call costs some 56 KB, and whoever runs the emulator for days looks at none of last week's.
    kept_calls: int = Field(default=500, ge=0)

    def changed(self, data: object) -> "Settings":
        """These settings with some fields replaced; `BadInput` when one is wrong."""
        if not isinstance(data, dict):
            raise BadInput("The body must be an object.")
        return checked(Settings, {**self.model_dump(), **data})
