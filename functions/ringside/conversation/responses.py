"""One response at a time: which one is being generated, which was asked for, which are wanted next. Pure.

The session refuses a second response while one is active (`conversation_already_has_active_response`), and its own
voice detection begins responses too. So a request of ours may be refused, overtaken, or never be answered at all.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ringside.conversation import events as e
from ringside.conversation import snapshot
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.effects import Greet, Send
from ringside.conversation.rate_limits import RateLimits, is_rate_limit
from ringside.conversation.timers import Timers
from ringside.conversation.unanswered import Unanswered

ASKED_SECONDS = 10.0
"""How long a response that was asked for may take to begin; then it is taken for one that never will."""

REFUSED_SECONDS = 1.0
"""How long to wait before asking again, when the response that stood in the way is not known."""


class Purpose(StrEnum):
    """What a response is for. The instructions of each are the behaviour's."""

    ANSWER = "answer"  # to go on, without instructions of its own
    APOLOGY = "apology"  # an answer that was long in coming
    GREETING = "greeting"
    SILENCE = "silence"
    WAITING = "waiting"
    FAREWELL = "farewell"
    OPERATOR = "operator"  # what an operator wants said: each has its own instructions


ANSWERS = frozenset({Purpose.ANSWER, Purpose.APOLOGY})

ON_HOLD = frozenset({Purpose.OPERATOR, Purpose.FAREWELL})
"""What is said although the agent is on hold."""


@dataclass(slots=True)
class Request:
    """A response that we ask for; `covers` is what it is to answer: outputs of tools, keys pressed, approvals.

    `for_action`: the entry of the operator's action that wants it, whose `instructions` it has.
    """

    purpose: Purpose
    ref: str
    covers: set[str] = field(default_factory=set)
    for_action: str | None = None
    instructions: str | None = None


