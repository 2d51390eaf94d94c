"""What `sam build` built, run as Lambda runs it: AWS's runtime emulator, recorded events, the local cloud behind it.

`make check` builds the functions for this machine and runs these; without a build they are skipped.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.deploy import sam_events
from infra.deploy.runtime import Runtime
from infra.local import template as templates
from infra.local.cloud import LocalCloud
from infra.local.template import FUNCTIONS

ARTIFACT = os.environ.get("RINGSIDE_ARTIFACT", "")
pytestmark = pytest.mark.skipif(not ARTIFACT, reason="needs the built functions: run make check")

NO_WEBHOOK = {"webhook": {"drop_first": 1, "retry": {"backoff": []}}}
"""The emulator's own webhook gets lost, so that the test can send one."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(pace=0.05) as cloud:
        yield cloud


def runtime(cloud: LocalCloud, name: str) -> Runtime:
    function = templates.functions(templates.translate())[name]
    environment = cloud.component_environment(name)
    return Runtime(Path(ARTIFACT) / name, function.handler, environment, timeout=int(function.timeout))


@pytest.fixture(scope="module")
def webhook(cloud: LocalCloud) -> Iterator[Runtime]:
    with runtime(cloud, "WebhookFunction") as webhook:
        yield webhook


def incoming(cloud: LocalCloud, name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    call_id = cloud.emulator.ring("opening-hours", faults=NO_WEBHOOK)
    return call_id, sam_events.event(name, call_id, cloud.openai.webhook_secret, **more)


@pytest.mark.parametrize("encoded", [False, True])
def test_the_guides_event_is_accepted_and_the_call_held(cloud: LocalCloud, webhook: Runtime, encoded: bool) -> None:
    call_id, event = incoming(cloud, "incoming-guide", encoded=encoded)

    answer = webhook.invoke(event)

    assert (answer["statusCode"], answer["body"]) == (200, "accepted"), webhook.log
    assert cloud.records.wait_for_end(call_id).call["end_reason"] == "agent_hung_up"


def test_header_names_in_capitals_are_the_same_headers(cloud: LocalCloud, webhook: Runtime) -> None:
    _, event = incoming(cloud, "incoming-guide")
    event["headers"] = {name.title(): value for name, value in event["headers"].items()}  # as sam local sends them

    assert webhook.invoke(event)["statusCode"] == 200


@pytest.mark.parametrize("name", sorted(path.stem for path in sam_events.EVENTS.glob("*.json")))
def test_every_recorded_event_is_answered_with_2xx(cloud: LocalCloud, webhook: Runtime, name: str) -> None:
    _, event = incoming(cloud, name)

    answer = webhook.invoke(event)

    assert 200 <= answer["statusCode"] < 300, answer


def test_an_event_nobody_signed_is_refused(cloud: LocalCloud, webhook: Runtime) -> None:
    call_id, event = incoming(cloud, "incoming-guide")
    event["headers"]["webhook-signature"] = "v1," + "A" * 44

    assert webhook.invoke(event)["statusCode"] == 401
    assert not cloud.records.get(call_id).call


@pytest.mark.parametrize("event", [{}, {"headers": None, "body": None}, {"body": "%", "isBase64Encoded": True}])
def test_what_no_gateway_sends_is_refused_too(webhook: Runtime, event: dict[str, Any]) -> None:
    assert webhook.invoke(event)["statusCode"] == 401


def test_the_sweeper_sweeps(cloud: LocalCloud) -> None:
    with runtime(cloud, "SweeperFunction") as sweeper:
        assert set(sweeper.invoke({})) == {"leave", "queue", "hang_up", "failed"}


def test_the_zip_has_what_ships_and_nothing_else() -> None:
    folder = Path(ARTIFACT) / "WebhookFunction"
    sources = {path.relative_to(FUNCTIONS) for path in FUNCTIONS.rglob("*.py")}

    assert {path for path in sources if not (folder / path).is_file()} == set()
    assert not [name for name in ("pytest", "moto", "openai", "cli", "infra", "tests") if (folder / name).exists()]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < 250 * 2**20  # Lambda's limit, unzipped


def test_a_wrong_environment_is_named_in_the_functions_error(cloud: LocalCloud) -> None:
    function = templates.functions(templates.translate())["WebhookFunction"]
    environment = {**cloud.component_environment("WebhookFunction"), "RINGSIDE_LEASE": "soon"}
    with Runtime(Path(ARTIFACT) / "WebhookFunction", function.handler, environment, timeout=10) as webhook:
        answer = webhook.invoke({})

    assert answer["errorType"] == "SettingsError"
    assert "RINGSIDE_LEASE" in json.dumps(answer)
