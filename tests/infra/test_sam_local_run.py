"""`sam local` for real: the built functions in AWS's container image, or a stand-in for it, with the local cloud."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest

from infra.deploy import checks, sam_events, samlocal
from infra.deploy.programs import DeployError
from infra.deploy.runtime import free_port
from infra.deploy.sam_cli import WEBHOOK, Sam, Server
from infra.local import containers as forwarding
from infra.local import engine as engines
from infra.local.cloud import LocalCloud
from infra.local.engine import Way
from infra.local.template import REPOSITORY
from tests.containers.engines import Ground

UNSENT = {"webhook": {"drop_first": 1, "retry": {"backoff": []}}}
"""The emulator's own webhook gets lost, so that the test can send one."""


@pytest.fixture(scope="module")
def cloud(containers: Ground) -> Iterator[LocalCloud]:
    with LocalCloud(pace=0.05) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def image(containers: Ground) -> str:
    return containers.image(samlocal.AWS_IMAGE.format(architecture=containers.engine.architecture))


@pytest.fixture(scope="module")
def sam(containers: Ground, cloud: LocalCloud, image: str) -> Iterator[Sam]:
    with samlocal.opened(cloud.env, image) as sam:
        yield sam


@pytest.fixture(scope="module")
def webhook(sam: Sam) -> Iterator[Server]:
    with sam.functions(free_port()) as server:
        yield server


def incoming(cloud: LocalCloud, name: str) -> tuple[str, dict[str, Any]]:
    call_id = cloud.emulator.ring("opening-hours", faults=UNSENT)
    return call_id, sam_events.event(name, call_id, cloud.openai.webhook_secret)


def test_the_guides_event_is_accepted_and_the_call_held(cloud: LocalCloud, sam: Sam) -> None:
    call_id, event = incoming(cloud, "incoming-guide")

    answer = json.loads(sam.invoke(WEBHOOK, event))

    assert (answer["statusCode"], answer["body"]) == (200, "accepted")
    assert cloud.records.wait_for_end(call_id).call["end_reason"] == "agent_hung_up"


def test_the_sweeper_sweeps(sam: Sam) -> None:
    assert set(json.loads(sam.invoke("SweeperFunction", {}))) == {"leave", "queue", "hang_up", "failed"}


def test_the_canary_walks_to_the_end_of_the_path(sam: Sam) -> None:
    walked = json.loads(sam.invoke("CanaryFunction", {}))

    assert [told.partition(":")[0] for told in walked.values()] == ["ok"] * 5, walked


@pytest.mark.parametrize("function", ["AnalysisFunction", "NotifyFunction"])
def test_what_follows_a_call_takes_its_end_from_the_stream(sam: Sam, function: str) -> None:
    assert json.loads(sam.invoke(function, sam_events.example(function))) == {}


def test_the_records_api_lists_the_calls(cloud: LocalCloud, sam: Sam) -> None:
    call_id = cloud.emulator.ring("opening-hours")
    cloud.records.wait_for_end(call_id)

    answer = json.loads(sam.invoke("ApiFunction", sam_events.example("ApiFunction")))

    assert answer["statusCode"] == 200
    assert call_id in [call["call_id"] for call in json.loads(answer["body"])["calls"]]


@pytest.mark.parametrize("name", sam_events.names())
def test_every_shape_of_event_gets_its_answer(cloud: LocalCloud, webhook: Server, name: str) -> None:
    wanted = sam_events.answers()[name]
    call_id, event = incoming(cloud, name)

    answer = httpx.post(webhook.url, json=event, trust_env=False, timeout=30).json()

    assert answer["statusCode"] == wanted["statusCode"]
    assert answer["body"] == wanted.get("body", answer["body"]) != ""
    assert (cloud.records.get(call_id).call != {}) == (wanted["call"] == "accepted")


def of_others(containers: Ground) -> set[str]:
    """The containers that there are, but for the monitors of tests that run beside these."""
    listed = containers.run("ps", "--all", "--format", "{{.ID}} {{.Image}}").splitlines()
    return {line.split()[0] for line in listed if "ringside-test-monitor" not in line}


def test_a_whole_call_goes_through_sams_api_and_nothing_of_it_stays(
    cloud: LocalCloud, sam: Sam, containers: Ground
) -> None:
    before = of_others(containers)
    with sam.api(free_port()) as api, samlocal.webhooks_to(cloud.env, api.url):
        call_id = cloud.emulator.ring("opening-hours")
        call = cloud.records.wait_for_end(call_id).call
        assert of_others(containers) - before, "SAM's containers are among them"

    assert call["end_reason"] == "agent_hung_up"
    assert not [line for line in cloud.processes["gateway"].lines if call_id in line]  # another has answered it
    assert cloud.emulator.settings()["webhook_url"] is None
    until = time.monotonic() + 30  # SAM removes them as it ends, one after the other
    while of_others(containers) - before and time.monotonic() < until:
        time.sleep(0.5)
    assert of_others(containers) <= before


def test_a_plain_sam_local_works_with_the_file_that_the_local_cloud_writes(
    cloud: LocalCloud, sam: Sam, containers: Ground, image: str, tmp_path: Any
) -> None:
    """As a user of SAM types it, without our template, on the template that `samlocal build` has built."""
    call_id, event = incoming(cloud, "incoming-guide")
    (tmp_path / "event.json").write_text(json.dumps(event))
    built = REPOSITORY / ".aws-sam" / "native" / "build" / "template.yaml"
    with forwarding.opened(containers.engine.way, cloud.env, tmp_path) as variables:
        command = [
            *sam.program, "local", "invoke", WEBHOOK, "--template", str(built), "--event", str(tmp_path / "event.json"),
            *("--env-vars", str(variables), "--region", "us-east-1", "--skip-pull-image", "--invoke-image", image),
        ]  # fmt: skip
        done = subprocess.run(command, env=sam.environment, capture_output=True, text=True, check=False)

    assert json.loads(done.stdout.splitlines()[-1])["statusCode"] == 200, done.stderr
    assert not variables.exists()
    assert cloud.records.wait_for_end(call_id).call["end_reason"] == "agent_hung_up"


def test_a_function_that_does_not_reach_the_local_cloud_is_a_failure(
    cloud: LocalCloud,
    containers: Ground,
    sam: Sam,
    image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a container looks for 127.0.0.1 it finds itself. (SAM may stop before it has printed all of the log.)"""
    monkeypatch.setattr(checks, "build_native", lambda: None)  # which `sam` has done
    nowhere = replace(containers.engine, way=Way("127.0.0.1"))
    monkeypatch.setattr(engines, "find", lambda: nowhere)
    call_id, event = incoming(cloud, "incoming-guide")

    with samlocal.opened(cloud.env, image) as cut_off, pytest.raises(DeployError, match="answered 503"):
        cut_off.invoke(WEBHOOK, event)

    assert cloud.records.get(call_id).status == "", "nothing of it has reached the table"


def test_a_function_that_cannot_be_imported_is_a_failure(
    sam: Sam, cloud: LocalCloud, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads(sam.template.read_text(encoding="utf-8"))
    document["Resources"][WEBHOOK]["Properties"]["Handler"] = "nowhere.handler"
    broken = sam.template.with_name("broken.json")
    broken.write_text(json.dumps(document), encoding="utf-8")

    with ExitStack() as stack:
        stack.callback(broken.unlink)
        with pytest.raises(DeployError, match=r"Runtime\.ImportModuleError.*nowhere"):
            Sam(broken, sam.variables, sam.image).invoke(WEBHOOK, {})
