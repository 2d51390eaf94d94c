"""All agents of a deployment: which one answers."""

from pathlib import Path

from tests.unit.agentfile.files import LINE, load


def test_the_dialled_number_finds_its_agent_and_every_other_one_the_default(tmp_path: Path) -> None:
    found = load(tmp_path, desk=LINE, night="answers: default\ninstructions: hi\n")
    names = [agent.name for dialled in ("+18005551212", "+4930123456", None) if (agent := found.answering(dialled))]
    assert names == ["desk", "night", "night"]
    assert found.named("desk") is found.answering("+18005551212")
    assert found.named("nobody") is None


def test_without_a_default_an_unknown_number_has_no_agent(tmp_path: Path) -> None:
    assert load(tmp_path, desk=LINE).answering("+4930123456") is None
