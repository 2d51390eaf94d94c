"""`ringside doctor`: each thing that can be wrong, made wrong once."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config

from cli import cloud
from cli.doctor.agents import agents_folder, check_agents, check_model
from cli.doctor.aws import check_queue, check_table
from cli.doctor.finding import Finding, State
from cli.doctor.http import check_openai, check_webhook
from cli.doctor.secret import Keys, check_secret
from cli.main import main
from cli.options import Deployment as Options
from infra.local.agents import DEMO_AGENTS
from ringside.agentfile.fingerprint import fingerprint
from ringside.aws.record import Record
from ringside.settings import SHIPPED
from tests.integration.conftest import REGION, table_properties

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sqs.client import SQSClient

KEY = "sk-test-1234567890"
SIGNING = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]
TODAY = date(2026, 11, 23)
HTTP = httpx.Client(trust_env=False)


@dataclass
class Neighbour:
    """OpenAI and the webhook in one server: answers by path, and remembers what was asked."""

    answers: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    url: str = ""
    models: tuple[str, ...] = ()

    def status(self, method: str, path: str, key: str | None) -> int:
        self.asked.append((method, path, key))
        if path == "/v1/models" and path not in self.answers:
            return 200 if key == f"Bearer {KEY}" else 401
        return self.answers.get(path, 404)


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    found = Neighbour({"/webhook": 401})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            body = json.dumps({"object": "list", "data": [{"id": name} for name in found.models]}).encode()
            self.send_response(found.status(self.command, self.path, self.headers.get("authorization")))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Deployment:
    """Everything as it should be; a test breaks one thing and looks."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    neighbour: Neighbour
    aws: "Aws"
    queue_url: str
    secret_id: str
    agents: Path
    key: str = KEY

    def put_secret(self, value: object) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.aws.secrets.put_secret_value(SecretId=self.secret_id, SecretString=text)

    def examine(self) -> tuple[int, list[dict[str, str]]]:
        """The exit status of the command, and everything that is not well."""
        self.capsys.readouterr()
        status = main(["doctor", "--json", "--agents", str(self.agents)])
        findings = json.loads(self.capsys.readouterr().out)
        return status, [finding for finding in findings if finding["state"] != "ok"]

    def wrong(self, check: str) -> list[str]:
        """What one check finds wrong; each with something to do about it."""
        found = [finding for finding in self._look(check) if finding.state is State.WRONG]
        assert all(finding.check == check and finding.todo for finding in found)
        return [finding.what for finding in found]

    def warned(self, check: str) -> list[str]:
        """What one check warns of, where nothing is wrong."""
        found = [finding for finding in self._look(check) if finding.state is not State.OK]
        assert {finding.state for finding in found} <= {State.WARNING}
        return [finding.what for finding in found]

    def _look(self, check: str) -> list[Finding]:
        where = cloud.find(Options())
        looks: dict[str, Callable[[], Iterator[Finding]]] = {
            "table": lambda: check_table(where),
            "queue": lambda: check_queue(where),
            "secret": lambda: check_secret(where, Keys()),
            "openai": lambda: check_openai(HTTP, where.variables["OPENAI_BASE_URL"], self.key),
            "tools": lambda: check_agents(self.agents, TODAY),
            "agents": lambda: check_agents(self.agents, TODAY),
            "webhook": lambda: check_webhook(HTTP, where.variables.get("RINGSIDE_WEBHOOK_URL")),
        }
        return list(looks[check]())


@dataclass
class Aws:
    """Clients, made once: they take longer than what is done with them."""

    secrets: "SecretsManagerClient"
    sqs: "SQSClient"


@pytest.fixture(scope="session")
def aws(aws_url: str) -> Aws:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    config = Config(proxies={})
    return Aws(
        session.client("secretsmanager", endpoint_url=aws_url, config=config),
        session.client("sqs", endpoint_url=aws_url, config=config),
    )


