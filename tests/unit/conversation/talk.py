"""A conversation fed by hand, in sentences: who says what, and what comes of it.

    talk = Talk()
    talk.agent_says("Hello!", response="r1")
    talk.caller_says("Hi.")
    assert talk.lines == ["agent: Hello!", "caller: Hi."]

The clock stands still unless somebody lets time pass. Items are linked one to the next, as the API does it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar

from hypothesis import settings

from ringside.agentfile.agent import Agent
from ringside.agentfile.sections import Limits
from ringside.calls import EndReason, Step
from ringside.conversation import conversation as c
from ringside.conversation import effects as do
from ringside.conversation import events as e
from ringside.conversation.behaviour import Behaviour

ANSWERED = 1_000_000.0  # Unix seconds at which every call of these tests was answered

AGENT = Agent(
    name="tests",
    answers=("default",),
    instructions="Be kind.",
    greeting_instructions="Greet.",
    silence_instructions="Still there?",
    farewell_instructions="Say goodbye.",
    limits=Limits(tool_patience=None),
)

BEHAVIOUR = AGENT.behaviour
"""The defaults of an agent file, with short instructions; a slow tool is not excused."""


FAREWELL, STILL_THERE = BEHAVIOUR.farewell_instructions, BEHAVIOUR.silence_instructions

unhurried = settings(deadline=None)
"""For properties: a busy machine is slow, and nothing is wrong with that."""

Status = Literal["completed", "cancelled", "incomplete", "failed"]
Command = TypeVar("Command", bound=e.Command)
Effect = TypeVar("Effect", bound=do.Effect)


class Table:
    """What the record makes of the `Save`s: one item at a position, moved when a save says so."""

    def __init__(self) -> None:
        self.at: dict[int, Mapping[str, Any]] = {}

    def save(self, save: do.Save, owner: int = 1) -> None:
        self.at[save.position] = {**save.item, "epoch": owner}
        old = self.at.get(save.replaces) if save.replaces is not None and save.replaces != save.position else None
        if old is not None and save.replaces is not None and old["item_id"] == save.item["item_id"]:
            del self.at[save.replaces]

    @property
    def items(self) -> list[Mapping[str, Any]]:
        return [self.at[position] for position in sorted(self.at)]


class Talk:
    def __init__(self, behaviour: Behaviour = BEHAVIOUR, *, greeted: bool = True) -> None:
        self.behaviour = behaviour
        self.conversation = c.Conversation(behaviour, ANSWERED)
        self.now = ANSWERED
        self.owner = 1
        self.effects: list[do.Effect] = []
        self.times: list[float] = []  # of the effects
        self.table = Table()
        self.placed: set[str] = set()  # the items that the session has added
        self.facts: dict[str, Any] = {}  # what the notes make of the call's item
        self._last_item: str | None = None
        self._ids = 0
        self.greeting: e.Respond | None = None
        if greeted:
            self.begins()
            self.agent_says("Hello!", response="greeting")

    # --- what happens ---

    def begins(self) -> list[do.Effect]:
        effects = self._keep(self.conversation.begin())
        self.conversation.greeted(self.now)
        self.greeting = next(effect.command for effect in effects if isinstance(effect, do.Greet))
        return effects

    def feed(self, *events: e.Event) -> list[do.Effect]:
        self.placed |= {event.item_id for event in events if isinstance(event, e.ItemAdded)}
        return [effect for event in events for effect in self._keep(self.conversation.feed(event, self.now))]

    def wait(self, seconds: float) -> list[do.Effect]:
        """Let time pass, and wake the conversation whenever it wants to be woken."""
        until = self.now + seconds
        effects: list[do.Effect] = []
        for _ in range(1000):
            deadline = self.conversation.deadline
            if deadline is None or deadline > until:
                self.now = until
                return effects
            self.now = max(self.now, deadline)
            effects += self._keep(self.conversation.wake(self.now))
        raise AssertionError("it wants to be woken again and again")

    def finish(self) -> list[do.Effect]:
        return self._keep(self.conversation.finish(self.now))

    def hands_over(self) -> list[do.Effect]:
        return self._keep(self.conversation.hand_over(self.now))

    def is_taken_over(self) -> list[do.Effect]:
        """Another owner goes on, with what is in the record and nothing else."""
        self.owner += 1
        usage = self.conversation.usage
        self.conversation = c.Conversation(self.behaviour, ANSWERED, usage, self.owner)
        history = [(position, dict(self.table.at[position])) for position in sorted(self.table.at)]
        first_audio = Step.FIRST_AUDIO in self.marked
        return self._keep(self.conversation.resume(history, first_audio, self.now, from_record(self.facts)))

    def changes_hands(self) -> list[do.Effect]:
        """A clean hand-over, in no time."""
        return self.hands_over() + self.is_taken_over()

    def is_reattached(self, gap: float = 1.0) -> list[do.Effect]:
        return self._keep(self.conversation.reattached(self.now - gap, "for a test", self.now))

    def takes_leave(self, reason: EndReason) -> list[do.Effect]:
        return self._keep(self.conversation.say_goodbye(reason, self.now))

    def item(self, kind: str = "item") -> str:
        self._ids += 1
        return f"{kind}_{self._ids}"

    def added(self, item: str, kind: Any, tool_call_id: str | None = None) -> e.ItemAdded:
        """The next item of the conversation."""
        event = e.ItemAdded(item, self._last_item, kind, tool_call_id)
        self._last_item = item
        return event

    def caller_starts(self, item: str | None = None) -> str:
        item = item or self.item("caller")
        self.feed(e.CallerStarted(item))
        return item

    def caller_stops(self, item: str) -> e.ItemAdded:
        added = self.added(item, "caller")
        self.feed(e.CallerStopped(item), added, added)
        return added

    def transcribed(self, item: str, text: str) -> list[do.Effect]:
        return self.feed(e.CallerTranscript(item, text, e.Usage(transcription_seconds=1.0)))

    def caller_says(self, text: str, item: str | None = None) -> str:
        item = self.caller_starts(item)
        self.caller_stops(item)
        self.transcribed(item, text)
        return item

    def response_begins(self, response: str) -> list[do.Effect]:
        return self.feed(e.ResponseStarted(response))

    def agent_begins(self, words: str, response: str, item: str | None = None) -> str:
        """The agent is in the middle of a sentence: it can be heard, and is not through."""
        item = item or self.item("agent")
        self.feed(e.ResponseStarted(response), self.added(item, "agent"))
        self.feed(e.PlaybackStarted(response), e.AgentWords(item, response, words))
        return item

    def agent_generated(self, text: str, response: str, item: str | None = None) -> str:
        """All words are there, and are still being played; the response has not ended."""
        item = self.agent_begins(text, response, item)
        self.feed(e.AgentTranscript(item, response, text))
        return item

    def agent_says(self, text: str, response: str, item: str | None = None, *, heard: bool = True) -> str:
        item = self.agent_generated(text, response, item)
        self.response_ends(response)
        if heard:
            self.feed(e.PlaybackStopped(response))
        return item

    def calls_tool(
        self, name: str, call: str, response: str, *, arguments: str = "{}", item: str | None = None
    ) -> list[do.Effect]:
        """The model calls a tool, in a response that goes on."""
        item = item or f"item_of_{call}"
        return self.feed(self.added(item, "tool_call", call), e.ToolCalled(item, response, call, name, arguments))

    def response_ends(
        self,
        response: str,
        status: Status = "completed",
        *,
        reason: str | None = None,
        usage: e.Usage | None = None,
        calls: Iterable[e.ToolCalled] = (),
    ) -> list[do.Effect]:
        return self.feed(e.ResponseEnded(response, status, reason, None, usage or e.Usage(), tuple(calls)))

    def interrupted(self, response: str) -> list[do.Effect]:
        return self.response_ends(response, "cancelled", reason="turn_detected")

    def tool_returns(self, call: str, output: str = "done", outcome: Any = "ok") -> list[do.Effect]:
        return self.feed(e.ToolFinished(call, outcome, output, 0.5))

    def output_added(self, call: str) -> list[do.Effect]:
        """The session has put the tool's output into the conversation."""
        return self.feed(self.added(f"output_of_{call}", "tool_output", call))

    def refused(self, ref: str | None, code: str = "conversation_already_has_active_response") -> list[do.Effect]:
        return self.feed(e.SessionError(code, "no", ref))

    # --- what came of it ---

    def _keep(self, effects: list[do.Effect]) -> list[do.Effect]:
        self.effects += effects
        self.times += [self.now] * len(effects)
        for effect in effects:
            match effect:
                case do.Save():
                    self.table.save(effect, self.owner)
                case do.Note(facts):
                    self.facts |= facts
        return effects

    def sent(self, kind: type[Command]) -> list[Command]:
        return sent(self.effects, kind)

    @property
    def asked(self) -> list[str | None]:
        """The instructions of every response that was asked for, the greeting aside."""
        return [command.instructions for command in self.sent(e.Respond)]

    @property
    def last_ref(self) -> str | None:
        return self.sent(e.Respond)[-1].ref

    @property
    def hung_up(self) -> list[EndReason]:
        return [effect.reason for effect in self.effects if isinstance(effect, do.HangUp)]

    @property
    def tools_run(self) -> list[str]:
        return [effect.tool_call_id for effect in self.effects if isinstance(effect, do.RunTool)]

    @property
    def marked(self) -> list[Step]:
        return [effect.step for effect in self.effects if isinstance(effect, do.Mark)]

    @property
    def counted(self) -> list[str]:
        return [effect.what for effect in self.effects if isinstance(effect, do.Count)]

    @property
    def turns(self) -> list[Mapping[str, Any]]:
        """The turns as a reader of the record finds them."""
        return [item for item in self.table.items if item["kind"] == "turn"]

    @property
    def lines(self) -> list[str]:
        return [f"{turn['role']}: {turn['text']}" for turn in self.turns]

    def turn(self, item_id: str) -> Mapping[str, Any]:
        return next(turn for turn in self.turns if turn["item_id"] == item_id)

    def tool(self, call: str) -> Mapping[str, Any]:
        return next(item for item in self.table.items if item.get("tool_call_id") == call)


