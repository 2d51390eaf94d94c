"""`make sam-invoke` and `make sam-api`, as far as no container is needed: what SAM is given, and what is said when
something is missing. With containers: test_sam_local_run.py."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from standardwebhooks import Webhook

from infra.deploy import checks, sam_events, samlocal
from infra.deploy.programs import DeployError
from infra.deploy.sam_cli import answer_of
from infra.local import engine as engines
from infra.local import template as templates
from infra.local.engine import Engine, EngineError, Way
from infra.local.template import REPOSITORY

PLAIN_FLAGS = ("--template", "--event", "--env-vars", "--region")
"""Which test_sam_local_run.py gives to a plain `sam local invoke`."""

SECRET = "whsec_bm9ib2R5IG1heSBzZWUgdGhpcyBzZWNyZXQh"


def test_sam_gets_a_template_that_says_where_the_local_cloud_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "template.yaml").write_text((REPOSITORY / "template.yaml").read_text(encoding="utf-8"))
    monkeypatch.setattr(samlocal, "NATIVE", tmp_path)
    monkeypatch.setattr(checks, "build_native", lambda: None)

    path = samlocal.template_for({"AWS_ENDPOINT_URL": "http://10.88.0.1:5000", "RINGSIDE_TABLE": "calls"})

    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    declared = document["Globals"]["Function"]["Environment"]["Variables"]
    assert declared["RINGSIDE_TABLE"] == "calls"
    assert declared["AWS_ENDPOINT_URL"] == "http://10.88.0.1:5000"
    assert "RINGSIDE_LEASE" in declared


def test_a_plain_sam_local_can_be_told_where_aws_is() -> None:
    """SAM passes on only variables that the template declares; empty, boto3 takes it for none."""
    document = templates.parse((REPOSITORY / "template.yaml").read_text(encoding="utf-8"))

    assert document["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] == ""


def test_without_a_local_cloud_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="make local"):
        samlocal.local_environment(tmp_path / "env")


@pytest.mark.parametrize("command", ["event", "invoke"])
def test_an_unknown_event_is_refused_with_the_names_of_the_known_ones(command: str) -> None:
    program = [sys.executable, "-m", "infra.deploy.samlocal", command, "nothing"]
    done = subprocess.run(program, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "incoming-guide" in done.stderr


@pytest.mark.parametrize("problem", [EngineError(engines.NO_ENGINE), DeployError("x: one line"), checks.Skipped("y")])
def test_what_is_missing_is_one_line_and_a_failure(
    problem: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Engine:
        raise problem

    monkeypatch.setattr(samlocal, "local_environment", lambda: {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    monkeypatch.setattr(engines, "find", fail)

    monkeypatch.setattr(sys, "argv", ["samlocal", "invoke"])
    assert samlocal.main() == 1
    assert capsys.readouterr().err.splitlines() == [str(problem)]


def test_an_engine_for_another_processor_than_pythons_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    with pytest.raises(DeployError, match="finch runs containers for arm64, and this Python is for x86_64"):
        samlocal.same_architecture(Engine("finch", ("finch",), "arm64", Way("host")))
    samlocal.same_architecture(Engine("finch", ("finch",), "x86_64", Way("host")))


# --- what SAM answers, which exits with 0 whatever became of the function -----------------------


def test_the_functions_answer_is_what_sam_prints_last() -> None:
    assert answer_of(0, 'Invoking ...\n\n{"statusCode": 401, "body": "no"}\n') == '{"statusCode": 401, "body": "no"}'


@pytest.mark.parametrize(
    ("status", "output", "said"),
    [
        (1, "", "exit status 1"),
        (0, "", "no answer"),
        (0, "Traceback\n", "no answer"),
        (0, '{"errorType": "Runtime.ImportModuleError", "errorMessage": "No module named x"}', "No module named x"),
        (0, '{"errorType": "Sandbox.Timedout"}', "Sandbox.Timedout"),
        (0, '{"statusCode": 503, "body": "not now"}', "answered 503 'not now'"),
    ],
)
def test_a_function_that_failed_is_a_failure(status: int, output: str, said: str) -> None:
    with pytest.raises(DeployError, match=said):
        answer_of(status, output)


# --- events --------------------------------------------------------------------------------------


def test_an_event_is_signed_over_what_the_function_will_read() -> None:
    event = sam_events.event("body-in-base64", "rtc_1", SECRET)
    plain = sam_events.event("incoming-guide", "rtc_1", SECRET)

    assert event["isBase64Encoded"] is True
    assert "rtc_1" in plain["body"]
    assert "{created_at}" not in plain["body"]
    Webhook(SECRET).verify(plain["body"], plain["headers"])


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("title-case-headers", "Webhook-Id", "wh_rtc_1"),
        ("incoming-guide", "webhook-id", "wh_rtc_1"),
        ("signed-long-ago", "webhook-timestamp", "1750287078"),
        ("signed-by-another", "webhook-signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ],
)
def test_signatures_are_written_as_the_files_other_headers_are(name: str, header: str, value: str) -> None:
    assert sam_events.event(name, "rtc_1", SECRET)["headers"][header] == value


def test_a_load_balancers_headers_are_lists() -> None:
    event = sam_events.event("load-balancer-multi-value", "rtc_1", SECRET)

    assert event["multiValueHeaders"]["webhook-id"] == ["wh_rtc_1"]


# --- the page ------------------------------------------------------------------------------------


def test_what_the_page_says_for_an_engine_exists() -> None:
    page = (REPOSITORY / "docs" / "deploy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh engine\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line.partition(">")[0]) for block in blocks for line in block.splitlines()]
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")

    assert len(lines) > 5
    for program, *words in lines:
        if program == "make":
            assert f"\n{words[0]}: " in makefile
        elif program == "sam":
            assert set(re.findall(r"--[a-z-]+", " ".join(words))) <= set(PLAIN_FLAGS)
        else:
            assert words[:2] == ["-m", "infra.deploy.samlocal"]
            samlocal.program.parse_args(words[2:], exit_on_error=False, print_error=False)
