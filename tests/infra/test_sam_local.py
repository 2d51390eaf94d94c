"""`sam local`: the built function in AWS's container image, with the local cloud behind it."""

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.deploy import checks, programs, samlocal
from infra.deploy.programs import DeployError
from infra.local.cloud import LocalCloud
from infra.local.template import REPOSITORY

ENGINE = samlocal.engine()
NO_WEBHOOK = {"webhook": {"drop_first": 1, "retry": {"backoff": []}}}


@pytest.mark.skipif(ENGINE is None, reason="needs Docker, Finch or podman, and none runs here")
@pytest.mark.skipif(programs.python313() is None, reason=programs.NO_PYTHON313)
def test_an_event_given_to_sam_local_is_answered_and_the_call_held() -> None:
    with LocalCloud(pace=0.05) as cloud:
        call_id = cloud.emulator.ring("opening-hours", faults=NO_WEBHOOK)
        event = samlocal.event("incoming-guide", call_id, cloud.openai.webhook_secret)
        command = samlocal.sam_local("invoke", "WebhookFunction", "--event", "-", environment=cloud.env)
        done = subprocess.run(
            command, input=json.dumps(event), env=programs.environment(), capture_output=True, text=True, check=False
        )
        assert json.loads(done.stdout.splitlines()[-1])["statusCode"] == 200, done.stderr
        assert cloud.records.wait_for_end(call_id).call["end_reason"] == "agent_hung_up"


def test_sam_gets_a_template_that_says_where_the_local_cloud_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "template.yaml").write_text((REPOSITORY / "template.yaml").read_text(encoding="utf-8"))
    monkeypatch.setattr(samlocal, "NATIVE", tmp_path)
    monkeypatch.setattr(checks, "build_native", lambda: None)

    path = samlocal.template_for({"AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "RINGSIDE_TABLE": "calls"})

    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    declared = document["Globals"]["Function"]["Environment"]["Variables"]
    assert declared["RINGSIDE_TABLE"] == "calls"
    assert declared["AWS_ENDPOINT_URL"].endswith(":5000")
    assert ("127.0.0.1" in declared["AWS_ENDPOINT_URL"]) == (platform.system() == "Linux")
    assert "RINGSIDE_LEASE" in declared


def test_without_a_local_cloud_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="make local"):
        samlocal.local_environment(tmp_path / "env")


@pytest.mark.parametrize("command", ["event", "invoke"])
def test_an_unknown_event_is_refused_with_the_names_of_the_known_ones(command: str) -> None:
    program = [sys.executable, "-m", "infra.deploy.samlocal", command, "nothing"]
    done = subprocess.run(program, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "incoming-guide" in done.stderr