class Responses:
    """`asked` and `pause` are its timers. `owner`: requests of different owners have different names.

    One class, since what is active, asked for and wanted decide one another: every event moves a request from one to
    the next, and each way back is a refusal that all three have to know of.
    """

    def __init__(self, behaviour: Behaviour, timers: Timers, unanswered: Unanswered, owner: int) -> None:
        self._instructions: dict[Purpose, str | None] = {
            Purpose.ANSWER: None,
            Purpose.APOLOGY: behaviour.apology_instructions,
            Purpose.GREETING: behaviour.greeting,
            Purpose.SILENCE: behaviour.silence_instructions,
            Purpose.WAITING: behaviour.waiting_instructions,
            Purpose.FAREWELL: behaviour.farewell_instructions,
        }
        self._timers = timers
        self._unanswered = unanswered
        self._owner = owner
        self._refs = 0
        self.active: str | None = None  # the response being generated
        self.is_pending = False  # whether one was asked for that has not begun
        self._purpose = Purpose.ANSWER  # of the response being generated, as far as we know
        self._asked: Request | None = None  # the last that was asked for: it may still be refused
        self._current: Request | None = None  # what the response being generated was asked for with, if we know
        self._wanted: list[Request] = []
        self._names_requests = False  # whether the session tells which of its responses is ours
        self._retried = False
        self.limits = RateLimits()

    # --- ours ---

    @property
    def is_idle(self) -> bool:
        return self.active is None and not self.is_pending

    @property
    def may_ask(self) -> bool:
        return self.is_idle and not self._timers.is_set("pause")

    @property
    def is_held_up(self) -> bool:
        """Whether something is to be said, and OpenAI's rate limits do not let us yet."""
        return self.limits.is_hit and (bool(self._unanswered) or bool(self._wanted))

    def awaits(self, purpose: Purpose) -> bool:
        """Whether such a response is wanted, or asked for and not begun."""
        asked = self.is_pending and self._asked is not None and self._asked.purpose is purpose
        return asked or any(request.purpose is purpose for request in self._wanted)

    def want(self, purpose: Purpose, *, first: bool = False) -> None:
        """Ask for such a response as soon as that may be."""
        request = self._request(purpose)
        if first:
            self._wanted.insert(0, request)
        else:
            self._wanted.append(request)

    def want_for_action(self, item_id: str, instructions: str, *, first: bool = False) -> None:
        """Ask for what an operator wants said."""
        self.want(Purpose.OPERATOR, first=first)
        request = self._wanted[0 if first else -1]
        request.for_action, request.instructions = item_id, instructions

    @property
    def pending_action(self) -> tuple[str, str] | None:
        """The entry of the action, and its instructions, for which a response was asked that has not begun."""
        return _action_of(self._asked) if self.is_pending else None

    @property
    def active_action(self) -> tuple[str, str] | None:
        """The same, of the response that is being generated."""
        return _action_of(self._current) if self.active is not None else None

    def drop(self, purpose: Purpose) -> None:
        self._wanted = [request for request in self._wanted if request.purpose is not purpose]

    def drop_all(self) -> None:
        self._wanted.clear()

    def greet(self) -> Greet:
        """Ask for the greeting. Its time begins with `claimed`."""
        self._asked, self.is_pending = self._request(Purpose.GREETING), True
        return Greet(self._command(self._asked))

    def claimed(self, now: float) -> None:
        if self.is_pending:
            self._timers.set("asked", now + ASKED_SECONDS)

    def next(self, now: float, *, on_hold: bool = False) -> Send | None:
        """Ask for what is wanted, if anything is. The rest waits while the agent is on hold."""
        for request in self._wanted:
            if not on_hold or request.purpose in ON_HOLD:
                self._wanted.remove(request)
                return self._ask(request, now)
        return None

    def answer(self, now: float) -> Send:
        """Ask for a response to what is unanswered."""
        purpose = Purpose.APOLOGY if self.limits.calls_for_apology else Purpose.ANSWER
        return self._ask(self._request(purpose), now)

    def _ask(self, request: Request, now: float) -> Send:
        request.covers = self._unanswered.all()
        self._asked, self.is_pending = request, True
        self._timers.set("asked", now + ASKED_SECONDS)
        return Send(self._command(request))

    def _request(self, purpose: Purpose) -> Request:
        self._refs += 1
        return Request(purpose, f"ringside_{self._owner}_{self._refs}")

    def _command(self, request: Request) -> e.Respond:
        return e.Respond(self._instructions.get(request.purpose, request.instructions), request.ref)

    # --- the session's ---

    def begun(self, event: e.ResponseStarted) -> Purpose:
        """Returns what the response is for, as far as we know."""
        self.active, self._purpose, self._current = event.response_id, Purpose.ANSWER, None
        seen = self._unanswered.answered_by_any()
        if self._asked is None:
            return self._purpose
        self._asked.covers -= seen
        # A session that names our requests in its responses leaves no doubt whose this is; others do.
        ours = event.ref == self._asked.ref
        self._names_requests = self._names_requests or ours
        if self.is_pending and (ours or not self._names_requests):
            self.is_pending = False
            self._purpose, self._current = self._asked.purpose, self._asked
            self._timers.cancel("asked")
            self._unanswered.drop(self._asked.covers)
        return self._purpose

    def ended(self, event: e.ResponseEnded, now: float) -> Purpose | None:
        """Returns the purpose of the response, if it failed and is to be asked for again."""
        if event.response_id == self.active:
            self.active = self._current = None
        self._timers.cancel("pause")
        if event.status != "failed":
            self._retried = False
            self.limits.passed()
            return None
        if is_rate_limit(event.error_code):
            if not self._hold_up(event.retry_after, now) or self._purpose is Purpose.WAITING:
                return None
        else:
            self.limits.passed()
            if self._retried:  # once: a second failure in a row is no accident
                return None
            self._retried = True
        if self._purpose in ANSWERS:
            self._unanswered.seen(event.response_id)
            self._unanswered.add(event.response_id)
            return None
        return self._purpose

    def _hold_up(self, retry_after: float | None, now: float) -> bool:
        """A rate limit was hit: ask for nothing for a while. Returns whether to try again then."""
        pause = self.limits.failed(retry_after, now)
        if pause is not None:
            self._timers.set("pause", now + pause)
        return pause is not None

    def refused(self, event: e.SessionError, now: float) -> Purpose | None:
        """An error that may be about our request. Returns its purpose, if it is to be made again."""
        if self._asked is None or event.ref != self._asked.ref:
            return None
        asked, self._asked, self.is_pending = self._asked, None, False
        self._timers.cancel("asked")
        if is_rate_limit(event.code):
            if not self._hold_up(event.retry_after, now):
                self._unanswered.drop(asked.covers)
                return None
            self._unanswered.again(asked.covers)
            if asked.purpose in (Purpose.GREETING, Purpose.SILENCE):
                self.want(asked.purpose)
            return asked.purpose
        busy = event.code == "conversation_already_has_active_response"
        if self._retried and not busy:
            self._unanswered.drop(asked.covers)
            return None
        # Somebody was faster, mostly the session's own voice detection: ask again when that response has ended.
        self._retried = self._retried or not busy
        self._unanswered.again(asked.covers)
        if self.active is None:  # when that is, we cannot know
            self._timers.set("pause", now + REFUSED_SECONDS)
        return asked.purpose

    def never_began(self) -> None:
        """The time for it to begin is up, or it is no longer waited for."""
        self.is_pending = False

    def lost(self) -> Purpose | None:
        """After a gap: what became of the responses is not known. Returns the purpose of one that was pending."""
        asked = self._asked if self.is_pending else None
        self.active, self._asked, self._current, self.is_pending = None, None, None, False
        self._timers.cancel("asked")
        if asked is not None:
            self._unanswered.again(asked.covers)
        return asked.purpose if asked is not None else None

    # --- handed over ---

    def snapshot(self) -> dict[str, Any]:
        asked = self._asked
        return {
            "active": self.active,
            "purpose": self._purpose.value,
            "is_pending": self.is_pending,
            "asked": None if asked is None else [asked.purpose.value, asked.ref, sorted(asked.covers)],
            "wanted": [list(_action_of(request) or (request.purpose.value,)) for request in self._wanted],
            "for_actions": {
                "asked": list(_action_of(asked) or ()),
                "current": list(_action_of(self._current) or ()),
            },
            "names_requests": self._names_requests,
            "retried": self._retried,
            "limits": self.limits.snapshot(),
        }

    def restore(self, value: object, now: float) -> None:
        given = snapshot.mapping(value)
        self.active = snapshot.text(given.get("active"))
        self._purpose = _purpose(given.get("purpose")) or Purpose.ANSWER
        for wanted in snapshot.sequence(given.get("wanted")):
            match wanted:
                case [str(item_id), str(instructions)]:
                    self.want_for_action(item_id, instructions)
                case [value] if (purpose := _purpose(value)) not in (None, Purpose.OPERATOR):
                    self.want(purpose)
        for_actions = snapshot.mapping(given.get("for_actions"))
        self._names_requests, self._retried = given.get("names_requests") is True, given.get("retried") is True
        self.limits.restore(given.get("limits"))
        match given.get("asked"):
            case [purpose, str(ref), list(covers)] if (known := _purpose(purpose)) is not None:
                self._asked = Request(known, ref, set(snapshot.texts(covers)))
                self.is_pending = given.get("is_pending") is True
                _restore_action(self._asked, for_actions.get("asked"))
        if self.active is not None:
            self._current = Request(self._purpose, "")
            _restore_action(self._current, for_actions.get("current"))
        if self.is_pending:
            self._timers.set_once("asked", now + ASKED_SECONDS)


def _action_of(request: Request | None) -> tuple[str, str] | None:
    if request is None or request.for_action is None or request.instructions is None:
        return None
    return request.for_action, request.instructions


def _restore_action(request: Request, value: object) -> None:
    match value:
        case [str(item_id), str(instructions)]:
            request.for_action, request.instructions = item_id, instructions


def _purpose(value: object) -> Purpose | None:
    return next((purpose for purpose in Purpose if purpose.value == value), None)
