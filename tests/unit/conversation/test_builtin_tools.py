"""What the model is shown of the built-in tools."""

import json

from ringside.conversation import builtin_tools

# --- what the model is shown -----------------------------------------------------------------


def test_the_model_sees_names_and_never_an_address() -> None:
    shown = builtin_tools.functions(builtin_tools.NAMES, {"sales": "for buying", "desk": ""})
    transfer = next(function for function in shown if function["name"] == "transfer")
    assert transfer["parameters"]["properties"]["to"]["enum"] == ["sales", "desk"]
    assert "sales: for buying; desk" in transfer["description"]
    assert "tel:" not in json.dumps(shown)


def test_only_what_the_agent_names_is_shown() -> None:
    assert [function["name"] for function in builtin_tools.functions(frozenset({"note"}), {"sales": ""})] == ["note"]
    assert builtin_tools.functions(frozenset({"transfer"}), {}) == []
