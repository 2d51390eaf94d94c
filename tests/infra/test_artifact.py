"""What `sam build` built, run as Lambda runs it: AWS's runtime emulator, recorded events, the local cloud behind it.

`make check` builds the functions for this machine and runs these; without a build they are skipped.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.deploy import programs, sam_events
from infra.deploy.runtime import Runtime
from infra.local import template as templates
from infra.local.cloud import LocalCloud
from infra.local.template import FUNCTIONS

ARTIFACT = os.environ.get("RINGSIDE_ARTIFACT", "")
pytestmark = pytest.mark.skipif(not ARTIFACT, reason="needs the built functions: run make check")

UNCHECKED_HASH = 0b01
"""The flags of bytecode that is used without a look at its source (PEP 552)."""

SETTINGS = {
    "RINGSIDE_TABLE": "calls",
    "RINGSIDE_QUEUE_URL": "http://127.0.0.1:9/queue",
    "RINGSIDE_SECRET_ID": "secret",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
}

IMPORTS = """
import importlib, sys

folder, module, function = sys.argv[1:]
sys.path.insert(0, folder)
assert callable(getattr(importlib.import_module(module), function))
"""

COMPILES = """
import importlib.machinery, json, os, sys

compiled = []

class Watched(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data, path, **options):
        compiled.append(str(path))
        return super().source_to_code(data, path, **options)

details = [
    (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
    (Watched, importlib.machinery.SOURCE_SUFFIXES),
]
sys.path_hooks[:] = [importlib.machinery.FileFinder.path_hook(*details)]
sys.path_importer_cache.clear()

import webhook

answer = webhook.handler({"headers": {}, "body": ""}, None)
here = os.getcwd()
print(json.dumps([answer, [path for path in compiled if path.startswith(here)], sorted(sys.modules)]))
"""

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


def test_the_canary_walks_to_the_end_of_the_path(cloud: LocalCloud) -> None:
    with runtime(cloud, "CanaryFunction") as canary:
        walked = canary.invoke({})

    assert [told.partition(":")[0] for told in walked.values()] == ["ok"] * 5, walked


def test_the_zip_has_what_ships_and_nothing_else() -> None:
    folder = Path(ARTIFACT) / "WebhookFunction"
    sources = {path.relative_to(FUNCTIONS) for path in FUNCTIONS.rglob("*.py")}

    assert {path for path in sources if not (folder / path).is_file()} == set()
    assert not [
        name for name in ("pytest", "moto", "openai", "aiohttp", "cli", "infra", "tests") if (folder / name).exists()
    ]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < 30 * 2**20  # Lambda takes 250 MB; what is bigger starts more slowly


@pytest.mark.parametrize("name", sorted(templates.functions(templates.translate())))
def test_every_function_has_what_its_handler_imports(name: str) -> None:
    folder = Path(ARTIFACT) / name
    module, _, function = templates.functions(templates.translate())[name].handler.rpartition(".")
    python = programs.python313()
    assert python is not None

    done = subprocess.run(
        [python, "-I", "-c", IMPORTS, str(folder), module, function],
        env={"PYTHONDONTWRITEBYTECODE": "1", **SETTINGS},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_every_module_of_ours_has_bytecode_that_needs_no_time_stamp() -> None:
    folder = Path(ARTIFACT) / "WebhookFunction"
    sources = [*folder.glob("*.py"), *(folder / "ringside").rglob("*.py")]
    compiled = [path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in sources]

    assert {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled} == {UNCHECKED_HASH}


def test_the_first_webhook_compiles_nothing() -> None:
    """The built handler in Lambda's Python, refusing an unsigned event: all that it imports has bytecode."""
    folder = Path(ARTIFACT) / "WebhookFunction"
    python = programs.python313()
    assert python is not None

    done = subprocess.run(
        [python, "-c", COMPILES],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **SETTINGS},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    answer, compiled, imported = json.loads(done.stdout.splitlines()[-1])
    assert answer["statusCode"] == 401
    assert compiled == []
    assert not set(imported) & {"uvloop", "websockets", "aws_lambda_powertools.utilities.parameters"}


def test_a_wrong_environment_is_named_in_the_functions_error(cloud: LocalCloud) -> None:
    function = templates.functions(templates.translate())["WebhookFunction"]
    environment = {**cloud.component_environment("WebhookFunction"), "RINGSIDE_LEASE": "soon"}
    with Runtime(Path(ARTIFACT) / "WebhookFunction", function.handler, environment, timeout=10) as webhook:
        answer = webhook.invoke({})

    assert answer["errorType"] == "SettingsError"
    assert "RINGSIDE_LEASE" in json.dumps(answer)
