"""What a deployment will change, in words, out of CloudFormation's change set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from infra.deploy.plan import Parameters

STACK = "AWS::CloudFormation::Stack"
REMARKS = {
    ("Monitor", "changed"): "new monitors start, then the old ones hand their calls over",
    (
        "CallsTable",
        "replaced",
    ): "a new and empty record of calls; the former table stays, and is read with RINGSIDE_TABLE",
    ("Secret", "replaced"): "empty: run `ringside setup` afterwards",
    ("WebhookSecret", "replaced"): "empty: run `ringside setup --rotate-secret` afterwards",
    ("NotifySecret", "replaced"): "empty: run `ringside notify secret` for each receiver afterwards",
    ("HttpApi", "replaced"): "another URL: run `ringside setup` afterwards",
}
"""What a change means to those who run it, by logical name and kind of change."""


@dataclass(frozen=True)
class Change:
    """What becomes of a resource: `new`, `changed` (in place), `replaced`, `perhaps replaced`, or `deleted`."""

    resource: str
    kind: str
    becomes: str

    @property
    def remark(self) -> str:
        return REMARKS.get((self.resource, self.becomes.removeprefix("perhaps ")), "")


def read(listed: Iterable[Mapping[str, Any]]) -> list[Change]:
    """The changes of a change set, as DescribeChangeSet lists them. Pure."""
    changes = [entry["ResourceChange"] for entry in listed if entry.get("Type", "Resource") == "Resource"]
    return [Change(each["LogicalResourceId"], each["ResourceType"], _becomes(each)) for each in changes]


def _becomes(change: Mapping[str, Any]) -> str:
    match change["Action"], change.get("Replacement"):
        case "Add", _:
            return "new"
        case "Remove", _:
            return "deleted"
        case _, "True":
            return "replaced"
        case _, "Conditional":
            return "perhaps replaced"
    return "changed"


def of(cloudformation: Any, change_set: str) -> list[Change]:
    """The changes of a change set, by its ARN."""
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
    return read([entry for page in pages for entry in page.get("Changes", [])])


def differences(current: Mapping[str, str], given: Parameters) -> list[str]:
    """The parameters that get another value, as `Name: old -> new`."""
    return [
        f"{name}: {current[name] or 'empty'} -> {value or 'empty'}"
        for name, value in sorted(given.items())
        if name in current and current[name] != value
    ]


def show(stack: str, changes: list[Change], resources: int, different: list[str]) -> Group:
    """The changes, for a terminal. `resources`: how many the stack has now."""
    kept = resources - sum(change.becomes != "new" for change in changes)
    head = f"The deployment of {stack} changes this; {kept} resources are kept:" if resources else f"{stack} is new:"
    table = Table.grid(padding=(0, 2, 0, 0))
    remarked = any(change.remark for change in changes)
    order = ["replaced", "perhaps replaced", "deleted", "changed", "new"]
    for change in sorted(changes, key=lambda change: (order.index(change.becomes), change.resource)):
        style = "bold" if change.becomes != "new" and change.becomes != "changed" else ""
        kind = "stack" if change.kind == STACK else change.kind.removeprefix("AWS::")
        row = (Text(change.becomes, style), Text(change.resource), Text(kind, "dim"))
        table.add_row(*row, *([Text(change.remark)] if remarked else []))
    parts: list[RenderableType] = [head, Padding.indent(table, 2)]
    if different:
        parts += ["Parameters:", *(f"  {line}" for line in different)]
    return Group(*parts)
