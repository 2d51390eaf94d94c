"""A local cloud has a stand-in for each credential that its agent files name."""

from pathlib import Path

from infra.local import stack
from infra.local.agents import credential_names
from tests.unit.agentfile.files import LINE


def test_each_credential_that_a_file_names_has_a_stand_in(tmp_path: Path) -> None:
    server = "{server_label: crm, tunnel_id: t, authorization: {secret: crm}, headers: {X-Key: {secret: team}}}"
    (tmp_path / "desk.yaml").write_text(f"{LINE}mcp_servers: [{server}]\n", encoding="utf-8")

    contents = stack.secrets("sk-1", ["whsec_1"], credential_names(tmp_path))

    assert contents["WebhookSecret"]["mcp_credentials"] == {"crm": "local-crm", "team": "local-team"}
    assert "local" not in str(contents["Secret"])


def test_files_that_cannot_be_read_name_none(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text("answers: 7", encoding="utf-8")

    assert credential_names(tmp_path) == frozenset()
