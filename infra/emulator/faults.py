"""Everything that can go wrong on OpenAI's side of one call, as data.

Each fault is a behaviour that was reported or is documented (facts 2.2, 2.3, 3.1, 3.5, 8);
README.md lists them with their sources.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from infra.emulator.scripts.lines import Transcription
from infra.emulator.strict_model import Strict, checked


class Retry(Strict):
    """OpenAI documents neither its timeout nor its first waits (facts 1.3), so both are settings."""

    timeout_s: float = Field(default=5.0, gt=0)
    backoff: list[Annotated[float, Field(ge=0)]] = Field(default_factory=lambda: [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])


class WebhookFaults(Strict):
    delay_s: float = Field(default=0.0, ge=0)
    duplicates: int = Field(default=0, ge=0, le=1000)
    reorder: bool = False
    bad_signature: bool = False
    two_signatures: bool = False
    timestamp_offset_s: int = 0
    created_at_offset_s: int = 0
    drop_first: int = Field(default=0, ge=0)
    twin: bool = False
    sip_media_security: str | None = None
    retry: Retry = Retry()


class RestFault(Strict):
    """How one endpoint misbehaves.

    `effect` says whether the request still does its work behind an error or a silence,
    as when an answer is lost on its way.
    """

    status: int | None = Field(default=None, ge=200, le=599)
    delay_s: float = Field(default=0.0, ge=0)
    times: int | None = Field(default=None, ge=1)
    hang: bool = False
    effect: bool = False
    body: Literal["200-but-dead", "no-effect"] | None = None


def _shorthand(value: Any) -> Any:
    """`refer: no-effect` and `refer: "500"` are short for their objects."""
    if isinstance(value, str):
        return {"status": int(value)} if value.isdigit() else {"body": value}
    return {"status": value} if isinstance(value, int) and not isinstance(value, bool) else value


Rest = Annotated[RestFault, BeforeValidator(_shorthand)]


class Refuse(Strict):
    times: int | None = Field(default=None, ge=1)
    status: int = Field(default=404, ge=400, le=599)
    delay_s: float = Field(default=0.0, ge=0)


class CloseAfter(Strict):
    after_events: int = Field(ge=0)
    code: int | Literal["abrupt"] = "abrupt"
    times: int | None = Field(default=1, ge=1)


class SidebandFaults(Strict):
    refuse: Refuse | None = None
    close: CloseAfter | None = None
    slow_frames_ms: float = Field(default=0.0, ge=0)
    never_close: bool = False
    no_session_created: bool = False


class CloseCodes(Strict):
    """The close code per cause is not documented (facts 3.5); null closes without a frame.

    The caller's hang-up closes without one in OpenAI's own example; 1001 at expiry was reported.
    """

    caller: int | None = None
    hangup: int | None = 1000
    refer: int | None = 1000
    expired: int | None = 1001


class Faults(Strict):
    webhook: WebhookFaults = WebhookFaults()
    accept: Rest | None = None
    reject: Rest | None = None
    refer: Rest | None = None
    refer_to: dict[str, Rest] = Field(default_factory=dict)  # by `target_uri`, where targets turn out differently
    hangup: Rest | None = None
    sideband: SidebandFaults = SidebandFaults()
    transcription: Transcription | None = None
    gone_before_accept: bool | Literal["ghost"] = False
    expires_s: float | None = Field(default=None, gt=0)
    ring_limit_s: float | None = Field(default=None, gt=0)
    close_codes: CloseCodes | None = None
    pace: float | None = Field(default=None, ge=0.001)


def parse(data: object) -> Faults:
    return checked(Faults, data, "faults")
