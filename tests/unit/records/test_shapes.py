"""The shapes in which calls are shown, whatever is not known of them."""

from ringside.records import shapes


def test_a_transfer_and_a_decision_have_what_every_reader_looks_for() -> None:
    call = {"transfer": {"target": "desk", "verdict": "left", "asked_at": 1.0}, "decision": {"verdict": "accept"}}

    shown = shapes.whole(call, [])

    assert shown["transfer"] == {"target": "desk", "verdict": "left", "why": None, "asked_at": 1.0}
    assert shown["decision"] == {"verdict": "accept", "rule": None, "sip_status": None}


def test_a_call_without_either_has_neither() -> None:
    shown = shapes.whole({}, [])

    assert (shown["transfer"], shown["decision"]) == (None, None)