@pytest.fixture
def deployment(
    operator: str,
    aws: Aws,
    dynamodb: "DynamoDBClient",
    neighbour: Neighbour,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Deployment:
    ttl = table_properties()["TimeToLiveSpecification"]
    dynamodb.update_time_to_live(TableName=operator, TimeToLiveSpecification=ttl)
    queue_url = aws.sqs.create_queue(QueueName=operator)["QueueUrl"]
    secret = {"api_key": KEY, "webhook_secrets": SIGNING}
    secret_id = aws.secrets.create_secret(Name=operator, SecretString=json.dumps(secret))["ARN"]
    agents = tmp_path / "agents"
    agents.mkdir()
    for file in DEMO_AGENTS.glob("*.*"):
        (agents / file.name).write_text(file.read_text())
    for name, value in {
        "RINGSIDE_QUEUE_URL": queue_url,
        "RINGSIDE_SECRET_ID": secret_id,
        "RINGSIDE_WEBHOOK_URL": f"{neighbour.url}/webhook",
        "OPENAI_BASE_URL": f"{neighbour.url}/v1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("COLUMNS", raising=False)  # which pytest-xdist sets
    return Deployment(monkeypatch, capsys, neighbour, aws, queue_url, secret_id, agents)


def test_a_healthy_deployment_has_nothing_wrong(deployment: Deployment) -> None:
    assert deployment.examine() == (0, [])


def test_what_is_right_is_shown_too_on_a_line_each(deployment: Deployment) -> None:
    assert main(["doctor", "--agents", str(deployment.agents)]) == 0
    out, err = deployment.capsys.readouterr()
    assert err == "checking the environment\n"
    assert [line for line in out.splitlines() if not line.startswith("✓ ")] == []
    for check in (
        "settings",
        "credentials",
        "table",
        "queue",
        "secret",
        "openai",
        "tools",
        "agents",
        "models",
        "webhook",
    ):
        assert f"✓ {check}: " in out


def test_what_is_wrong_comes_with_what_to_do(deployment: Deployment) -> None:
    deployment.monkeypatch.delenv("RINGSIDE_QUEUE_URL")
    assert main(["doctor", "--agents", str(deployment.agents)]) == 1
    out, _ = deployment.capsys.readouterr()
    assert "✗ settings: RINGSIDE_QUEUE_URL: Field required\n  → set it, or name the stack with --stack\n" in out


def test_no_secret_is_ever_shown(deployment: Deployment) -> None:
    main(["doctor", "--agents", str(deployment.agents)])
    shown = "".join(deployment.capsys.readouterr())
    deployment.put_secret({"api_key": f"{KEY}\n", "webhook_secrets": [SIGNING[0] + "!", SIGNING[1][6:]]})
    main(["doctor", "--agents", str(deployment.agents)])
    shown += "".join(deployment.capsys.readouterr())
    for secret in (KEY, *(entry.removeprefix("whsec_") for entry in SIGNING)):
        assert secret not in shown


# --- AWS ---


def test_a_missing_table_is_wrong(deployment: Deployment) -> None:
    deployment.monkeypatch.setenv("RINGSIDE_TABLE", "nobody")
    assert deployment.wrong("table") == ["there is no table nobody in eu-central-1 (named by the environment)"]


def test_a_table_without_its_indexes_and_time_to_live_is_wrong(
    deployment: Deployment, dynamodb: "DynamoDBClient"
) -> None:
    properties = table_properties()
    definitions = [
        entry for entry in properties["AttributeDefinitions"] if entry["AttributeName"][:3] in ("pk", "sk", "day")
    ]
    (by_day,) = (index for index in properties["GlobalSecondaryIndexes"] if index["IndexName"] == "by_day")
    bare: Any = {**by_day, "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["call_id"]}}
    dynamodb.create_table(
        TableName="bare",
        AttributeDefinitions=definitions,
        KeySchema=properties["KeySchema"],
        GlobalSecondaryIndexes=[bare],
        BillingMode="PAY_PER_REQUEST",
    )
    deployment.monkeypatch.setenv("RINGSIDE_TABLE", "bare")
    lacking, caller, live, ttl = deployment.wrong("table")
    assert lacking.startswith("index by_day lacks status, agent, caller")
    assert (caller, live) == ("index by_caller is missing", "index live is missing")
    assert ttl == "time to live is off: old calls are never deleted"


def test_a_missing_queue_is_wrong(deployment: Deployment) -> None:
    deployment.monkeypatch.setenv("RINGSIDE_QUEUE_URL", "http://127.0.0.1/123456789012/nobody")
    (told,) = deployment.wrong("queue")
    assert told.startswith("there is no queue http://127.0.0.1/")


def test_calls_that_wait_for_a_monitor_are_a_warning(deployment: Deployment) -> None:
    deployment.aws.sqs.send_message(QueueUrl=deployment.queue_url, MessageBody="rtc_1")
    assert deployment.warned("queue") == ["reachable: 1 waiting for a monitor, 0 with a monitor"]


def test_without_credentials_or_region_nothing_of_aws_is_tried(deployment: Deployment) -> None:
    deployment.monkeypatch.delenv("AWS_REGION")
    for told in ("no AWS region", "no AWS credentials"):
        status, found = deployment.examine()
        assert status == 1
        assert [finding["what"] for finding in found if finding["state"] == "wrong"] == [told]
        deployment.monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
        deployment.monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)


def test_an_aws_that_does_not_answer_is_wrong(deployment: Deployment) -> None:
    deployment.monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    status, found = deployment.examine()
    assert status == 1
    assert [finding["check"] for finding in found if finding["state"] == "wrong"] == ["table", "queue", "secret"]


# --- the secret ---


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("", ["not a JSON object"]),
        ("sk-only", ["not a JSON object"]),
        ([KEY], ["not a JSON object"]),
        (
            {"api_key": "", "webhook_secrets": []},
            ["api_key is missing", "webhook_secrets is missing: every webhook will be refused"],
        ),
        ({"api_key": 5, "webhook_secrets": SIGNING}, ["api_key is missing"]),
        (
            {"api_key": f"{KEY}\n", "webhook_secrets": SIGNING},
            ["api_key has spaces or other invalid characters in it"],
        ),
        (
            {"api_key": KEY, "webhook_secrets": SIGNING[0]},
            ["webhook_secrets is missing: every webhook will be refused"],
        ),
        ({"api_key": KEY, "webhook_secrets": [7]}, ["webhook secret 1 is not a string"]),
        (
            {"api_key": KEY, "webhook_secrets": [SIGNING[0], SIGNING[1][6:]]},
            ["webhook secret 2 does not begin with whsec_"],
        ),
        (
            {"api_key": KEY, "webhook_secrets": [SIGNING[0][:-1]]},
            ["webhook secret 1 is not base64 after whsec_"],
        ),
        ({"api_key": KEY, "webhook_secrets": ["whsec_"]}, ["webhook secret 1 is empty after whsec_"]),
    ],
)
def test_a_secret_that_is_not_as_it_should_be_is_wrong(deployment: Deployment, secret: object, told: list[str]) -> None:
    deployment.put_secret(secret if secret != "" else " ")
    assert deployment.wrong("secret") == told