def from_record(value: Any) -> Any:
    """As DynamoDB gives it back: whole numbers are integers, tuples are lists, and the order of a map is not kept."""
    match value:
        case dict():
            return {name: from_record(value[name]) for name in sorted(value)}
        case list() | tuple():
            return [from_record(entry) for entry in value]
        case float() if value.is_integer():
            return int(value)
        case float():
            return round(value, 6)
    return json.loads(json.dumps(value))


def sent(effects: Iterable[do.Effect], kind: type[Command]) -> list[Command]:
    commands = (effect.command for effect in effects if isinstance(effect, do.Send))
    return [command for command in commands if isinstance(command, kind)]


def outputs(talk: Talk) -> list[str]:
    """The tool calls of which an output was sent."""
    return [command.tool_call_id for command in talk.sent(e.TellOutput)]


def learned(talk: Talk, call: str) -> dict[str, Any]:
    """What the model learned of a built-in tool that it called, last."""
    answers = [command.output for command in talk.sent(e.TellOutput) if command.tool_call_id == call]
    found: dict[str, Any] = json.loads(answers[-1])
    return found


def called(call: str, response: str = "r1", name: str = "book") -> e.ToolCalled:
    return e.ToolCalled(f"item_of_{call}", response, call, name, "{}")


def refers(talk: Talk) -> list[str]:
    return [effect.uri for effect in talk.effects if isinstance(effect, do.Refer)]


