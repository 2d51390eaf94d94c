"""What can happen on a call, and what we can say to its session, in our own words. Pure.

The conversation core speaks only this language. `realtime` translates it from and to OpenAI's
Realtime events; another contract (OpenAI's Live API) would bring a translator of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["caller", "agent"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and seconds that one event reported; the parts add up, and sums of them do too.

    `cached_*` are parts of `input_*`. `unsplit` counts tokens reported without their modality:
    they cannot be priced.
    """

    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    cached_image: int = 0
    output_text: int = 0
    output_audio: int = 0
    unsplit: int = 0
    transcription_seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


# --- what happens -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionStarted:
    expires_at: float | None  # Unix seconds


@dataclass(frozen=True, slots=True)
class CallerStarted:
    """The caller began to speak; the item this will become is already known."""

    item_id: str


@dataclass(frozen=True, slots=True)
class CallerStopped:
    item_id: str


@dataclass(frozen=True, slots=True)
class ItemAdded:
    """An item has its place in the conversation. `previous_id` None: it is the first, or the session does not say."""

    item_id: str
    previous_id: str | None
    kind: Literal["caller", "agent", "tool_call", "tool_output", "approval", "other"]
    tool_call_id: str | None = None  # approval: the item that asked for it
    text: str | None = None


@dataclass(frozen=True, slots=True)
class CallerWords:
    item_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class CallerTranscript:
    item_id: str
    text: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class CallerTranscriptFailed:
    item_id: str
    why: str


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    response_id: str
    ref: str | None = None  # our request that it answers, where the session tells


@dataclass(frozen=True, slots=True)
class AgentWords:
    item_id: str
    response_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class AgentTranscript:
    item_id: str
    response_id: str
    text: str
    part: int = 0  # of the item's content: a long answer may come in several


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model calls a tool. `tool_call_id` is the natural id; the event may come twice."""

    item_id: str
    response_id: str
    tool_call_id: str
    name: str
    arguments: str  # JSON as the model wrote it: untrusted


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    response_id: str
    status: str  # completed | cancelled | incomplete | failed
    reason: str | None
    error_code: str | None
    usage: Usage
    tool_calls: tuple[ToolCalled, ...] = ()
    said: tuple[AgentTranscript, ...] = ()  # known already, unless it was said in a gap
    items: tuple[str, ...] = ()  # the ids of all that it made, in order
    retry_after: float | None = None  # seconds, where the error says when to try again


@dataclass(frozen=True, slots=True)
class RateLimitsUpdated:
    """What is left of the limits, as a response begins: seconds until each is reset, by its name."""

    resets: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    response_id: str


@dataclass(frozen=True, slots=True)
class PlaybackStopped:
    response_id: str


@dataclass(frozen=True, slots=True)
class PlaybackCleared:
    response_id: str


@dataclass(frozen=True, slots=True)
class AgentCutOff:
    """The caller heard only so much of the agent's item."""

    item_id: str
    heard_ms: int


@dataclass(frozen=True, slots=True)
class DigitPressed:
    digit: str


@dataclass(frozen=True, slots=True)
class ItemRetrieved:
    """The answer to `RetrieveItem`: `text` is None where the session has no transcript."""

    item_id: str
    role: Role | None  # None: not something that was said
    text: str | None
    tool_call: ToolCalled | None = None


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """An MCP server's tool wants to run, and waits for a yes or a no."""

    item_id: str
    server: str
    tool: str


@dataclass(frozen=True, slots=True)
class RemoteToolCalled:
    """An MCP tool ran on OpenAI's side; only its outcome reaches us."""

    item_id: str
    server: str
    name: str
    arguments: str
    output: str | None
    failed: bool


@dataclass(frozen=True, slots=True)
class SessionError:
    """Most errors are survivable (guide, Realtime: error events); `ref` names our command, if any."""

    code: str
    message: str
    ref: str | None = None
    retry_after: float | None = None  # seconds


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """Comes from our own side: a tool has run. `output` is what the model gets."""

    tool_call_id: str
    outcome: Literal["ok", "error", "timeout", "refused", "unknown"]
    output: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ReferAnswered:
    """Comes from our own side: OpenAI took the transfer, or did not. Whether it worked is not reported."""

    tool_call_id: str
    accepted: bool
    detail: str = ""


ActionKind = Literal["say", "instruct", "transfer", "hang_up", "hold", "resume"]


@dataclass(frozen=True, slots=True)
class ActionAsked:
    """Comes from our own side: an operator wants something done on the call.

    `text`: the words of `say` and `instruct`, the target of `transfer`. `silent`: `instruct` is not answered, `hang_up`
    says no goodbye. `uri`: where a transfer to a number of the operator's own choice goes. `is_first`: no owner has
    claimed it before. `asked_at` in Unix seconds.
    """

    action_id: str
    action: ActionKind
    by: str
    asked_at: float
    text: str = ""
    silent: bool = False
    uri: str | None = None
    is_first: bool = True


Event = (
    SessionStarted
    | CallerStarted
    | CallerStopped
    | ItemAdded
    | CallerWords
    | CallerTranscript
    | CallerTranscriptFailed
    | ResponseStarted
    | AgentWords
    | AgentTranscript
    | ToolCalled
    | ResponseEnded
    | RateLimitsUpdated
    | PlaybackStarted
    | PlaybackStopped
    | PlaybackCleared
    | AgentCutOff
    | DigitPressed
    | ItemRetrieved
    | ApprovalAsked
    | RemoteToolCalled
    | SessionError
    | ToolFinished
    | ReferAnswered
    | ActionAsked
)


# --- what we can say --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Respond:
    """Let the model speak, optionally with instructions for this response alone.

    `ref` names the request, for the error that may refuse it and the response that it becomes.
    """

    instructions: str | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class TellOutput:
    tool_call_id: str
    output: str


@dataclass(frozen=True, slots=True)
class TellFact:
    """A system message for the model, such as the keys that the caller pressed."""

    text: str
    item_id: str | None = None  # an id of our own (32 characters at most), to know it by when it was added


@dataclass(frozen=True, slots=True)
class DetectTurns:
    """How the session is to find out that the caller has finished, and whether it then answers by itself: the fields
    of an agent file's `turn_detection`."""

    detection: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RetrieveItem:
    item_id: str


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Take an item out of the conversation."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Approve:
    item_id: str
    approve: bool


Command = Respond | TellOutput | TellFact | DetectTurns | RetrieveItem | DeleteItem | Approve


@dataclass(frozen=True, slots=True)
class Skipped:
    """A frame that is not news: known and uninteresting, unknown, or broken."""

    why: Literal["ignored", "unknown", "malformed"]
    type: str = field(default="")
