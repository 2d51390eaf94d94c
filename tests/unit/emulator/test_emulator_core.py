"""The parts of the emulator that need neither clock nor socket."""

import base64
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import call_accept_params, realtime_client_event_param
from openai.types.realtime.realtime_response_create_params_param import RealtimeResponseCreateParamsParam

from infra.emulator import faults, lines, script, session, speech, webhooks
from infra.emulator.control import Ring
from infra.emulator.conversation import Conversation, ItemNotFound
from infra.emulator.faults import Faults
from infra.emulator.lines import Agent, Tool
from infra.emulator.problems import BadInput
from infra.emulator.response import Response
from infra.emulator.script import Script
from infra.emulator.settings import Settings
from infra.emulator.shapes import Shape, Wrong
from infra.emulator.usage import Meter
from infra.emulator.wire_shapes import CLIENT_EVENTS, SESSION

DOCUMENTED = (Settings, Script, Ring, Faults, faults.WebhookFaults, faults.RestFault, faults.SidebandFaults)
LINES = [each for each in vars(lines).values() if isinstance(each, type) and issubclass(each, lines.Strict)]
EMULATOR = Path(webhooks.__file__).parent
OPENED = session.opened({"type": "realtime", "model": "gpt-realtime-2.1"}, 0)


def json_like(*keys: str) -> st.SearchStrategy[Any]:
    """Any JSON, with a liking for these keys."""
    leaves = st.none() | st.booleans() | st.integers() | st.text()
    names = st.sampled_from(keys) | st.text()
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=8)


def response_to(line: Agent, params: dict[str, Any] | None = None) -> Response:
    conversation = Conversation()
    return Response(line, conversation, Meter(conversation), OPENED, params)


def test_the_signature_is_that_of_the_known_vector() -> None:
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    body = b'{"object":"event","id":"evt_1","type":"realtime.call.incoming","created_at":1750287018,'
    body += b'"data":{"call_id":"rtc_x","sip_headers":[]}}'
    signature = webhooks.sign(secret, "wh_685342e6c53c8190a1be43f081506c52", 1750287078, body)
    assert signature == "v1,S/n5SQ52VPKAG/cL6+UHTVBhaIoSIRPdSNaLxLh0qG4="


def test_a_secret_without_its_prefix_is_used_as_it_is() -> None:
    assert webhooks.sign("plain", "wh_1", 1, b"{}") != webhooks.sign("whsec_cGxhaW4h", "wh_1", 1, b"{}")
    assert webhooks.sign("plain", "wh_1", 1, b"{}") == webhooks.sign("whsec_cGxhaW4=", "wh_1", 1, b"{}")


@given(st.text())
def test_deltas_joined_are_the_text(text: str) -> None:
    assert "".join(speech.pieces(text)) == text
    assert "".join(speech.fragments(text)) == text


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ("Say to the user 'Thank you for calling, how can I help you'", "Thank you for calling, how can I help you"),
        ('Greet them with "Hello, it\'s me".', "Hello, it's me"),
        ("Say goodbye.", "Say goodbye."),
        ("Don't say 'I don't know'", "I don't know"),
        (None, speech.NEUTRAL),
        ("", speech.NEUTRAL),
    ],
)
def test_an_improvisation_says_what_the_instructions_quote(instructions: str | None, said: str) -> None:
    assert speech.improvised(instructions) == said


def test_a_response_is_a_list_of_timed_events_without_any_clock() -> None:
    steps = list(response_to(Agent(agent="One two three four five.", tool=Tool(name="t"))).steps())
    kinds = [step.event["type"] for step in steps if step.event]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.done"
    assert [step.event["type"] for step in steps if step.event and step.audio_begins] == ["response.content_part.added"]
    assert 0.3 < sum(step.after for step in steps) < 1.0


SPEAKS_AND_CALLS = Agent(agent="One two three four five six.", tools=[Tool(name="t", arguments={"a": "long enough"})])


@pytest.mark.parametrize("pauses", range(6))
def test_a_response_cut_at_any_pause_closes_what_it_opened(pauses: int) -> None:
    response = response_to(SPEAKS_AND_CALLS)
    events = []
    for step in response.steps():
        if step.after and not pauses:
            break  # interrupted while waiting for this event: it is never sent
        pauses -= bool(step.after)
        events.append(step.event)
    else:
        pytest.fail("the response has fewer pauses than that")
    events += response.cut("turn_detected")
    kinds = [event["type"] for event in events if event]
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
    assert kinds.count("response.content_part.added") == kinds.count("response.content_part.done")
    assert kinds[-1] == "response.done"
    assert response.status == "cancelled"
    deltas = "".join(event.get("delta", "") for event in events if event)
    assert deltas == "".join(_content(item) for item in response.output)


def _content(item: dict[str, Any]) -> str:
    return str(item["arguments"] if item["type"] == "function_call" else item["content"][0]["transcript"])


def test_items_keep_their_order_wherever_they_are_put() -> None:
    conversation = Conversation()
    assert conversation.add({"id": "a", "type": "message"}) is None
    assert conversation.add({"id": "b", "type": "message"}) == "a"
    assert conversation.add({"id": "c", "type": "message"}, after="a") == "a"
    assert conversation.add({"id": "d", "type": "message"}, after="root") is None
    assert conversation.order == ["d", "a", "c", "b"]
    with pytest.raises(ItemNotFound):
        conversation.add({"id": "e", "type": "message"}, after="z")


