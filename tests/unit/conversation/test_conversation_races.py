"""The conversation against a session that plays by the API's rules, with news under way in both directions.

The session answers the caller by itself (voice detection), allows one response at a time, and refuses a
second one. What both sides say takes any time, and they cross.
"""

from collections import deque
from dataclasses import dataclass, field
from dataclasses import replace as changed

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ringside.conversation import effects as do
from ringside.conversation import events as e
from tests.unit.conversation.talk import BEHAVIOUR, Talk

BUSY = "conversation_already_has_active_response"
PATIENT = changed(BEHAVIOUR, silence_after=1e6, max_duration=1e7, greeting_deadline=1e6, stall_after=1e6)


@dataclass
class Response:
    """One response of the session; `ref` names our request, if it is an answer to one."""

    id: str
    ref: str | None
    calls: list[e.ToolCalled] = field(default_factory=list)
    item: str | None = None


class Session:
    """OpenAI's side. `names`: whether its responses tell which request of ours they answer."""

    def __init__(self, names: bool) -> None:
        self.names = names
        self.told: deque[e.Event] = deque()  # on their way to us
        self.active: Response | None = None
        self.playing: deque[str] = deque()
        self.speaking: str | None = None
        self.fresh: set[str] = set()  # in the conversation, and no response has begun since
        self.seen: set[str] = set()
        self.failed: set[str] = set()  # ... nor of these that nothing came of
        self.began: list[Response] = []
        self._last: str | None = None
        self._count = 0

    def name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def add(self, item: str, kind: str, call: str | None = None) -> None:
        self.told.append(e.ItemAdded(item, self._last, kind, call))  # type: ignore[arg-type]
        self._last = item

    def hear(self, command: e.Command) -> None:
        match command:
            case e.Respond(_, ref) if self.active is None:
                self.begin(ref)
            case e.Respond(_, ref):
                self.told.append(e.SessionError(BUSY, "one at a time", ref))
            case e.TellOutput(call, _):
                self.fresh.add(call)
                self.add(self.name("output"), "tool_output", call)
            case e.TellFact(text, item):
                self.fresh.add(text)
                self.add(item or self.name("fact"), "other")
            case e.Approve(item, _):
                self.fresh.add(item)
                self.add(self.name("answer"), "approval", item)

    def begin(self, ref: str | None = None) -> None:
        self.active = Response(self.name("response"), ref)
        self.began.append(self.active)
        self.seen |= self.fresh
        self.fresh.clear()
        self.failed.clear()
        self.told.append(e.ResponseStarted(self.active.id, ref if self.names else None))

    def say_something(self) -> None:
        assert self.active is not None
        if self.active.item is None:
            self.active.item = self.name("agent")
            self.add(self.active.item, "agent")
            self.told.append(e.PlaybackStarted(self.active.id))
            self.playing.append(self.active.id)
        self.told.append(e.AgentWords(self.active.item, self.active.id, "and "))

    def call_tool(self, name: str) -> None:
        assert self.active is not None
        item, call = self.name("item"), self.name("call")
        self.add(item, "tool_call", call)
        called = e.ToolCalled(item, self.active.id, call, name, "{}")
        self.active.calls.append(called)
        self.told.append(called)

    def ask_for_approval(self) -> None:
        item = self.name("mcpr")
        self.add(item, "other")
        self.told.append(e.ApprovalAsked(item, "shop", "buy"))

    def end(self, status: str = "completed", reason: str | None = None) -> None:
        assert self.active is not None
        done, self.active = self.active, None
        if done.item is not None:
            self.told.append(e.AgentTranscript(done.item, done.id, "and so on"))
        self.told.append(e.ResponseEnded(done.id, status, reason, None, e.Usage(), tuple(done.calls)))
        if status == "failed":
            self.failed.add(done.id)

    def caller_starts(self, cleared_first: bool) -> None:
        self.speaking = self.name("caller")
        self.told.append(e.CallerStarted(self.speaking))
        cleared = list(self.playing)[:1]
        self.playing.clear()
        if cleared and cleared_first:
            self.told.append(e.PlaybackCleared(cleared[0]))
        if self.active is not None:
            self.end("cancelled", "turn_detected")
        if cleared and not cleared_first:
            self.told.append(e.PlaybackCleared(cleared[0]))

    def caller_stops(self) -> None:
        assert self.speaking is not None
        self.told.append(e.CallerStopped(self.speaking))
        self.add(self.speaking, "caller")
        self.told.append(e.CallerTranscript(self.speaking, "Hm.", e.Usage()))
        self.speaking = None
        if self.active is None:
            self.begin()