def test_a_secret_that_is_not_there_is_wrong(deployment: Deployment) -> None:
    deployment.monkeypatch.setenv("RINGSIDE_SECRET_ID", "nobody")
    assert deployment.wrong("secret") == ["there is no secret nobody, or it is empty"]


def own_signing_secret(deployment: Deployment, content: object) -> None:
    """The webhook has a secret of its own, as every stack has that was deployed lately."""
    made = deployment.aws.secrets.create_secret(Name=f"{deployment.secret_id}-own", SecretString=json.dumps(content))
    deployment.monkeypatch.setenv("RINGSIDE_WEBHOOK_SECRET_ID", made["ARN"])


def test_the_signing_secrets_are_looked_for_in_the_webhook_s_own_secret(deployment: Deployment) -> None:
    deployment.put_secret({"api_key": KEY})
    own_signing_secret(deployment, {"webhook_secrets": ["whsec_"]})
    assert deployment.wrong("secret") == ["webhook secret 1 is empty after whsec_"]


def test_signing_secrets_that_the_monitors_can_read_are_a_warning(deployment: Deployment) -> None:
    own_signing_secret(deployment, {"webhook_secrets": []})
    (told,) = deployment.warned("secret")
    assert "which the monitors can read" in told
    assert deployment.wrong("secret") == []  # they count until they are moved


