"""What a deployment would create, out of the templates alone: no account, no network."""

import difflib
import re
import shlex
import tomllib
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from infra.deploy.programs import DeployError
from infra.local import template as templates
from infra.local.template import REPOSITORY

Parameters = dict[str, str]

NO_DIGEST = f"the-image-of-this-commit@sha256:{'0' * 64}"


def configured(config: str) -> tuple[str, Parameters]:
    """Stack name and parameters of a section of samconfig.toml."""
    sections = tomllib.loads((REPOSITORY / "samconfig.toml").read_text(encoding="utf-8"))
    try:
        section = sections[config]["deploy"]["parameters"]
    except KeyError:
        known = ", ".join(name for name in sections if name != "version")
        raise DeployError(f"samconfig.toml has no section [{config}.deploy.parameters]; there are: {known}") from None
    return section["stack_name"], assignments(words(section.get("parameter_overrides", "")))


def tags(config: str) -> dict[str, str]:
    """The tags that a section of samconfig.toml gives to all that is made, as SAM reads them."""
    sections = tomllib.loads((REPOSITORY / "samconfig.toml").read_text(encoding="utf-8"))
    given = sections.get(config, {}).get("deploy", {}).get("parameters", {}).get("tags", "")
    return dict(word.split("=", 1) for word in words(given) if "=" in word)


def confirms(config: str) -> bool:
    """Whether a section of samconfig.toml says that somebody is to be asked before anything is changed."""
    sections = tomllib.loads((REPOSITORY / "samconfig.toml").read_text(encoding="utf-8"))
    return bool(sections.get(config, {}).get("deploy", {}).get("parameters", {}).get("confirm_changeset", False))


def words(overrides: str | list[str]) -> list[str]:
    """`parameter_overrides` of samconfig.toml: one string, whose values may be quoted, or a list; SAM writes both."""
    return [word for text in ([overrides] if isinstance(overrides, str) else overrides) for word in shlex.split(text)]


def assignments(words: list[str]) -> Parameters:
    """`Name=value` words as parameters; `DeployError` for a word that is not one, or a value that is not allowed."""
    known, given = templates.translate()["Parameters"], {}
    for word in words:
        name, equals, value = word.partition("=")
        if name in known and not equals:
            raise DeployError(f"{name}: has no value; give it as {name}=VALUE")
        if name not in known:
            near = difflib.get_close_matches(name, known)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise DeployError(f"{name} is not a parameter of template.yaml.{hint}")
        check(name, known[name], value)
        given[name] = value
    return given


