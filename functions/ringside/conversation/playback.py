"""What the caller can still hear. Pure.

The session generates faster than it speaks: a response that has ended is played for a while yet.
"""

from typing import Any

from ringside.conversation import snapshot

BEFORE = "before"
"""Stands for the response that may still be playing since before we listened: in a gap, or under another owner."""

BEFORE_SECONDS = 5.0
"""How long that response is taken to be heard, if nothing is learnt of its end: about as long as a goodbye lasts."""

REMEMBERED = 16
"""How many of the responses that are over the next owner learns of: their last events may still be under way."""


class Playback:
    """By the ids of the responses."""

    def __init__(self) -> None:
        self.unheard: set[str] = set()  # those whose words are not played to their end
        self.has_begun = False  # whether anything was ever played
        self._audible: set[str] = set()  # those that began to be played
        self._silent: dict[str, None] = {}  # those of which nothing more will be played, the latest last
        self._is_uncertain = False  # whether one may be playing that began in a gap

    @property
    def is_playing(self) -> bool:
        return bool(self.unheard)

    def was_audible(self, response_id: str) -> bool:
        return response_id in self._audible

    def begins(self) -> None:
        """A response is generated while we listen: of whatever is played from now on we hear."""
        self._is_uncertain = False

    def speaks(self, response_id: str) -> None:
        """It has words."""
        self._is_uncertain = False
        if response_id not in self._silent:  # what was interrupted still gets its transcript
            self.unheard.add(response_id)

    def started(self, response_id: str) -> bool:
        """It begins to be played. Returns whether it is the first of the call."""
        for earlier in (self._audible & self.unheard) - {response_id}:  # one is played at a time
            self.stopped(earlier)
        self._audible.add(response_id)
        self.speaks(response_id)
        first, self.has_begun = not self.has_begun, True
        return first

    def stopped(self, response_id: str) -> None:
        self._is_uncertain = False
        self._silent[response_id] = None
        self.unheard -= {response_id, BEFORE}

    def cleared(self, response_id: str) -> list[str]:
        """The caller interrupted it. Returns all that will not be heard: what waited for its turn is gone as well."""
        gone = sorted({response_id, *self.unheard})
        for each in gone:
            self.stopped(each)
        return gone

    def lost(self, *, may_play: bool) -> None:
        """We did not listen for a while; whether something is still being played is not known."""
        self.unheard, self._is_uncertain = {BEFORE} if may_play else set(), True

    def may_be_saying_it(self) -> bool:
        """Something is to be done once the words to it were heard. Returns whether these may be words of a gap."""
        if self._is_uncertain:
            self.unheard.add(BEFORE)
        return self._is_uncertain

    def snapshot(self) -> dict[str, Any]:
        return {
            "unheard": sorted(self.unheard),
            "audible": sorted(self._audible & self.unheard),
            "silent": list(self._silent)[-REMEMBERED:],
            "has_begun": self.has_begun,
            "uncertain": self._is_uncertain,
        }

    def restore(self, value: object) -> None:
        given = snapshot.mapping(value)
        self.unheard = set(snapshot.texts(given.get("unheard")))
        self._audible = set(snapshot.texts(given.get("audible")))
        self._silent = dict.fromkeys(snapshot.texts(given.get("silent")))
        self.has_begun = self.has_begun or given.get("has_begun") is True
        self._is_uncertain = given.get("uncertain") is True
