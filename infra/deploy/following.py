"""An operation of CloudFormation while it runs: what is under way, also in nested stacks, until it has ended."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from infra.deploy.programs import DeployError
from infra.terminal import console

STACK = "AWS::CloudFormation::Stack"
SUCCEEDED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
POLL_SECONDS = 4.0


@dataclass
class Progress:
    """The resources that an operation has come to, by stack and name, with the latest status of each."""

    statuses: dict[tuple[str, str], str] = field(default_factory=dict)
    nested: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def take(self, events: list[dict[str, Any]]) -> list[str]:
        """Take events, newest first, as CloudFormation lists them; returns a line for each finished resource."""
        lines = []
        for event in reversed(events):
            if event["EventId"] in self.seen:
                continue
            self.seen.add(event["EventId"])
            name, status = event["LogicalResourceId"], event["ResourceStatus"]
            identifier = event.get("PhysicalResourceId", "")
            if identifier == event["StackId"]:
                continue
            if event["ResourceType"] == STACK and identifier:
                self.nested.add(identifier)
            self.statuses[event["StackName"], name] = status
            if not status.endswith("_IN_PROGRESS"):
                lines.append(f"{status.lower().replace('_', ' ')}: {name}")
        return lines

    def __str__(self) -> str:
        under_way = [name for (_, name), status in self.statuses.items() if status.endswith("_IN_PROGRESS")]
        done = len(self.statuses) - len(under_way)
        shown = ", ".join(under_way[:4]) + (" ..." if len(under_way) > 4 else "")
        return f"{done} of {len(self.statuses)} done" + (f"; under way: {shown}" if shown else "")


def follow(
    cloudformation: Any,
    stack: str,
    minutes: float,
    *,
    already: Progress,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Until the operation has ended; returns the stack's status. `stack` is its ARN, `already` has what was before."""
    shown, until = console(), clock() + minutes * 60
    with _left_alone(stack), shown.status("waiting for CloudFormation") as status:
        while True:
            (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
            for line in _news(cloudformation, stack, already):
                shown.print(line, style="dim", soft_wrap=True)
            status.update(str(already))
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                return str(found["StackStatus"])
            if clock() > until:
                raise DeployError(
                    f"{found['StackName']} is {found['StackStatus']} after {minutes:.0f} minutes, and goes on by itself"
                )
            sleep(POLL_SECONDS)


@contextmanager
def _left_alone(stack: str) -> Iterator[None]:
    """Ctrl-C ends the waiting alone, which nobody expects."""
    try:
        yield
    except KeyboardInterrupt:
        status = f"aws cloudformation describe-stacks --stack-name {stack.split('/')[1]}"
        console().print(f"CloudFormation goes on by itself; `{status}` shows what comes of it.", soft_wrap=True)
        raise


def before(cloudformation: Any, stack: str) -> Progress:
    """A progress that knows everything that has happened so far, and shows none of it."""
    progress = Progress()
    list(_news(cloudformation, stack, progress))
    progress.statuses.clear()
    return progress


def _news(cloudformation: Any, stack: str, progress: Progress) -> Iterator[str]:
    looked_at: set[str] = set()
    while waiting := ({stack} | progress.nested) - looked_at:
        for each in sorted(waiting):
            looked_at.add(each)
            yield from progress.take(cloudformation.describe_stack_events(StackName=each)["StackEvents"])
