"""The agents to start from, in docs/examples: valid, and their tools work."""

from pathlib import Path

from ringside.agentfile.tool_keys import visible
from ringside.tools import runner
from ringside.tools.definition import CallContext
from ringside.tools.loader import load_agents_and_tools, load_tools

DOCS = Path(__file__).parents[3] / "docs"


EXAMPLES = DOCS / "examples" / "agents"


def test_the_example_agents_are_valid_and_answer_different_numbers() -> None:
    found, _ = load_agents_and_tools(EXAMPLES)
    assert [agent.name for agent in found] == ["appointments", "blank", "receptionist", "voicemail"]
    night = found.answering("+14255550199")
    assert night is not None
    assert night.name == "voicemail"


async def test_the_appointment_line_s_tools_book_a_time_once() -> None:
    known = visible("appointments", load_tools(EXAMPLES))
    call = CallContext("rtc_1", "call_1", "appointments", None, None)
    times = await runner.run(known, "call_0", "free_times", '{"subject": "pain"}', 5, call)
    assert times.output == '["2026-12-01 09:30", "2026-12-01 14:00", "2026-12-02 11:15"]'
    wish = '{"time": "2026-12-01 09:30", "subject": "pain"}'
    booked = [await runner.run(known, "call_1", "book", wish, 5, call) for _ in range(2)]
    assert [finished.outcome for finished in booked] == ["ok", "ok"]
    assert ['"booked"' in finished.output for finished in booked] == [True, False]
    refused = await runner.run(known, "call_2", "book", '{"time": "tomorrow", "subject": "pain"}', 5, call)
    assert refused.outcome == "refused"
