"""Sessions of OpenAI's, made up by Hypothesis: what happens in a call, whatever we do about it.

A session is a list of steps: an event, seconds that pass, or something that depends on the talk so far.
"""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from ringside.calls import EndReason
from ringside.conversation import events as e
from tests.unit.conversation.talk import Talk

Step = e.Event | float | Callable[[Talk], object]

ARGUMENTS = {"transfer": '{"to": "office"}', "collect_digits": '{"length": 4}', "note": '{"key": "k", "value": "v"}'}
TOOLS = ("book", "book", "collect_digits", "hang_up", "note", "transfer")
ACTIONS: tuple[e.ActionKind, ...] = ("say", "instruct", "transfer", "hang_up", "hold", "resume")
BUSY = "conversation_already_has_active_response"


class Session:
    """Plays by the API's rules: one response at a time, played one after the other; items are linked."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.steps: list[Step] = []
        self._count = 0
        self._last: str | None = None
        self._active: str | None = None
        self._item: str | None = None  # of the active response
        self._spoken: dict[str, str] = {}  # the response -> its item
        self._parts = 0
        self._calls: list[e.ToolCalled] = []
        self._playing: list[str] = []
        self._speaking: str | None = None
        self._untranscribed: list[str] = []
        self._running: list[str] = []
        self._outputs: list[str] = []
        self._transfers: list[str] = []

    def goes_on(self) -> None:
        """One thing more happens, of those that can."""
        happenings: list[Callable[[], None]] = [self.time_passes, self.time_passes, self.a_key, self.anything_rare]
        if self._speaking is None:
            happenings += [self.the_caller_starts]
        else:
            happenings += [self.the_caller_stops] * 3
        if self._untranscribed:
            happenings += [self.caller_words, self.a_transcript, self.a_transcript]
        if self._active is not None:
            happenings += [self.the_agent_speaks] * 3 + [
                self.a_part,
                self.a_tool,
                self.a_tool,
                self.the_end,
                self.the_end,
            ]
        elif self._speaking is None:
            happenings += [self.a_response] * 4
        if self._playing and self._playing[0] != self._active:
            happenings += [self.it_was_heard] * 4
        if self._running:
            happenings += [self.a_tool_finishes] * 2
        if self._outputs:
            happenings += [self.an_output_is_added]
        if self._transfers:
            happenings += [self.the_transfer_is_answered] * 3
        self._draw(st.sampled_from(happenings))()

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def _added(self, item: str, kind: str, call: str | None = None) -> None:
        self.steps.append(e.ItemAdded(item, self._last, kind, call))  # type: ignore[arg-type]
        self._last = item

    # --- now and then ---

    def time_passes(self) -> None:
        self.steps.append(self._draw(st.sampled_from([0.25, 1.0, 2.5, 6.0, 12.0, 25.0])))

    def a_key(self) -> None:
        keys = self._draw(st.text("123#", min_size=1, max_size=4))
        self.steps += [e.DigitPressed(key) for key in keys]

    def anything_rare(self) -> None:
        match self._draw(
            st.sampled_from(
                ["goodbye", "reconnected", "refused", "busy", "silence", "retrieved", "operator", "operator"]
            )
        ):
            case "goodbye":
                self.steps.append(lambda talk: talk.takes_leave(EndReason.OPERATOR_HUNG_UP))
            case "reconnected":
                self.steps.append(Talk.is_reattached)
            case "refused":
                self.steps.append(lambda talk: talk.refused(_last_ref(talk), "server_error"))
            case "busy":
                self.steps.append(lambda talk: talk.refused(_last_ref(talk), BUSY))
            case "operator":
                action = self._draw(st.sampled_from(ACTIONS))
                silent = self._draw(st.booleans()) and action != "hang_up"
                self.steps.append(_wants(self._name("a"), action, silent=silent))
            case "silence":
                self.steps += [12.0, 12.0]
            case "retrieved":
                self.steps.append(e.ItemRetrieved(self._name("missed"), "agent", "What was missed."))

    # --- the caller ---

    def the_caller_starts(self) -> None:
        self._speaking = self._name("caller")
        self.steps.append(e.CallerStarted(self._speaking))
        if self._playing:
            self.steps.append(e.PlaybackCleared(self._playing[0]))
            if self._playing[0] in self._spoken:
                self.steps.append(e.AgentCutOff(self._spoken[self._playing[0]], 700))
            self._playing.clear()
        if self._active is not None:
            late = self._draw(st.booleans())
            active, item = self._active, self._item
            self._end("cancelled", "turn_detected")
            if late and item is not None:  # what was interrupted still gets its transcript
                self.steps.append(e.AgentTranscript(item, active, "Never mi", 0))

    def the_caller_stops(self) -> None:
        if self._speaking is not None:
            self.steps.append(e.CallerStopped(self._speaking))
            self._added(self._speaking, "caller")
            self._untranscribed.append(self._speaking)
            self._speaking = None

    def caller_words(self) -> None:
        self.steps.append(e.CallerWords(self._untranscribed[0], "well "))

    def a_transcript(self) -> None:
        item = self._untranscribed.pop(0)
        usage = e.Usage(transcription_seconds=1.0)
        text = self._draw(st.sampled_from(["Well then.", "Well then.", "", None]))
        self.steps.append(
            e.CallerTranscriptFailed(item, "oops") if text is None else e.CallerTranscript(item, text, usage)
        )

    # --- the agent ---

    def a_response(self) -> None:
        self._active, self._item, self._parts, self._calls = self._name("response"), None, 0, []
        started = e.ResponseStarted(self._active)
        if self._draw(st.integers(0, 3)) == 0:
            self.steps.append(e.RateLimitsUpdated((("tokens", self._draw(st.sampled_from([0.05, 6.0]))),)))
        if self._draw(st.booleans()):
            self.steps.append(started)
        else:
            self.steps.append(lambda talk: talk.feed(replace(started, ref=_last_ref(talk))))

    def the_agent_speaks(self) -> None:
        if self._active is None:
            return
        if self._item is None:
            self._item = self._spoken[self._active] = self._name("agent")
            self._added(self._item, "agent")
            if self._draw(st.integers(0, 3)) == 0:
                return
        if self._active not in self._playing:
            self._playing.append(self._active)
            if self._draw(st.booleans()):
                self.steps.append(e.PlaybackStarted(self._active))
        self.steps.append(e.AgentWords(self._item, self._active, "and so "))

    def a_part(self) -> None:
        if self._item is not None and self._active is not None:
            self.steps.append(e.AgentTranscript(self._item, self._active, f"Part {self._parts}.", self._parts))
            self._parts += 1

    def the_end(self) -> None:
        self._end(
            self._draw(st.sampled_from(["completed", "completed", "completed", "incomplete", "failed", "failed"]))
        )

    def _end(self, status: str, reason: str | None = None) -> None:
        if self._active is None:
            return
        said: tuple[e.AgentTranscript, ...] = ()
        items: tuple[str, ...] = ()
        if self._item is not None:
            items = (self._item,)
            if self._draw(st.booleans()):
                said = (e.AgentTranscript(self._item, self._active, "All of it."),)
        usage = e.Usage(output_text=7)
        code, retry_after = None, None
        if status == "failed":
            code, retry_after = self._draw(
                st.sampled_from([("server_error", None), *[("rate_limit_exceeded", 3.0)] * 3])
            )
        calls = tuple(self._calls)
        ended = e.ResponseEnded(self._active, status, reason, code, usage, calls, said, items, retry_after)
        self.steps.append(ended)
        self._active = None

    def it_was_heard(self) -> None:
        self.steps.append(e.PlaybackStopped(self._playing.pop(0)))

    # --- tools ---

    def a_tool(self) -> None:
        if self._active is None:
            return
        name = self._draw(st.sampled_from([*TOOLS, "approval", "remote"]))
        if name == "approval":
            item = self._name("mcpr")
            self._added(item, "other")
            self.steps.append(e.ApprovalAsked(item, "shop", "buy"))
            self._added(self._name("answer"), "approval", item)
            return
        if name == "remote":
            item = self._name("mcp")
            self._added(item, "other")
            self.steps.append(e.RemoteToolCalled(item, "shop", "buy", "{}", "bought", False))
            return
        item, call = self._name("item"), self._name("call")
        self._added(item, "tool_call", call)
        called = e.ToolCalled(item, self._active, call, name, ARGUMENTS.get(name, "{}"))
        self._calls.append(called)
        self.steps.append(called)
        if name == "book":
            self._running.append(call)
        else:
            self._outputs.append(call)
        if name == "transfer":
            self._transfers.append(call)

    def a_tool_finishes(self) -> None:
        call = self._running.pop(0)
        self._outputs.append(call)
        self.steps.append(e.ToolFinished(call, "ok", f"output of {call}", 0.5))

    def an_output_is_added(self) -> None:
        self._added(self._name("output"), "tool_output", self._outputs.pop(0))

    def the_transfer_is_answered(self) -> None:
        self.steps.append(e.ReferAnswered(self._transfers.pop(0), self._draw(st.booleans())))


def _wants(action_id: str, action: e.ActionKind, *, silent: bool) -> Callable[[Talk], object]:
    text = "office" if action == "transfer" else "Hm."
    return lambda talk: talk.feed(e.ActionAsked(action_id, action, "ada", talk.now, text, silent))


def _last_ref(talk: Talk) -> str | None:
    return talk.last_ref if talk.asked else None


@st.composite
def sessions(draw: st.DrawFn, max_happenings: int = 40) -> list[Step]:
    session = Session(draw)
    for _ in range(draw(st.integers(0, max_happenings))):
        session.goes_on()
    return session.steps


def play(talk: Talk, step: Step) -> None:
    if isinstance(step, float):
        talk.wait(step)
    elif callable(step):
        step(talk)
    else:
        talk.feed(step)
