"""The environment, read once: complete and right, or told by name what is not."""

from pathlib import Path

import pytest

from ringside import settings
from ringside.settings import SHIPPED, SettingsError

LEAST = {"RINGSIDE_TABLE": "calls", "RINGSIDE_QUEUE_URL": "https://sqs.example/q", "RINGSIDE_SECRET_ID": "secret"}


def test_three_variables_are_enough() -> None:
    found = settings.load(LEAST)
    assert (found.table, found.queue_url, found.secret_id) == ("calls", "https://sqs.example/q", "secret")
    assert found.openai_base_url == "https://api.openai.com/v1"
    assert found.agents == SHIPPED / "agents"


def test_variables_are_read_as_what_they_are() -> None:
    found = settings.load(
        {**LEAST, "RINGSIDE_LEASE": "7.5", "RINGSIDE_MAX_CALLS": "20", "RINGSIDE_AGENTS": "agents", "PATH": "/bin"}
    )
    assert (found.lease, found.max_calls, found.agents) == (7.5, 20, Path("agents"))


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert settings.load({**LEAST, "OPENAI_BASE_URL": "", "RINGSIDE_LEASE": ""}).lease == settings.load(LEAST).lease


def test_every_missing_variable_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        settings.load({})
    for name in LEAST:
        assert name in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RINGSIDE_TABLE", "   "),
        ("OPENAI_BASE_URL", "api.openai.com/v1"),
        ("OPENAI_BASE_URL", "https://api.openai.com/v1?key=1"),
        ("RINGSIDE_RING_LIMIT", "soon"),
        ("RINGSIDE_RING_LIMIT", "0"),
        ("RINGSIDE_RING_LIMIT", "nan"),
        ("RINGSIDE_LEASE", "inf"),
        ("RINGSIDE_MAX_CALLS", "1.5"),
        ("RINGSIDE_RETENTION_DAYS", "0"),
    ],
)
def test_a_wrong_variable_is_told_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings.load({**LEAST, name: value})


def test_the_message_does_not_repeat_what_the_variables_hold() -> None:
    with pytest.raises(SettingsError) as refused:
        settings.load({**LEAST, "OPENAI_BASE_URL": "sk-secret"})
    assert "sk-secret" not in str(refused.value)


def test_the_process_environment_is_read_when_nothing_else_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LEAST.items():
        monkeypatch.setenv(name, value)
    assert settings.load().table == "calls"


def test_tools_see_where_they_run_and_what_is_theirs_and_no_secret() -> None:
    given = {
        **LEAST,
        "PATH": "/bin",
        "AWS_REGION": "eu-central-1",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials",
        "TOOLS_CRM_URL": "https://crm.example",
        "OPENAI_API_KEY": "sk-secret",
        "OPENAI_BASE_URL": "https://api.openai.com/v1",
        "RINGSIDE_WEBHOOK_SECRETS": "whsec",
        "ECS_AGENT_URI": "http://169.254.170.2",
        "DATABASE_PASSWORD": "secret",
    }
    hidden = {"RINGSIDE_SECRET_ID", "RINGSIDE_WEBHOOK_SECRETS", "ECS_AGENT_URI", "DATABASE_PASSWORD"}

    seen = settings.load(given).tools_environment
    assert {name for name in given if name not in seen} == hidden | {"OPENAI_API_KEY", "OPENAI_BASE_URL"}