def test_more_than_two_signing_secrets_are_a_warning(deployment: Deployment) -> None:
    deployment.put_secret({"api_key": KEY, "webhook_secrets": [*SIGNING, SIGNING[0]]})
    assert deployment.warned("secret") == ["3 webhook_secrets"]


# --- OpenAI and the webhook ---


def test_the_key_is_tried_with_one_cheap_request(deployment: Deployment) -> None:
    deployment.examine()
    assert deployment.neighbour.asked == [("GET", "/v1/models", f"Bearer {KEY}"), ("POST", "/webhook", None)]


def test_a_key_that_openai_refuses_is_wrong(deployment: Deployment) -> None:
    deployment.key = "sk-revoked"
    assert deployment.wrong("openai") == [f"{deployment.neighbour.url}/v1 refuses the key (401)"]


def test_a_base_url_that_is_not_openais_is_wrong(deployment: Deployment) -> None:
    deployment.monkeypatch.setenv("OPENAI_BASE_URL", deployment.neighbour.url)
    assert deployment.wrong("openai") == [f"{deployment.neighbour.url}/models answers 404"]
    deployment.monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert deployment.wrong("openai") == ["http://127.0.0.1:9/v1 cannot be reached: ConnectError"]


def test_a_key_that_may_not_list_models_is_a_warning(deployment: Deployment) -> None:
    deployment.neighbour.answers["/v1/models"] = 403
    (told,) = deployment.warned("openai")
    assert told.endswith("this key may not list models (403)")


@pytest.mark.parametrize(
    ("status", "told"),
    [(200, "accepts unsigned requests (200)"), (404, "there is nothing there (404)"), (502, "answers 502")],
)
def test_a_webhook_that_does_not_refuse_what_is_unsigned_is_wrong(
    deployment: Deployment, status: int, told: str
) -> None:
    deployment.neighbour.answers["/webhook"] = status
    (found,) = deployment.wrong("webhook")
    assert found.endswith(told)


def test_a_webhook_that_cannot_be_reached_is_wrong_and_an_unknown_one_a_warning(deployment: Deployment) -> None:
    deployment.monkeypatch.setenv("RINGSIDE_WEBHOOK_URL", "http://127.0.0.1:9/webhook")
    assert deployment.wrong("webhook") == ["http://127.0.0.1:9/webhook cannot be reached: ConnectError"]
    deployment.monkeypatch.delenv("RINGSIDE_WEBHOOK_URL")
    assert deployment.warned("webhook") == ["the URL is not known"]


# --- agents, tools, models ---


def test_every_mistake_in_an_agent_file_is_told_with_its_place(deployment: Deployment) -> None:
    (deployment.agents / "desk.yaml").write_text("answers: [5]\nspeed: fast\n")
    told = deployment.wrong("agents")
    assert len(told) == 3
    assert all(line.startswith(f"{deployment.agents}/desk.yaml:") for line in told)


def test_tools_that_cannot_be_loaded_are_wrong(deployment: Deployment) -> None:
    (deployment.agents / "tools.py").write_text("1 / 0\n")
    (told,) = deployment.wrong("tools")
    assert told.endswith("tools.py: cannot be imported: ZeroDivisionError: division by zero")


