"""Half of a surrogate pair: JSON and YAML can write it, UTF-8 and therefore the wire cannot."""

from pathlib import Path
from typing import Any

import pytest

from infra.emulator.control.endpoints import Ring
from infra.emulator.errors import BadInput, half_a_pair
from infra.emulator.scripts import script
from infra.emulator.strict_model import checked

HALF = "\ud83d"
RING = {"from": "+1", "to": "+2"}


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (RING | {"from": HALF}, "from"),
        (RING | {"sip_headers": [{"name": "X", "value": f"a{HALF}b"}]}, "sip_headers[0].value"),
        (RING | {"script": {"lines": [{"caller": HALF}]}}, "script.lines[0].caller"),
        (RING | {"faults": {"webhook": {HALF: 1}}}, "faults.webhook.?"),
    ],
)
def test_it_is_refused_wherever_it_is(data: Any, where: str) -> None:
    with pytest.raises(BadInput) as refused:
        checked(Ring, data)
    assert str(refused.value) == f"{where} has half of a surrogate pair in it, which is not a character."
    str(refused.value).encode()


def test_in_a_script_file_the_line_is_named(tmp_path: Path) -> None:
    for line in ('caller: "\\ud83d"', 'agent: "\\ud83d"', 'raw: {text: "\\ud83d"}'):
        (tmp_path / "half.yaml").write_text(f"lines:\n  - agent: Hi\n  - {line}\n")
        with pytest.raises(BadInput, match=r"^half.yaml, line 3: lines\[1\]\.[a-z.]+ has half of a surrogate pair"):
            script.load_all(tmp_path)


def test_a_whole_pair_is_a_character() -> None:
    assert half_a_pair({"a": ["\N{TELEPHONE RECEIVER}\U0001f4de"]}) is None