class Call(RuleBasedStateMachine):
    names = True

    @initialize()
    def begins(self) -> None:
        self.session = Session(self.names)
        self.talk = Talk(PATIENT, greeted=False)
        self.said: deque[e.Command] = deque()  # on their way to the session
        self.running: list[str] = []
        self.in_flight: set[str | None] = set()
        self.requests = 0
        self.failures = 0
        # What we have heard of so far:
        self.known_active: str | None = None
        self.known_playing: set[str] = set()
        self.caller_speaks = False
        self.take(self.talk.begins())
        if self.names:
            self.everything_arrives()  # by which we learn that it does

    def take(self, effects: list[do.Effect]) -> None:
        for effect in effects:
            match effect:
                case do.Send(command) | do.Greet(command):
                    if isinstance(command, e.Respond):
                        self.request(command)
                    self.said.append(command)
                case do.RunTool(call):
                    self.running.append(call)
                case do.HangUp():
                    assert not self.caller_speaks, "hung up on a caller who was speaking"
                    assert not self.known_playing, "hung up before the goodbye was heard"
                    assert self.known_active is None, "hung up in the middle of a response"
                    assert not self.running, "hung up while a tool was running"

    def request(self, command: e.Respond) -> None:
        assert not self.in_flight, "two requests at a time"
        assert self.known_active is None, "asked for a response while one was active"
        assert not self.caller_speaks, "talked over the caller"
        assert not self.talk.hung_up, "asked for a response after the call was hung up"
        unheard_of = [*self.said, *(event for event in self.session.told if isinstance(event, e.ResponseStarted))]
        fresh = self.session.fresh | self.session.failed
        assert command.instructions or fresh or unheard_of, "asked for a response to nothing"
        self.in_flight.add(command.ref)
        self.requests += 1

    @property
    def over(self) -> bool:
        return bool(self.talk.hung_up)

    # --- news under way ---

    @precondition(lambda self: self.said)
    @rule()
    def the_session_hears_us(self) -> None:
        self.session.hear(self.said.popleft())

    @precondition(lambda self: self.session.told)
    @rule()
    def we_hear_the_session(self) -> None:
        event = self.session.told.popleft()
        match event:
            case e.ResponseStarted(response_id):
                self.known_active = response_id
                self.in_flight -= {response.ref for response in self.session.began if response.id == response_id}
            case e.ResponseEnded(response_id):
                self.known_active = None
            case e.PlaybackStarted(response_id):
                self.known_playing.add(response_id)
            case e.PlaybackStopped(response_id):
                self.known_playing.discard(response_id)
            case e.PlaybackCleared():
                self.known_playing.clear()
            case e.CallerStarted():
                self.caller_speaks = True
            case e.CallerStopped():
                self.caller_speaks = False
            case e.SessionError(ref=ref):
                self.in_flight.discard(ref)
        self.take(self.talk.feed(event))

    def everything_arrives(self) -> None:
        for _ in range(1000):
            if self.said:
                self.the_session_hears_us()
            elif self.session.told:
                self.we_hear_the_session()
            else:
                return
        raise AssertionError("the two of them talk without end")

    def requests_arrive(self) -> None:
        """If nobody names requests, one thing is assumed: none is under way for longer than a response takes."""
        while not self.names and (self.said or self.session.told):
            if not self.said:
                self.we_hear_the_session()
                continue
            self.the_session_hears_us()

    # --- what happens on OpenAI's side ---

    @precondition(lambda self: self.session.active)
    @rule()
    def the_agent_speaks(self) -> None:
        self.session.say_something()

    @precondition(lambda self: self.session.active)
    @rule(name=st.sampled_from(["book", "look_up"]))
    def the_model_calls_a_tool(self, name: str) -> None:
        self.session.call_tool(name)

    @precondition(lambda self: self.session.active)
    @rule()
    def the_model_hangs_up(self) -> None:
        self.session.call_tool("hang_up")

    @precondition(lambda self: self.session.active)
    @rule()
    def a_remote_tool_asks(self) -> None:
        self.session.ask_for_approval()

    @precondition(lambda self: self.session.active)
    @rule()
    def the_response_is_done(self) -> None:
        self.requests_arrive()
        self.session.end()

    @precondition(lambda self: self.session.active and self.failures < 2)
    @rule()
    def the_response_fails(self) -> None:
        self.requests_arrive()
        self.failures += 1
        self.session.end("failed")

    @precondition(lambda self: self.session.playing and self.session.playing[0] != _id(self.session.active))
    @rule()
    def the_answer_was_heard(self) -> None:
        self.session.told.append(e.PlaybackStopped(self.session.playing.popleft()))

    @precondition(lambda self: self.session.speaking is None)
    @rule(cleared_first=st.booleans())
    def the_caller_starts(self, cleared_first: bool) -> None:
        self.requests_arrive()
        self.session.caller_starts(cleared_first)

    @precondition(lambda self: self.session.speaking)
    @rule()
    def the_caller_stops(self) -> None:
        self.session.caller_stops()

    @rule()
    def the_caller_presses_a_key(self) -> None:
        self.session.told.append(e.DigitPressed("1"))
        self.everything_arrives()
        self.take(self.talk.wait(PATIENT.digit_pause))

    # --- what happens on our side ---

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def a_tool_finishes(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.running))
        self.running.remove(call)
        self.take(self.talk.tool_returns(call))

    @invariant()
    def no_tool_ran_twice(self) -> None:
        if hasattr(self, "talk"):
            assert len(set(self.talk.tools_run)) == len(self.talk.tools_run)

    def teardown(self) -> None:
        """Let everybody come to an end: then everything was answered, or the call is over."""
        if not hasattr(self, "talk"):
            return
        for _ in range(100):
            self.everything_arrives()
            if self.session.speaking is not None:
                self.session.caller_stops()
            elif self.session.active is not None:
                self.session.end()
            elif self.session.playing:
                self.session.told.append(e.PlaybackStopped(self.session.playing.popleft()))
            elif self.running:
                self.take(self.talk.tool_returns(self.running.pop()))
            else:
                break
        else:
            raise AssertionError("the responses never end")
        told = {command.tool_call_id for command in self.talk.sent(e.TellOutput)}
        assert self.over or told <= self.session.seen, "the model was never asked about an output"
        assert self.over or not self.session.fresh, "the model was told something and never asked"
        assert self.over or all(run.outcome != "running" for run in self.talk.conversation.transcript.tools.values())


def _id(response: Response | None) -> str | None:
    return response.id if response is not None else None


class CallWithoutNames(Call):
    names = False


for machine in (Call, CallWithoutNames):
    machine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestAnyCall = Call.TestCase
TestAnyCallOfASessionThatNamesNoRequests = CallWithoutNames.TestCase
