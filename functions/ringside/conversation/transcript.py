"""What was said and done in a conversation, in its order, written as it happens. Pure.

Words come in pieces, late, or never; items come before or after the links that order them. The transcript
keeps what is known of each turn, and returns with every event which items of the record are to be written.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from math import inf
from typing import Any

from ringside.conversation import events as e
from ringside.conversation import snapshot
from ringside.conversation.effects import Effect, Save
from ringside.conversation.gap import Gap
from ringside.conversation.items import Action, Entry, Remark, ToolRun, Turn, from_item, has_words
from ringside.conversation.order import Order

LINK = "previous_item_id"
"""With an entry in the record: where the session put it. A write may be overtaken, and its owner may die before it is
done: by this the next owner puts what it then hears of in its place."""

REMEMBERED = 8  # of the agent's last items, at a hand-over: more may come of them


class Transcript:
    """Times are Unix seconds.

    Longer than other classes, for it is one thing: the turns, and what is known of a turn before it is finished.
    """

    def __init__(self, owner: int = 1) -> None:
        """`owner`: by its number, what it adds to the conversation is told from what former owners added."""
        self._owner = owner
        self.order = Order()
        self.gap = Gap()
        self.turns: dict[str, Turn] = {}
        self.tools: dict[str, ToolRun] = {}  # by the function call's id
        self.remarks: dict[str, Remark] = {}
        self.actions: dict[str, Action] = {}  # by the entry's id
        self._words: dict[str, list[str]] = {}  # parts of sentences that are not finished
        self._parts: dict[str, dict[int, str]] = {}  # the agent's item -> what it said, by the parts of its content
        self._response_of: dict[str, str] = {}  # the agent's item -> its response
        self._saved: set[str] = set()
        self._begun: set[str] = set()  # the agent's items that were added, and of which no word has come
        self._reopened = 0  # how often a gap went on: each time asks with another probe

    # --- the order ---

    def added(self, event: e.ItemAdded) -> list[Effect]:
        """An item got its place; one before it that was never seen is asked for."""
        if (
            event.item_id == self.gap.probe
            and event.previous_id is not None
            and event.previous_id not in self.order
            and self.gap.is_hidden_by(event.previous_id)
        ):
            return self.gap.probe_again(event.previous_id)
        effects = self.place(event.item_id, event.previous_id)
        missed = self.order.hole(event.item_id)
        if event.kind == "agent" and event.item_id not in self.turns:
            self._begun.add(event.item_id)
        self.gap.came(event.item_id)
        if event.item_id == self.gap.probe:
            self.order.strays_before(*((event.previous_id,) if event.previous_id and missed else ()), event.item_id)
        return effects + self.gap.retrieve(missed) if missed is not None else effects

    def place(self, item_id: str, previous_id: str | None, before: str | None = None) -> list[Effect]:
        moved = self.order.place(item_id, previous_id, before)
        if not moved:
            return []
        entries: Iterable[Entry]
        entries = (*self.turns.values(), *self.tools.values(), *self.remarks.values(), *self.actions.values())
        return [
            effect
            for entry in entries
            if entry.item_id in moved and entry.item_id in self._saved
            for effect in self.save(entry, moved[entry.item_id])
        ]

    def save(self, entry: Entry, replaces: int | None = None) -> list[Effect]:
        effects = [] if entry.item_id in self.order else self.place(entry.item_id, None)
        self._saved.add(entry.item_id)
        previous = self.order.previous(entry.item_id)
        link = {} if previous is None else {LINK: previous}
        return [*effects, Save(self.order.position(entry.item_id), entry.as_item() | link, replaces)]

    def is_after(self, item_id: str, earlier: str) -> bool:
        """Whether an item comes later in the conversation than another one, as far as their places are known."""
        placed = item_id in self.order and earlier in self.order
        return placed and self.order.position(item_id) > self.order.position(earlier)

    # --- the caller ---

    def turn(self, item_id: str, role: e.Role, now: float) -> Turn:
        return self.turns.setdefault(item_id, Turn(item_id, role, now))

    def goes_on(self, item_id: str, delta: str) -> bool:
        """Add to a sentence that has begun; False if none has. Most events of a call are these."""
        words = self._words.get(item_id)
        if words is None:
            return False
        words.append(delta)
        return True

    def words(self, item_id: str, delta: str) -> None:
        self._words.setdefault(item_id, []).append(delta)

    def caller_said(self, item_id: str, text: str | None, now: float) -> list[Effect]:
        """The caller's turn is transcribed; None: that failed, and what came before it failed is kept."""
        begun = "".join(self._words.pop(item_id, ()))
        turn = self.turn(item_id, "caller", now)
        if turn.state == "final":
            return []
        text = begun if text is None else text
        turn.text = text if has_words(text) else None
        turn.state = "untranscribed" if turn.text is None else "final"
        turn.ended_at = turn.ended_at or now
        # Words that come late, after a gap, were said before what the agent still goes on with.
        return self.place(item_id, None, self.gap.stray) + self.save(turn)

    def caller_committed(self, item_id: str, now: float) -> list[Effect]:
        """Written before its words are known: whoever comes after us can ask for them by the item's id."""
        turn = self.turn(item_id, "caller", now)
        turn.ended_at = turn.ended_at or now
        return self.save(turn) if turn.state == "pending" and item_id not in self._saved else []

    @property
    def awaits_words(self) -> bool:
        """Whether the caller has said something whose words are still to come."""
        return any(
            turn.role == "caller" and turn.state == "pending" and turn.ended_at is not None
            for turn in self.turns.values()
        )

    # --- the agent ---

    def is_new(self, item_id: str) -> bool:
        """Whether no word of the agent's item has come."""
        return item_id not in self.turns or item_id in self._begun

    def agent_turn(self, item_id: str, response_id: str, now: float) -> tuple[Turn, list[Effect]]:
        """The agent's turn, which begins with its first word; and what had to move for it."""
        self._response_of[item_id] = response_id
        turn = self.turn(item_id, "agent", now)
        if item_id in self._begun:
            self._begun.discard(item_id)
            turn.started_at = now
        if item_id in self.order:
            return turn, []
        effects = self.place(item_id, None)
        if self.gap.probe is not None and self.gap.stray is None:
            self.gap.stray = item_id
        return turn, effects

    def agent_said(self, event: e.AgentTranscript, now: float) -> list[Effect]:
        self._words.pop(event.item_id, None)
        turn, effects = self.agent_turn(event.item_id, event.response_id, now)
        # What is known from elsewhere, from the record or from the session, counts as the first part.
        parts = self._parts.setdefault(event.item_id, {0: turn.text} if turn.text else {})
        parts[event.part] = event.text
        turn.text, turn.ended_at = " ".join(text for _, text in sorted(parts.items()) if text), now
        if turn.state == "pending":
            turn.state = "final"
        return effects + self.save(turn)

    def missed_of(self, event: e.ResponseEnded, now: float) -> list[Effect]:
        """A response that ended repeats its words: those that were said in a gap are taken from it."""
        missed = [said for said in event.said if not ((turn := self.turns.get(said.item_id)) and turn.has_words)]
        effects: list[Effect] = []
        if missed:
            for item_id, following in pairwise(event.items):
                if item_id not in self.order and following in self.order:
                    effects += self.place(following, item_id)
        for said in missed:
            known = not self.is_new(said.item_id)
            turn, moved = self.agent_turn(said.item_id, said.response_id, now)
            turn.recovered = not known
            effects += moved + self.agent_said(said, now)
        return effects

    def cut_off(self, event: e.AgentCutOff) -> list[Effect]:
        """The caller heard only so much of it."""
        turn = self.turns.get(event.item_id)
        if turn is None or turn.role != "agent" or self.is_new(event.item_id):
            return []
        turn.heard_ms, turn.state = event.heard_ms, "interrupted"
        return self.save(turn) if turn.text is not None else []

    def interrupted(self, response_id: str) -> list[Effect]:
        effects: list[Effect] = []
        for item_id, response in self._response_of.items():
            turn = self.turns[item_id]
            if response == response_id and turn.state in ("pending", "final"):
                turn.state = "interrupted"
                if turn.text is not None:
                    effects += self.save(turn)
        return effects

    # --- gaps ---

    def gap_closed(self, since: float, until: float, why: str, *, goes_on: bool = False) -> list[Effect]:
        """We did not listen for a while: write that, and ask for the words of turns that are known of, and for what
        the last item of the gap is. `goes_on`: it is the last gap still, which only ends later than was thought.
        """
        last = next((each for each in reversed(self.remarks.values()) if each.kind == "gap"), None)
        if goes_on and last is not None:
            last.ended_at = until
            effects = self.save(last)
            self._reopened += 1
            probe = f"{last.item_id}_{self._reopened}"
        else:
            gap, effects = self.remark("gap", since, until, why)
            probe = gap.item_id
        unfinished = [turn.item_id for turn in self.turns.values() if turn.state == "pending"]
        # A predecessor that is not on record may be a turn that its owner died with; other kinds have no words.
        for item_id in (
            *(each for each in unfinished if each in self.order),
            *sorted(self._begun),
            *self.order.holes(),
        ):
            effects += self.gap.retrieve(item_id)
        return effects + self.gap.opened(probe)

    def retrieved(self, event: e.ItemRetrieved, now: float) -> list[Effect]:
        self.gap.came(event.item_id)
        known = not self.is_new(event.item_id)
        self._begun.discard(event.item_id)
        if event.role is None:
            return []
        turn = self.turn(event.item_id, event.role, now)
        turn.recovered = turn.recovered or not known
        turn.ended_at = turn.ended_at or now
        if turn.state == "pending" and event.text is not None:
            turn.text, turn.state = event.text, "final"
            if turn.role == "caller" and not has_words(event.text):
                turn.text, turn.state = None, "untranscribed"
            self._words.pop(event.item_id, None)
        unwritten = turn.role == "caller" and turn.item_id not in self._saved
        return self.save(turn) if turn.state != "pending" or unwritten else []

    def remark(self, kind: Any, since: float, until: float, text: str) -> tuple[Remark, list[Effect]]:
        """It stands where it happened. Its id is new in this call: an owner that died may have told the session of
        something that is not in the record, and the session refuses a second item of the same id."""
        remark = Remark(f"{kind}_{self._owner}_{len(self.remarks) + 1}", kind, since, until, text)
        self.remarks[remark.item_id] = remark
        return remark, self._pin(remark)

    def took(self, action: Action) -> list[Effect]:
        """An operator's action stands where it was taken."""
        self.actions[action.item_id] = action
        return self._pin(action)

    def _pin(self, entry: Remark | Action) -> list[Effect]:
        effects: list[Effect] = []
        anchors, begun = self.order.strays_before(), None
        for turn in self.turns.values():
            if turn.state == "pending" and self.order.previous(turn.item_id) is None:  # it began before this
                effects += self.place(turn.item_id, None)
                begun = turn.item_id
        self.order.strays_before(*anchors)
        self.order.pin(entry.item_id, begun)
        return effects + self.save(entry)

    # --- the end ---

    def close(self, unheard: Iterable[str], now: float) -> list[Effect]:
        """The call is over: keep and mark what was cut off. `unheard`: responses that were not played to their end."""
        effects: list[Effect] = []
        silent = set(unheard)
        for item_id in list(self._words):
            self.turn(item_id, "caller", now)  # begun, but never given a place
        for turn in list(self.turns.values()):
            begun = "".join(self._words.pop(turn.item_id, ()))
            if begun:
                turn.text = f"{turn.text} {begun}" if turn.text else begun
            if turn.state == "pending":
                placed = turn.role == "caller" and turn.ended_at is not None
                turn.state = "untranscribed" if placed and not turn.text else "cut"
            elif turn.state == "final" and (begun or self._response_of.get(turn.item_id) in silent):
                turn.state = "cut"
            elif not begun:
                continue
            turn.ended_at = turn.ended_at or now
            effects += self.save(turn)
        return effects

    def running(self) -> Iterator[ToolRun]:
        return (run for run in self.tools.values() if run.outcome == "running")

    def unconfirmed_outcomes(self) -> list[ToolRun]:
        """Tools that came to something, which the session may not have been told: the agent has not spoken since, or
        only after a gap. (What the session ran itself, it knows: those calls go by their item's id.)"""
        said = [turn.started_at for turn in self.turns.values() if turn.role == "agent" and not turn.recovered]
        gaps = [(remark.started_at, remark.ended_at) for remark in self.remarks.values() if remark.kind == "gap"]
        found = []
        for run in self.tools.values():
            if run.outcome != "running" and run.tool_call_id != run.item_id:
                told_at = run.ended_at if run.ended_at is not None else run.started_at + (run.seconds or 0.0)
                lost_at = min((since for since, until in gaps if until >= told_at), default=inf)
                if not any(told_at < at < lost_at for at in said):
                    found.append(run)
        return found

    # --- handed over ---

    def hand_over(self, now: float) -> list[Effect]:
        """Another owner goes on: leave it the ids of turns whose words are still to come, and the words so far."""
        effects: list[Effect] = []
        anchors = self.order.strays_before()  # these have just begun: they are not strays of an earlier gap
        for item_id in self._begun:
            self.turn(item_id, "agent", now)
        for turn in self.turns.values():
            if turn.text is None and turn.state in ("pending", "interrupted"):
                turn.text = "".join(self._words.get(turn.item_id, ())) or None
                effects += self.save(turn)
                turn.text = None
        self.order.strays_before(*anchors)
        return effects

    def snapshot(self) -> dict[str, Any]:
        latest = list(self._response_of.items())[-REMEMBERED:]
        several = [(item_id, self._parts[item_id]) for item_id, _ in latest if set(self._parts.get(item_id, ())) - {0}]
        return {
            "words": [[item_id, "".join(words)] for item_id, words in sorted(self._words.items())],
            "wordless": sorted(turn.item_id for turn in self.turns.values() if turn.text is None),
            "responses": [list(pair) for pair in latest],
            "parts": [[item_id, part, text] for item_id, parts in several for part, text in parts.items()],
            "order": self.order.snapshot(),
            "gap": self.gap.snapshot(),
        }

    def load(self, history: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Take over what another owner wrote, with the positions."""
        entries = [(position, dict(item)) for position, item in history]
        links = {item["item_id"]: item[LINK] for _, item in entries if isinstance(item.get(LINK), str)}
        self.order = Order({item["item_id"]: position for position, item in entries}, links)
        self._saved = {item["item_id"] for _, item in entries}
        for _, item in entries:
            match from_item(item):
                case Turn() as turn:
                    self.turns[turn.item_id] = turn
                    if turn.state == "pending":
                        self._unsay(turn)
                case ToolRun() as run:
                    self.tools[run.tool_call_id] = run
                case Remark() as remark:
                    self.remarks[remark.item_id] = remark
                case Action() as action:
                    self.actions[action.item_id] = action
        self.order.pinned_before_us([*self.remarks, *self.actions])

    def _unsay(self, turn: Turn) -> None:
        """The text in the record is what was known when it was handed over: the beginning of a sentence."""
        if turn.text:
            self._words[turn.item_id] = [turn.text]
        elif turn.role == "agent":
            self._begun.add(turn.item_id)
        turn.text = None

    def restore(self, value: object) -> list[Effect]:
        """After `load`: what the record does not have."""
        given = snapshot.mapping(value)
        self.order.restore(given.get("order"))
        for item_id in snapshot.texts(given.get("wordless")):
            turn = self.turns.get(item_id)
            if turn is not None and turn.text is not None:
                self._unsay(turn)
        for item_id, words in snapshot.pairs(given.get("words")):
            self._words[item_id] = [words]
            self._begun.discard(item_id)
        known = snapshot.pairs(given.get("responses"))
        self._response_of.update({item_id: response for item_id, response in known if item_id in self.turns})
        for entry in snapshot.sequence(given.get("parts")):
            match entry:
                case [str(item_id), int(part), str(text)]:
                    self._parts.setdefault(item_id, {})[part] = text
        return self.gap.restore(given.get("gap"))
