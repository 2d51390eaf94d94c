"""README.md and FACTS.md say what the code does."""

import re
from pathlib import Path
from typing import Any

import pytest

from infra.emulator import app, faults
from infra.emulator.control.endpoints import Ring
from infra.emulator.faults import Faults
from infra.emulator.scripts import lines
from infra.emulator.scripts.script import Script
from infra.emulator.settings import Settings
from infra.emulator.strict_model import Strict

DOCUMENTED = (Settings, Script, Ring, Faults, faults.WebhookFaults, faults.RestFault, faults.SidebandFaults)
LINES = [each for each in vars(lines).values() if isinstance(each, type) and issubclass(each, Strict)]
EMULATOR = Path(app.__file__).parent


def test_every_fact_that_the_code_cites_is_on_the_page_of_facts() -> None:
    page = (EMULATOR / "FACTS.md").read_text()
    code = "\n".join(path.read_text() for path in EMULATOR.rglob("*.py"))
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
