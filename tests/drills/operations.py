"""The life of a deployment, by the commands of docs/deploy.md: plan, image, deploy, set up, call, change, fail, go
back, a second stack beside it, and the end of the first.

AWS is the local one with a CloudFormation that carries deployments out (`tests/infra/cloudformation.py`, which says
what it does not do). SAM builds, packages and deploys in earnest, and what was deployed is run on this machine
(`deployed_stack`), with calls through it.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from infra.deploy import deployer, programs
from infra.local.host import inherited_environment, listen, module, no_proxy
from infra.local.process import Guard, Process
from infra.local.records import Records
from infra.local.template import REPOSITORY
from tests.drills.checkout import Checkout, Done
from tests.drills.deployed_stack import BUCKET, Account, Running
from tests.drills.ground import Ground
from tests.drills.images import Images, images
from tests.drills.report import Sheet, Size
from tests.infra import policies
from tests.infra.cloudformation import NO_IMAGE

STACK, SECOND = "ringside", "ringside-second"
NOT_TRIED = (
    "AWS is a stand-in that runs nothing, waits for nothing and refuses nothing: functions and monitor ran here, from "
    "what was deployed. Not tried: how ECS replaces tasks and its circuit breaker, what roles refuse, quotas, replaced "
    "resources, alarms, DNS and the network."
)
OURS = ("AWS_", "RINGSIDE_", "OPENAI_")


class Failed(Exception):
    """A command failed, and what comes after it would mean nothing; the message has what the command printed."""


def missing() -> str:
    """Why it cannot run on this machine; empty if it can."""
    return "" if programs.python313() else programs.NO_PYTHON313


def operations(ground: Ground, size: Size, sheet: Sheet) -> None:
    """See the module. The ground lends its emulator of OpenAI."""
    sheet.remarks.append(NOT_TRIED)
    with (
        tempfile.TemporaryDirectory(prefix="operations-") as folder,
        _aws() as account,
        images(Path(folder) / "images", short=size.short) as made,
    ):
        sheet.remarks.append(made.remark)
        try:
            Operations(ground, account, made, Path(folder), sheet).run(size)
        except Failed as failure:
            sheet.remarks.append(str(failure))


@contextmanager
def _aws() -> Iterator[Account]:
    """An account with nothing in it but the bucket for uploads."""
    guard = Guard()
    with listen(0, "AWS") as listener:
        # By this name, SAM's addresses of templates are ones that moto takes for S3's.
        url = f"http://localhost:{listener.getsockname()[1]}"
        flags = (*module("tests.infra.deployable_aws"), str(listener.fileno()))
        aws = Process("aws", flags, environment=inherited_environment(), guard=guard, cwd=REPOSITORY, listener=listener)
    try:
        aws.wait_for_line(lambda line: "listening" in line, 60)
        region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        account = Account({"AWS_ENDPOINT_URL": url, **region, **keys, **no_proxy()})
        account.client("s3").create_bucket(Bucket=BUCKET)
        yield account
    finally:
        aws.stop()
        guard.close()


class Operations:
    """One walk through it; each step notes what has to hold."""

    def __init__(self, ground: Ground, account: Account, made: Images, scratch: Path, sheet: Sheet) -> None:
        self._ground, self._account, self._images = ground, account, made
        self._scratch, self._sheet = scratch, sheet
        self._image = ""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        python = {"RINGSIDE_PYTHON313": programs.python313() or ""}
        self._checkout = Checkout(scratch / "checkout", {**kept, **python, **account.environment, "NO_COLOR": "1"})

    def run(self, size: Size) -> None:
        """The short form has two deployments, with all kinds of changes in the second. The steps that it leaves out
        are in tests/infra/test_stack_life.py, for the stacks alone."""
        self._first()
        if not size.short:
            self._parameter()
        self._everything_else()
        if not size.short:
            self._failure()
        self._back()
        if not size.short:
            self._second()
        self._end_of_the_first()
        if not size.short:
            self._call("the second one goes on", SECOND, 2)
        self._permissions()

    # --- the steps ---

    def _first(self) -> None:
        planned = self._checkout.deploy("plan")
        self._sheet.note("a plan names its price", planned.returncode, "USD a month" in planned.stdout)
        self._build()
        shown = self._deploy("the first deployment", STACK, *self._addresses())
        self._note(
            "it lists what is new before it is made", f"{STACK} is new:" in shown and "WebhookFunction" in shown, True
        )
        self._set_up(STACK)
        self._call("the first call is answered", STACK, 1)

    def _parameter(self) -> None:
        shown = self._deploy("another parameter", STACK, "RingLimitSeconds=45")
        self._note("the change is shown", "RingLimitSeconds: 60 -> 45" in shown, True)
        webhook, task = self._account.webhook(STACK), self._account.task(STACK)
        self._note("it reaches the webhook", webhook["RINGSIDE_RING_LIMIT"], "45")
        self._note("it reaches the monitor", _variables(task)["RINGSIDE_RING_LIMIT"], "45")

    def _everything_else(self) -> None:
        """Agent file, code, image and size."""
        self._checkout.write_agent(2)
        self._checkout.edit("functions/ringside/intake.py", 'Answer(200, "accepted")', 'Answer(200, "accepted anew")')
        self._build()
        size = ("MonitorSize=large", "RingLimitSeconds=45")
        self._deploy("the deployment of other agents, code, image, size and parameter", STACK, *size)
        stack = self._call("the new agent answers, from functions and image", STACK, 2)
        self._note("the new code answers", stack.answers[-1:], ["accepted anew"])
        self._note("the monitor has the new size", stack.task.get("cpu"), "1024")
        self._note("the webhook has the parameter", stack.webhook["RINGSIDE_RING_LIMIT"], "45")

    def _failure(self) -> None:
        before = self._account.webhook(STACK), self._account.task(STACK)
        absent = f"localhost:5000/ringside-monitor@{NO_IMAGE}"
        done = self._checkout.deploy("deploy", "--stack", STACK, "--image", absent, "--set", "RingLimitSeconds=30")
        self._note("an image that cannot be pulled fails the deployment", done.returncode, 1)
        self._note("the reason is shown", "CannotPullContainerError" in done.stderr, True)
        after = self._account.webhook(STACK), self._account.task(STACK)
        self._note("all is as it was before the failure", _without_revision(after) == _without_revision(before), True)

    def _back(self) -> None:
        self._done("going back", self._checkout.deploy("rollback", "--stack", STACK, "--yes"))
        stack = self._call("the former agent answers, from functions and image", STACK, 1)
        self._note("the former code answers", stack.answers[-1:], ["accepted"])
        self._note("the monitor has the former size", stack.task.get("cpu"), "256")

    def _second(self) -> None:
        self._deploy("a second stack", SECOND, *self._addresses())
        self._set_up(SECOND)

    def _end_of_the_first(self) -> None:
        table = self._account.outputs(STACK)["TableName"]
        self._done("the end of the first", self._checkout.deploy("destroy", "--stack", STACK, "--yes"))
        tables = self._account.client("dynamodb").list_tables()["TableNames"]
        self._note("its record is left", table in tables, True)

    def _permissions(self) -> None:
        """Of what the commands ask themselves; what CloudFormation needs for them is tested by its types' schemas."""
        asked: list[str] = httpx.get(f"{self._account.environment['AWS_ENDPOINT_URL']}/_asked", trust_env=False).json()
        everywhere = [{**statement, "Resource": "*"} for statement in deployer.policy(STACK, BUCKET)["Statement"]]
        missing = [action for action in asked if not policies.allows(everywhere, policies.Need(action, "*"))]
        holds = bool(asked) and not missing
        self._sheet.note("the deployer's policy allows all that was asked", missing or f"{len(asked)} actions", holds)

    # --- their parts ---

    def _addresses(self) -> tuple[str, ...]:
        return (f"OpenAIBaseUrl={self._ground.emulator.url}/v1",)

    def _build(self) -> None:
        self._image = self._images.make(self._checkout)

    def _deploy(self, what: str, stack: str, *parameters: str) -> str:
        """Returns what the command printed."""
        done = self._checkout.deploy("deploy", "--stack", stack, "--image", self._image, "--set", *parameters)
        self._done(what, done)
        return done.stdout

    def _set_up(self, stack: str) -> None:
        openai = self._ground.openai
        keys = {"OPENAI_API_KEY": openai.api_key, "OPENAI_WEBHOOK_SECRET": openai.webhook_secret}
        self._done("ringside setup", self._checkout.ringside("setup", "--stack", stack, "--by-hand", **keys))

    def _call(self, what: str, stack: str, edition: int) -> Running:
        """A call, and which edition of the agent accepted and greeted."""
        with Running(self._account, stack, self._images, self._scratch) as running:
            call_id = self._ground.emulator.ring("caller-hangs-up", webhook_url=running.url)
            records = Records(self._account.client("dynamodb"), self._account.outputs(stack)["TableName"])
            end = records.wait_for_end(call_id).call["end_reason"]
        call = self._ground.emulator.shown(call_id)
        said = f"edition {edition}."
        seen = (said in call["session"]["instructions"], said in str(call["commands"]), end)
        self._note(what, seen, (True, True, "caller_hung_up"))
        return running

    def _done(self, what: str, done: Done) -> None:
        self._sheet.note(f"{what} succeeds", f"{done.returncode} after {done.seconds:.0f} s", done.returncode == 0)
        if done.returncode:
            raise Failed(f"{what}: {done.stdout[-1000:]}\n{done.stderr[-3000:]}")

    def _note(self, what: str, seen: object, wanted: object) -> None:
        self._sheet.note(what, seen, seen == wanted)


def _variables(task: dict[str, Any]) -> dict[str, str]:
    (container,) = task["containerDefinitions"]
    return {entry["name"]: str(entry["value"]) for entry in container["environment"]}


def _without_revision(state: tuple[dict[str, str], dict[str, Any]]) -> tuple[dict[str, str], dict[str, Any]]:
    """A rollback registers the task definition once more."""
    webhook, task = state
    numbered = ("taskDefinitionArn", "revision", "registeredAt")
    return webhook, {name: value for name, value in task.items() if name not in numbered}
