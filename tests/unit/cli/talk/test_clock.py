"""The agent's clock."""

from cli.talk.clock import TurnClock


def test_it_runs_while_the_agent_works_and_stands_still_while_the_caller_types() -> None:
    ours = [10.0]
    clock = TurnClock(1000.0, lambda: ours[0])
    ours[0] = 20.0
    assert clock.now() == 1000.0
    clock.run()
    ours[0] = 25.0
    assert (clock.now(), clock.runs) == (1005.0, True)
    clock.stop()
    ours[0] = 99.0
    assert (clock.now(), clock.runs) == (1005.0, False)


def test_time_passes_when_it_is_let_and_never_backwards() -> None:
    clock = TurnClock(1000.0, lambda: 0.0)
    clock.pass_to(1015.0)
    clock.pass_to(1001.0)
    assert clock.now() == 1015.0
