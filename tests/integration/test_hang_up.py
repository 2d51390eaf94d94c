"""A hang-up that was decided happens, whoever is left to do it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.emulator.client import Shown
from ringside.openai import urls
from tests.drills.compare import Lived, flaws_of
from tests.drills.ground import Ground
from tests.drills.talk import GREETING, endless, goodbye, script
from tests.integration.orphans import orphan, record_of

UNANSWERED: dict[str, Any] = {"hang": True, "times": 1}

# What each call's former owner had come to before it died: how OpenAI answered its request and then its successor's.
ASKED: dict[str, tuple[dict[str, Any], list[int | None]]] = {
    "asked": ({"hangup": UNANSWERED}, [None, 200]),
    "asked, and done": ({"hangup": {**UNANSWERED, "effect": True}, "sideband": {"never_close": True}}, [None, 404]),
}
CLAIMED: dict[str, list[int | None]] = {"claimed": [200], "claimed, and done": [200, 404]}


def hang_ups(known: Shown) -> list[int | None]:
    """The answers to those who asked OpenAI to hang up."""
    return [request["status"] for request in known["requests"] if request["path"].endswith("/hangup")]


def given_leave(ground: Ground) -> list[str]:
    """Calls that the agent has ended; their owner dies while it waits for the answer to its request."""
    talk = script([{"agent": GREETING}, *goodbye()])
    faults = [given for given, _ in ASKED.values()]
    (victim,) = ground.fresh_monitors(1)
    ids = ground.ring_all([talk] * len(faults), over=0, faults=lambda number: faults[number])
    for call_id in ids:
        ground.emulator.until(call_id, hang_ups, 20)
    ground.kill_monitor(victim)
    return ids


def left_in_silence(ground: Ground) -> list[str]:
    """Calls whose caller was silent for too long; their owner claims the hang-up, does it in the last, and is gone."""
    ids = []
    for _ in CLAIMED:
        mine = orphan(ground, endless())
        assert record_of(ground).claim_effect(mine, "greeting")
        assert record_of(ground).claim_effect(mine, "hang_up", None, {"hang_up_reason": "silence"})
        ids.append(mine.call_id)
    url, key = urls.call_url(ground.openai_base_url, ids[-1], "hangup"), ground.openai.api_key
    httpx.post(url, headers={"Authorization": f"Bearer {key}"}, trust_env=False).raise_for_status()
    return ids


@pytest.fixture(scope="module")
def calls() -> Iterator[dict[str, Lived]]:
    with Ground(monitors=0, pace=0.2, lease=2, poll=1) as ground:
        ids = [*given_leave(ground), *left_in_silence(ground)]
        ground.add_monitor()
        records = ground.wait_for_records(ids, 30)
        lived = [Lived(ground.emulator.shown(record.call["call_id"]), record, {}) for record in records]
        yield dict(zip([*ASKED, *CLAIMED], lived, strict=True))


@pytest.mark.parametrize("how", ASKED)
def test_a_goodbye_whose_owner_died_ends_with_the_next_ones_hang_up(calls: dict[str, Lived], how: str) -> None:
    call = calls[how]

    assert (hang_ups(call.known), call.known["ended"]["by"]) == (ASKED[how][1], "hangup")
    assert flaws_of(call, reason="agent_hung_up", pace=0.2) == []
    assert (call.record.call["hang_up_reason"], call.record.call["epoch"]) == ("agent_hung_up", 2)


@pytest.mark.parametrize("how", CLAIMED)
def test_a_hang_up_that_was_only_claimed_is_done_and_a_404_says_that_it_was(calls: dict[str, Lived], how: str) -> None:
    call = calls[how]

    assert (hang_ups(call.known), call.known["ended"]["by"]) == (CLAIMED[how], "hangup")
    assert (call.record.status, call.record.call["end_reason"]) == ("ended", "silence")
    assert (call.record.call["hang_up_reason"], call.record.call["epoch"]) == ("silence", 2)
    assert call.greetings == 0
