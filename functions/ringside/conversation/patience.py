"""How long to wait: for a greeting, a silent caller, a slow tool, a session that stalls, the end of the call. Pure."""

from typing import Any

from ringside.conversation import snapshot
from ringside.conversation.behaviour import Behaviour
from ringside.conversation.timers import Timers


class Patience:
    """`greeting`, `silence`, `slow`, `stalled`, `warning` and `max_duration` are its timers."""

    def __init__(self, behaviour: Behaviour, timers: Timers, started_at: float) -> None:
        self._behaviour = behaviour
        self._timers = timers
        self._ends_at = started_at + behaviour.max_duration
        self._silences = 0  # how often a silent caller was asked
        self._silence_left = behaviour.silence_after  # seconds; quiet that only noises interrupt adds up
        self._sounds = False  # whether a sound of the caller's is the last that made an end of the quiet
        self._before_sound: tuple[int, float] | None = None  # silences and seconds left, for if it is a noise
        self._excused = False  # the caller has heard that a tool is slow
        self._greeted_twice = False
        self.heard_anything = False  # of the caller, or by the caller
        self.last_event_at = started_at
        timers.set("max_duration", self._ends_at)
        self._set_warning()

    def _set_warning(self) -> None:
        if self._behaviour.warn_before_end < self._behaviour.max_duration:
            self._timers.set("warning", self._ends_at - self._behaviour.warn_before_end)

    # --- the greeting ---

    def await_greeting(self, now: float) -> None:
        if not self.heard_anything:
            self._timers.set("greeting", now + self._behaviour.greeting_deadline)

    def greeting_heard(self) -> None:
        self.heard_anything = True
        self._timers.cancel("greeting")

    def may_greet_again(self, now: float) -> bool:
        """Once. After that the line counts as dead: the caller left before the accept."""
        if self._greeted_twice:
            return False
        self._greeted_twice = True
        self.await_greeting(now)
        return True

    # --- the caller ---

    def sound(self, now: float) -> None:
        """Something was heard of the caller: words, until it turns out to be a noise."""
        silences, left = self._before_sound or (0, self._behaviour.silence_after)
        spent = self._behaviour.silence_after - self._left(now)
        before = silences + self._silences, max(0.0, left - spent)
        self.sign_of_life()
        self._sounds, self._before_sound = True, before

    def was_a_noise(self, now: float) -> None:
        """The sound had no words: the caller was silent before it, during it, and since."""
        if self._before_sound is None:
            return
        (silences, left), self._before_sound = self._before_sound, None
        self._silences += silences
        self._silence_left = max(0.0, left - (self._behaviour.silence_after - self._left(now)))
        if self._timers.is_set("silence"):
            self._timers.set("silence", now + self._silence_left)

    def sign_of_life(self) -> None:
        """The caller said something, or pressed a key."""
        self.heard_anything = True
        self._silences, self._before_sound = 0, None
        self._silence_left = self._behaviour.silence_after
        self._timers.cancel("silence")

    def _left(self, now: float) -> float:
        due = self._timers.at("silence")
        return self._silence_left if due is None else due - now

    def may_ask_again(self) -> bool:
        """The caller is silent: whether to ask once more, or to give up."""
        if self._silences >= self._behaviour.silence_prompts:
            return False
        self._silences += 1
        return True

    def excused(self) -> None:
        self._excused = True

    # --- the session and the end ---

    def is_stalled(self, now: float, generating: bool) -> bool:
        """The timer for it went off; it is set anew if there were events meanwhile."""
        quiet_until = self.last_event_at + self._stalls_after(generating)
        if now < quiet_until:
            self._timers.set("stalled", quiet_until)
            return False
        return True

    def _stalls_after(self, generating: bool) -> float:
        """A response makes events all the time; a long answer may play for a while without any."""
        return self._behaviour.stall_after if generating else 4 * self._behaviour.stall_after

    def remaining(self, now: float) -> int:
        """Seconds until the call's time is up."""
        return round(self._ends_at - now)

    # --- what follows from it all ---

    def mind(
        self,
        now: float,
        *,
        generating: bool,
        expecting: bool,
        quiet: bool,
        tool_running: bool,
        leaving: bool,
        unhurried: bool,
    ) -> None:
        """Set the timers that the situation asks for, and cancel the others.

        `generating`: a response is active, or asked for. `expecting`: the session owes us events, as words are being
        played, or the caller is to be answered. `quiet`: neither side is saying anything, or about to.
        `unhurried`: keys or a transfer are waited for.
        """
        timers = self._timers
        if generating or expecting:
            timers.set_within("stalled", now + self._stalls_after(generating))
        else:
            timers.cancel("stalled")
        # Silence on the line is unpleasant: once for each bout of tools the caller hears that it takes longer.
        self._excused = self._excused and tool_running
        patience = self._behaviour.tool_patience
        if tool_running and quiet and patience is not None and not (leaving or self._excused):
            timers.set_once("slow", now + patience)
        else:
            timers.cancel("slow")
        if quiet and not (tool_running or leaving or unhurried or timers.is_set("greeting")):
            timers.set_once("silence", now + self._silence_left)
            self._sounds = False
        else:
            timers.cancel("silence")
            if not self._sounds:
                self._silence_left = self._behaviour.silence_after

    # --- handed over ---

    def snapshot(self) -> dict[str, Any]:
        return {
            "silences": self._silences,
            "silence_left": self._silence_left,
            "sounds": self._sounds,
            "before_sound": None if self._before_sound is None else list(self._before_sound),
            "excused": self._excused,
            "greeted_twice": self._greeted_twice,
            "heard_anything": self.heard_anything,
            "last_event_at": self.last_event_at,
            "warned": not self._timers.is_set("warning"),
        }

    def restore(self, value: object, now: float) -> None:
        """The timers were restored before. How long the call may be is this owner's to know, not the former one's."""
        given = snapshot.mapping(value)
        self._silences = max(0, snapshot.whole(given.get("silences")) or 0)
        left = snapshot.number(given.get("silence_left"))
        if left is not None:
            self._silence_left = min(max(0.0, left), self._behaviour.silence_after)
        self._sounds = given.get("sounds") is True
        match given.get("before_sound"):
            case [int(silences), float(seconds) | int(seconds)] if silences >= 0:
                self._before_sound = silences, min(max(0.0, float(seconds)), self._behaviour.silence_after)
        self._excused = given.get("excused") is True
        self._greeted_twice = given.get("greeted_twice") is True
        self.heard_anything = self.heard_anything or given.get("heard_anything") is True
        self.last_event_at = min(now, snapshot.number(given.get("last_event_at")) or now)
        self._timers.set("max_duration", self._ends_at)
        self._set_warning()
        self.restore_old(value)
        if not self.heard_anything and not self._timers.is_set("greeting"):
            self.await_greeting(now)

    def restore_old(self, value: object) -> None:
        """Of an old snapshot: what was done, and stays done."""
        if snapshot.mapping(value).get("warned") is True:
            self._timers.cancel("warning")