def test_a_folder_without_agents_is_wrong(deployment: Deployment, tmp_path: Path) -> None:
    deployment.agents = tmp_path / "nowhere"
    (told,) = deployment.wrong("agents")
    assert told.endswith("contains no agent file (*.yaml)")


@pytest.mark.parametrize(
    ("running", "told"),
    [
        (["here"], []),
        ([], []),
        (["other"], ["the monitors have other agent files than {folder}"]),
        (["here", "other"], ["1 of 2 monitors have other agent files than {folder}"]),
        (["here", "leaving"], []),
        (["here", "dead"], []),
    ],
)
def test_monitors_with_other_agent_files_are_a_warning(
    deployment: Deployment, operator: str, dynamodb: "DynamoDBClient", running: list[str], told: list[str]
) -> None:
    record, here = Record(dynamodb, operator, retention_days=0), fingerprint(deployment.agents)
    for number, which in enumerate(running):
        until = time.time() + (-1 if which == "dead" else 60)
        agents = here if which == "here" else "0123456789abcdef"
        record.beat(f"m{number}", until, 0, 9, draining=which == "leaving", agents=agents)
    status, findings = deployment.examine()
    expected = [text.format(folder=deployment.agents) for text in told]
    assert (status, [finding["what"] for finding in findings]) == (0, expected)


def test_an_agent_with_models_of_yesterday_is_warned_of(deployment: Deployment) -> None:
    path = deployment.agents / "concierge.yaml"
    path.write_text(path.read_text().replace("gpt-realtime-2.1", "gpt-realtime").replace("gpt-transcribe", "whisper-1"))
    warnings = list(check_agents(deployment.agents, TODAY))
    assert [finding.what for finding in warnings if finding.state is State.WARNING] == [
        "concierge: OpenAI shuts gpt-realtime down on 2027-01-20",
        "concierge: OpenAI shuts whisper-1 down on 2027-02-26",
    ]


def test_a_model_that_openai_does_not_list_is_wrong(deployment: Deployment) -> None:
    path = deployment.agents / "concierge.yaml"
    path.write_text(path.read_text().replace("gpt-realtime-2.1", "gpt-realtme-2.1"))
    listed = ["gpt-realtime-2.1", "gpt-transcribe"]
    findings = [found for found in check_agents(deployment.agents, TODAY, listed) if found.check == "agents"]
    (wrong,) = [found.what for found in findings if found.state is State.WRONG]
    assert wrong.endswith("model: OpenAI lists no model gpt-realtme-2.1 for this key; did you mean gpt-realtime-2.1?")


def test_the_models_that_openai_lists_are_kept(deployment: Deployment) -> None:
    deployment.neighbour.models = ("gpt-realtime-2.1-mini", "gpt-transcribe")
    _, findings = deployment.examine()
    (told,) = [each["what"] for each in findings if (each["check"], each["state"]) == ("agents", "warning")]
    assert told.endswith(
        "model: OpenAI does not list gpt-realtime-2.1 for this key; did you mean gpt-realtime-2.1-mini?"
    )


def test_a_model_is_wrong_once_it_was_shut_down() -> None:
    def states(today: date) -> list[State]:
        return [finding.state for finding in check_model("desk", "gpt-realtime", ["gpt-realtime"], today)]

    assert states(date(2027, 1, 19)) == [State.WARNING]
    assert states(date(2027, 1, 20)) == [State.WRONG]


def test_a_model_without_a_price_is_a_warning() -> None:
    (found,) = check_model("desk", "gpt-realtime-9", ["gpt-realtime-2.1"], TODAY)
    assert (found.state, found.what) == (
        State.WARNING,
        "desk: there is no price for gpt-realtime-9, so the cost of its calls is unknown",
    )