def press(talk: Talk, keys: str) -> None:
    for key in keys:
        talk.feed(e.DigitPressed(key))
        talk.wait(0.2)


def quiet(talk: Talk) -> None:
    """Nobody says anything until the agent loses patience; what it then says is heard."""
    before = len(talk.asked)
    talk.wait(talk.behaviour.silence_after)
    if len(talk.asked) > before and not talk.hung_up:
        talk.agent_says("Hm?", response=f"after_silence_{before}")


def noise(talk: Talk, *, cuts: str | None = None, answered: str | None = None) -> None:
    """Something is taken for the caller's voice. It cuts a response short, or is answered by the session."""
    item = talk.caller_starts()
    if cuts is not None:
        talk.feed(e.PlaybackCleared(cuts))
        talk.interrupted(cuts)
    talk.caller_stops(item)
    if answered is not None:
        talk.agent_says("Pardon?", response=answered)
    else:
        talk.response_begins(f"to_{item}")
        talk.response_ends(f"to_{item}")
    talk.transcribed(item, "")


def saying_goodbye() -> Talk:
    """The model said goodbye and called hang_up in one response, which is done."""
    talk = Talk()
    talk.agent_generated("Goodbye!", response="r1")
    talk.calls_tool("hang_up", "call_1", "r1")
    talk.response_ends("r1")
    return talk


def assert_consistent(talk: Talk) -> None:
    order = talk.conversation.transcript.order
    for position, item in talk.table.at.items():
        assert order.position(item["item_id"]) == position
    ids = [item["item_id"] for item in talk.table.items]
    assert len(set(ids)) == len(ids)
    assert ids == [item_id for item_id in order if item_id in ids]
