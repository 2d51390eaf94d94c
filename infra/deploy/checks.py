"""What can be known of a deployment without an account. Each check prints one line; `make check` runs them all."""

import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cli.check import check as check_agents
from infra.deploy import package, programs, team_agents
from infra.deploy.programs import DeployError
from infra.local import template as templates
from infra.local.aws_session import REGION
from infra.local.template import REPOSITORY
from ringside.agentfile.loader import load_agents

SCRATCH = REPOSITORY / ".aws-sam"
NATIVE = SCRATCH / "native"
"""The functions built for this machine's processor, to be run here; what is deployed is built for arm64."""

ROOT = "template.yaml"
ARTIFACT_TESTS = "tests/infra/test_artifact.py"


class Skipped(Exception):
    """A check that is not possible on this machine; the message says why, and what would make it possible."""


def nested() -> list[Path]:
    """The nested templates."""
    return sorted((REPOSITORY / "infra").glob("*.yaml"))


def validate() -> None:
    """`sam validate --lint`: the root template, as SAM reads it."""
    programs.run(programs.sam("validate", "--lint"), what="sam validate --lint", env=_no_account(), quiet=True)


def lint() -> None:
    """cfn-lint: the root, every nested template and the examples, against the resource specification."""
    examples = sorted((REPOSITORY / "docs" / "examples" / "after-the-call").glob("*.yaml"))
    command = [str(Path(sys.executable).with_name("cfn-lint")), ROOT, *map(str, [*nested(), *examples])]
    programs.run(command, what="cfn-lint", quiet=True)


def scan() -> None:
    """checkov, on what CloudFormation gets: the translated root and the nested templates. No suppression is idle."""
    folder = SCRATCH / "scanned"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "template.json").write_text(json.dumps(_with_every_option(templates.translate())), encoding="utf-8")
    for path in nested():
        document = templates.plain(templates.parse(path.read_text(encoding="utf-8")))
        (folder / f"{path.stem}.json").write_text(json.dumps(document), encoding="utf-8")
    flags = ("--framework", "cloudformation", "--skip-download", "--soft-fail", "--compact", "-o", "json")
    # Offline it says so on standard error and goes on; the file has the result alone.
    command = programs.tool("checkov", "checkov", "-d", str(folder), *flags, "--output-file-path", str(folder / "out"))
    programs.run(command, what="checkov", env=_no_account(), quiet=True)
    report = json.loads((folder / "out" / "results_json.json").read_text(encoding="utf-8"))
    failed = [
        f"{finding['check_id']} {finding['resource']}: {finding['check_name']}" for finding in _of(report, "failed")
    ]
    idle = suppressed(folder) - {(finding["resource"], finding["check_id"]) for finding in _of(report, "skipped")}
    failed += [f"{resource}: {check} is suppressed, but nothing would be reported" for resource, check in sorted(idle)]
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        failed.append("checkov could not read the templates")
    if failed:
        raise DeployError("checkov:\n" + "\n".join(failed))


def _with_every_option(template: dict[str, Any]) -> dict[str, Any]:
    """With each switch on: checkov leaves out what a condition leaves out."""
    for parameter in template["Parameters"].values():
        if "true" in parameter.get("AllowedValues", ()):
            parameter["Default"] = "true"
    return template