def test_a_relative_folder_of_agents_is_found_here_or_among_what_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert agents_folder({"RINGSIDE_AGENTS": "agents"}) == SHIPPED / "agents"
    (tmp_path / "agents").mkdir()
    assert agents_folder({"RINGSIDE_AGENTS": "agents"}) == Path("agents")
    assert agents_folder({"RINGSIDE_AGENTS": "/srv/agents"}) == Path("/srv/agents")


def test_findings_have_the_documented_fields(deployment: Deployment) -> None:
    from tests.integration.test_cli_calls import documented

    deployment.monkeypatch.delenv("RINGSIDE_WEBHOOK_URL")
    _, (finding,) = deployment.examine()
    assert list(finding) == documented("A finding")


def test_an_error_in_a_request_does_not_tell_the_key() -> None:
    (found,) = check_openai(HTTP, "no-url", KEY)
    assert found.state is State.WRONG
    assert KEY not in found.what


# --- receivers ---


def test_a_receiver_without_a_secret_is_wrong(deployment: Deployment) -> None:
    with (deployment.agents / "concierge.yaml").open("a", encoding="utf-8") as file:
        file.write("\nnotify: [{name: crm, url: 'https://crm.example.com/hook'}]\n")

    def wrong() -> list[str]:
        _, findings = deployment.examine()
        return [found["what"] for found in findings if found["check"] == "receivers"]

    assert wrong() == ["notify names crm, but this deployment keeps no secrets of receivers: nothing is sent"]
    made = deployment.aws.secrets.create_secret(Name=f"{deployment.secret_id[-6:]}-receivers", SecretString="{}")
    deployment.monkeypatch.setenv("RINGSIDE_NOTIFY_SECRET_ID", made["ARN"])
    assert wrong() == ["no secret is stored for crm: nothing is sent to it"]
    assert main(["notify", "secret", "crm"]) == 0
    assert wrong() == []
    deployment.aws.secrets.put_secret_value(SecretId=made["ARN"], SecretString="[]]")
    assert wrong() == [f"secret {made['ARN']} is not a JSON object"]


# --- MCP servers ---


def test_a_credential_that_an_agent_names_has_to_be_stored(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    with (deployment.agents / "concierge.yaml").open("a", encoding="utf-8") as file:
        file.write("\nmcp_servers: [{server_label: a, tunnel_id: t, approve: all, authorization: {secret: crm}}]\n")
    content = json.dumps({"webhook_secrets": ["whsec_" + "A" * 32]})
    made = deployment.aws.secrets.create_secret(Name=f"{deployment.secret_id[-6:]}-webhook", SecretString=content)
    deployment.monkeypatch.setenv("RINGSIDE_WEBHOOK_SECRET_ID", made["ARN"])

    def found() -> list[str]:
        _, findings = deployment.examine()
        return [found["what"] for found in findings if found["check"] == "mcp servers"]

    assert found() == ["credential crm is missing: calls go without the MCP servers that need it"]
    deployment.monkeypatch.setenv("MCP_CREDENTIAL", "t0k\nen")
    assert main(["setup", "--mcp-credential", "crm"]) == 1
    assert "nothing was changed" in capsys.readouterr().err
    deployment.monkeypatch.setenv("MCP_CREDENTIAL", "t0ken")
    assert main(["setup", "--mcp-credential", "crm"]) == 0
    assert "t0ken" not in str(capsys.readouterr())
    assert found() == []
    held = json.loads(deployment.aws.secrets.get_secret_value(SecretId=made["ARN"])["SecretString"])
    assert held == {**json.loads(content), "mcp_credentials": {"crm": "t0ken"}}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["1 x"], "a name begins with a letter"),
        (["crm", "--by-hand"], "give --mcp-credential alone"),
        (["crm"], "where monitors can read them"),
    ],
)
def test_a_credential_is_not_stored_under_any_name_beside_other_work_or_where_monitors_read(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["setup", "--mcp-credential", *arguments]) != 0
    assert told in capsys.readouterr().err