def check(name: str, parameter: Mapping[str, Any], value: str) -> None:
    """Refuse what CloudFormation would refuse, minutes earlier."""
    allowed = [str(choice) for choice in parameter.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise DeployError(f"{name}={value}: must be one of {', '.join(allowed)}")
    if not re.search(parameter.get("AllowedPattern", ""), value):
        raise DeployError(f"{name}={value}: {parameter['ConstraintDescription']}")
    if parameter["Type"] == "Number" and not allowed:
        try:
            fits = parameter["MinValue"] <= float(value) <= parameter["MaxValue"]
        except ValueError:
            fits = False
        if not fits:
            raise DeployError(
                f"{name}={value}: must be a number from {parameter['MinValue']} to {parameter['MaxValue']}"
            )


def check_together(parameters: Parameters) -> None:
    """Refuse what is allowed one by one, but not together; minutes, or a whole deployment, before AWS would."""
    values = {**defaults(templates.translate()), **parameters}
    fewest, most = int(values["MonitorCount"]), int(values["MaxMonitors"])
    if fewest > most:
        raise DeployError(f"MonitorCount={fewest} is more than MaxMonitors={most}: raise MaxMonitors, too")
    for one, other in (("VpcId", "SubnetIds"), ("SubnetIds", "VpcId")):
        if values[one] and not values[other]:
            raise DeployError(f"{one} is given without {other}: an existing network needs both")
    if values["Zones"] and values["VpcId"]:
        raise DeployError("Zones is for the network that is made: an existing one has its zones by SubnetIds")


def defaults(template: Mapping[str, Any]) -> Parameters:
    return {name: str(parameter.get("Default", "")) for name, parameter in template.get("Parameters", {}).items()}


def planned(parameters: Parameters) -> dict[str, dict[str, str]]:
    """Every resource, by stack and logical name, with its type. Nested stacks go by their name in the root."""
    root = templates.translate()
    values = {**defaults(root), **parameters}
    stacks = {"": resources(root, values)}
    for name in [name for name, kind in stacks[""].items() if kind == "AWS::CloudFormation::Stack"]:
        properties = root["Resources"][name]["Properties"]
        nested = templates.plain(templates.parse(_location(properties).read_text(encoding="utf-8")))
        given = {key: _value(value, values) for key, value in properties["Parameters"].items()}
        known = {key: value for key, value in given.items() if value is not None}
        stacks[name] = resources(nested, {**defaults(nested), **known})
    return stacks


def _location(properties: Mapping[str, Any]) -> Any:
    return REPOSITORY / str(properties["TemplateURL"]).removeprefix("https://local/")


def resources(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    """The resources whose conditions hold."""
    conditions = template.get("Conditions", {})
    return {
        name: resource["Type"]
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or holds(conditions[resource["Condition"]], conditions, values)
    }


def holds(condition: Any, conditions: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Whether a condition holds. Those functions that the templates use."""
    ((function, given),) = condition.items()
    match function:
        case "Fn::Equals":
            left, right = (_value(side, values) for side in given)
            return left == right
        case "Fn::Not":
            return not holds(given[0], conditions, values)
        case "Fn::And":
            return all(holds(part, conditions, values) for part in given)
        case "Condition":
            return holds(conditions[given], conditions, values)
    raise NotImplementedError(f"{function} in a condition")


def _value(expression: Any, values: Mapping[str, str]) -> str | None:
    """A literal or a parameter; None for what only CloudFormation knows."""
    if isinstance(expression, Mapping):
        return values.get(expression["Ref"]) if set(expression) == {"Ref"} else None
    return str(expression)


def show(stack: str, parameters: Parameters) -> Group:
    """The plan, for a terminal."""
    parts: list[RenderableType] = [f"The stack {stack} would have:"]
    for name, found in planned({"MonitorImage": NO_DIGEST, **parameters}).items():
        table = Table.grid(padding=(0, 2, 0, 0))
        for logical, kind in sorted(found.items(), key=lambda entry: (entry[1], entry[0])):
            table.add_row(kind.removeprefix("AWS::"), Text(logical, "dim"))
        parts += [f"\n  {name or stack}  ({len(found)} resources)", Padding.indent(table, 4)]
    given = [f"{key}={value}" for key, value in sorted(parameters.items())]
    return Group(*parts, f"\nParameters that differ from their defaults: {' '.join(given) or 'none'}")


def compared(current: Parameters, given: Parameters) -> list[str]:
    """What a deployment would change of the parameters of a stack that is there, and which values stay although they
    are neither given nor the template's default."""
    standard = defaults(templates.translate())
    changed = [
        f"  {name}: {current[name] or 'empty'} -> {value or 'empty'}"
        for name, value in sorted(given.items())
        if name in current and current[name] != value
    ]
    # The image and its repository are given with every deployment, WebhookConcurrency is decided by it.
    ours = ("MonitorImage", "MonitorRepository", "WebhookConcurrency")
    staying = [
        f"  {name}={value or 'empty'} stays, and is not given; the default is {standard[name] or 'empty'}"
        for name, value in sorted(current.items())
        if name in standard and name not in given and name not in ours and value != standard[name]
    ]
    head = ["\nThe stack that is there:"] if changed or staying else []
    return [*head, *changed, *staying]