# ---------------------------------------------------------------------- shapes


@pytest.mark.parametrize("name", call_accept_params.CallAcceptParams.__annotations__)
def test_every_documented_field_of_a_session_is_known(name: str) -> None:
    with pytest.raises(Wrong) as wrong:
        SESSION({"type": "realtime", name: object()}, "")
    assert wrong.value.code == "invalid_type"


@pytest.mark.parametrize("name", RealtimeResponseCreateParamsParam.__annotations__)
def test_every_documented_field_of_a_response_is_known(name: str) -> None:
    with pytest.raises(Wrong) as wrong:
        CLIENT_EVENTS["response.create"]({"type": "response.create", "response": {name: object()}}, "")
    assert wrong.value.code == "invalid_type"


def test_every_client_event_of_the_package_is_known() -> None:
    union = get_args(realtime_client_event_param.RealtimeClientEventParam)
    known = {get_args(get_type_hints(each)["type"])[0] for each in union}
    assert known == set(CLIENT_EVENTS)


@given(json_like("type", "role", "content", "item", "tools", "audio", "input", "id"))
def test_whatever_a_client_sends_is_accepted_or_wrong_but_never_an_accident(value: Any) -> None:
    for kind, shape in CLIENT_EVENTS.items():
        for event in (value, {"type": kind, "item": value, "session": value, "response": value, "item_id": value}):
            assert _complaint(shape, event).endswith(".")


def _complaint(shape: Shape, event: Any) -> str:
    try:
        shape(event, "")
    except Wrong as wrong:
        return wrong.message
    return "Nothing."


# ---------------------------------------------------------------------- scripts


def test_the_shipped_scripts_are_well_formed_and_described() -> None:
    scripts = script.load_all(script.SHIPPED)
    assert set(scripts) == {
        *("opening-hours", "caller-hangs-up", "interruption", "late-transcripts", "dtmf", "silent-caller"),
        *("parallel-tools", "long-call", "transfer", "garbage"),
    }
    assert all(each.description for each in scripts.values())


def test_repeats_are_written_out() -> None:
    inner = {"repeat": 2, "lines": [{"caller": "Hi."}]}
    lines = script.parse({"lines": [{"repeat": 3, "lines": [inner, {"agent": "Hello."}]}]}).lines
    assert [type(line).__name__ for line in lines] == ["Caller", "Caller", "Agent"] * 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lines: [", "bad.yaml, line 1: not valid YAML"),
        ("- agent: Hi", "bad.yaml: a script is a mapping"),
        ("lines:\n  - agnt: Hi", "bad.yaml, line 2: lines[0]: a line has one of agent, tool, "),
        ("lines:\n  - agent: Hi\n    tol: x", "bad.yaml, line 3: lines[0].tol is not a known field."),
        ("speed: fast", "bad.yaml, line 1: speed must be a number, not 'fast'."),
        (
            "lines:\n  - repeat: 2\n    lines:\n      - dtmf: 'x'",
            "bad.yaml, line 4: lines[0].lines[0].dtmf must match ^[0-9*#A-D]+$, not 'x'.",
        ),
        (
            "lines:\n  - caller: Hi\n    transcription: sometimes",
            "bad.yaml, line 3: lines[0].transcription must be 'before', 'after', 'never' or 'failed', not 'sometimes'.",
        ),
        (
            "lines:\n  - repeat: 20000\n    lines:\n      - {agent: a}\n      - {agent: b}",
            "bad.yaml, line 1: lines: a script has at most 20000 lines once its repeats are unrolled.",
        ),
    ],
)
def test_a_wrong_script_names_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(BadInput) as refused:
        script.load_all(tmp_path)
    assert str(refused.value).startswith(complaint)


@given(json_like("agent", "caller", "tool", "repeat", "lines", "raw", "drop"))
def test_whatever_is_given_as_a_script_is_a_script_or_one_sentence(value: Any) -> None:
    for data in (value, {"lines": value}, {"lines": [value]}):
        assert _parsed(data).startswith("script")


def _parsed(data: Any) -> str:
    try:
        return f"script {script.parse(data).name}"
    except BadInput as refused:
        return str(refused)


def test_every_fact_that_the_code_cites_is_on_the_page_of_facts() -> None:
    page = (EMULATOR / "FACTS.md").read_text()
    code = "\n".join(path.read_text() for path in EMULATOR.glob("*.py"))
    cited = set(re.findall(r"(?:facts |facts, |, |to )(\d(?:\.\d)?|appendix [A-E])(?=[),;: ])", _citations(code)))
    assert len(cited) > 20
    for fact in cited:
        assert re.search(rf"^(## |- \*\*){re.escape(fact)}(\*\*)? ", page, re.MULTILINE), f"facts {fact} is nowhere"


def _citations(code: str) -> str:
    return " ".join(re.findall(r"facts[ ,][^)\n]*[)\n]", code))


@pytest.mark.parametrize("model", [*DOCUMENTED, *LINES], ids=lambda model: str(model.__name__))
def test_every_field_one_can_set_is_in_the_readme(model: Any) -> None:
    page = (EMULATOR / "README.md").read_text()
    for name, field in model.model_fields.items():
        assert re.search(rf"\b{field.alias or name}\b", page), f"{model.__name__}.{name} is not in the README"