def _of(report: dict[str, Any], verdict: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = report["results"][f"{verdict}_checks"]
    return found


def suppressed(folder: Path) -> set[tuple[str, str]]:
    """The suppressions in templates, as (type.name, check); `DeployError` for one without a reason.

    SAM copies a function's metadata to the EventInvokeConfig that it makes of it, where they mean nothing.
    """
    found = set()
    for path in folder.glob("*.json"):
        for name, resource in json.loads(path.read_text(encoding="utf-8"))["Resources"].items():
            if resource["Type"] == "AWS::Lambda::EventInvokeConfig":
                continue
            for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
                if len(skip.get("comment", "")) < 20:
                    raise DeployError(f"{path.stem}: {name}: {skip['id']} is suppressed without a reason")
                found.add((f"{resource['Type']}.{name}", skip["id"]))
    return found


def build() -> None:
    """`sam build`: the functions as they are deployed, python3.13 on arm64."""
    _build(REPOSITORY / ROOT, SCRATCH / "build")


def _build(template: Path, folder: Path) -> None:
    if programs.python313() is None:
        raise Skipped(programs.NO_PYTHON313)
    flags = ("--template", str(template), "--base-dir", str(REPOSITORY), "--build-dir", str(folder))
    command = programs.sam("build", *flags, "--cached", "--parallel")
    programs.run(command, what="sam build", env={**programs.build_environment(), "AWS_REGION": REGION}, quiet=True)
    package.package(folder)


def agents() -> None:
    """The agent files and their tools: what OpenAI would refuse, or would be missing in the cloud, is not deployed."""
    wrong = [problem.text for problem in check_agents(team_agents.folder()).problems if problem.is_wrong]
    if wrong:
        raise DeployError("\n".join(wrong))


def receivers(parameters: Mapping[str, str]) -> None:
    """Agents that notify receivers, in a stack that keeps no secrets to sign with, would only look as if they did."""
    notifying = sorted(agent.name for agent in load_agents(team_agents.folder()) if agent.notify)
    if notifying and parameters.get("NotifyReceivers") != "true":
        raise DeployError(
            f"{', '.join(notifying)}: has notify, but NotifyReceivers is false, so nothing could be signed or sent: "
            'deploy with SET="NotifyReceivers=true" (0.40 USD a month), or take notify out of the agent file'
        )


def artifact() -> None:
    """The built handler under Lambda's own runtime, with recorded events, on the local cloud."""
    if programs.python313() is None:
        raise Skipped(programs.NO_PYTHON313)
    if sys.platform != "linux":
        raise Skipped("AWS's runtime emulator runs on Linux only")
    build_native()
    env = {**os.environ, "RINGSIDE_ARTIFACT": str(NATIVE / "build")}
    command = [sys.executable, "-m", "pytest", "-q", ARTIFACT_TESTS]
    programs.run(command, what="the built functions' tests", env=env, quiet=True)


def build_native() -> None:
    """Build the functions for this machine's processor."""
    text = (REPOSITORY / ROOT).read_text(encoding="utf-8")
    ours, here = "Architectures: [arm64]", "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    if text.count(ours) != 1:
        raise DeployError(f"{ROOT}: expected {ours} exactly once")
    NATIVE.mkdir(parents=True, exist_ok=True)
    (NATIVE / ROOT).write_text(text.replace(ours, f"Architectures: [{here}]"), encoding="utf-8")
    shutil.copytree(REPOSITORY / "infra", NATIVE / "infra", dirs_exist_ok=True, ignore=_all_but_templates)
    _build(NATIVE / ROOT, NATIVE / "build")


def _all_but_templates(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".yaml")]


def _no_account() -> dict[str, str]:
    """An environment without profile and endpoint: these checks contact no one."""
    kept = {name: value for name, value in programs.environment().items() if not name.startswith("AWS_")}
    return {**kept, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}


CHECKS: dict[str, Callable[[], None]] = {
    "sam validate --lint": validate,
    "cfn-lint": lint,
    "checkov": scan,
    "sam build": build,
    "built functions under Lambda's runtime": artifact,
}


def check() -> int:
    """Run every check; 1 if one found something. One that is not possible here says so, and fails nothing."""
    failed = False
    for name, work in CHECKS.items():
        started = time.monotonic()
        try:
            work()
        except Skipped as why:
            print(f"{name}: SKIPPED, {why}")
        except DeployError as error:
            failed = True
            print(f"{name}: FAILED\n{error}")
        else:
            print(f"{name}: ok ({time.monotonic() - started:.0f} s)", flush=True)
    return int(failed)
