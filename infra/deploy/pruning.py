"""Taking out of a built function what no function reads: the monitor's packages, botocore's other services, hints.

What the agents' tools use stays, because the webhook imports their modules: every package that they import and every
AWS service that they name.
"""

import ast
import gzip
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from functools import cached_property
from importlib.metadata import Distribution, distributions
from pathlib import Path

from infra.deploy.programs import DeployError

SERVICES = frozenset({"dynamodb", "events", "secretsmanager", "sqs", "sso", "sso-oidc", "sts"})
"""Whose descriptions stay in botocore in any case: those that `ringside.wiring` builds clients of in a function, and
those that credentials may come from."""

MONITORS = frozenset({"aiohttp", "python-stdnum", "uvloop", "websockets"})
"""Distributions that the monitor alone imports. What only they require goes with them."""

POWERTOOLS = frozenset({"data_classes", "jmespath_utils", "serialization.py", "typing"})
"""Of its utilities: what its Logger, its Metrics and its event handler import."""

UNREAD = ("*.pyi", "*.pyx", "*.pxd", "*.c", "*.h", "py.typed", "swagger-ui*.min.*")
"""Files for compilers, type checkers, and a page of Powertools' that the records API does not serve."""


def prune(folder: Path) -> None:
    """Prune one built function. To do it twice changes nothing."""
    tools = Tools(folder / "agents")
    for distribution in _superfluous(folder, tools.imports):
        _remove(distribution, folder)
    if not any(name.startswith("aws_lambda_powertools") for name in tools.imports):
        for path in folder.glob("aws_lambda_powertools/utilities/[!_]*"):
            if path.is_dir() and path.name not in POWERTOOLS:
                shutil.rmtree(path)
    for pattern in UNREAD:
        for path in folder.rglob(pattern):
            path.unlink()
    services = SERVICES | tools.texts
    _prune_botocore(folder / "botocore" / "data", services)
    for path in (folder / "boto3" / "data").glob("*"):  # of boto3's resources
        if path.name not in tools.texts:
            shutil.rmtree(path)


class Tools:
    """What the modules in a folder of agents name."""

    def __init__(self, folder: Path) -> None:
        self._modules = [ast.parse(path.read_bytes(), str(path)) for path in sorted(folder.rglob("*.py"))]

    @cached_property
    def imports(self) -> frozenset[str]:
        """Every module that is imported, anywhere in them, by its whole name."""
        return frozenset(self._imports())

    def _imports(self) -> Iterator[str]:
        for node in self._nodes():
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module

    @cached_property
    def texts(self) -> frozenset[str]:
        """Every string: a service that is not named as one, say in `boto3.client("s3")`, cannot be asked for."""
        constants = (node.value for node in self._nodes() if isinstance(node, ast.Constant))
        return frozenset(value for value in constants if isinstance(value, str))

    def _nodes(self) -> Iterator[ast.AST]:
        for module in self._modules:
            yield from ast.walk(module)


def _superfluous(folder: Path, imports: Iterable[str]) -> list[Distribution]:
    """The distributions that only the monitor's packages need."""
    installed = {_normal(each.name): each for each in distributions(path=[str(folder)])}
    imported = {name.partition(".")[0] for name in imports}
    of_tools = {name for name, each in installed.items() if imported & _modules(each)}
    suspects = _with_requirements(MONITORS & installed.keys(), installed)
    needed = _with_requirements((installed.keys() - suspects) | of_tools, installed)
    return [each for name, each in installed.items() if name not in needed]


def _with_requirements(names: Iterable[str], installed: dict[str, Distribution]) -> set[str]:
    """These and all that they require, whatever the platform: what may be needed counts as needed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in installed:
            continue
        found.add(name)
        requirements = [text for text in installed[name].requires or () if not re.search(r"\bextra\s*==", text)]
        waiting += [_normal(re.split(r"[^\w.-]", text.strip(), maxsplit=1)[0]) for text in requirements]
    return found


def _normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _modules(distribution: Distribution) -> set[str]:
    return {path.parts[0].partition(".")[0] for path in distribution.files or ()}


def _remove(distribution: Distribution, folder: Path) -> None:
    for file in distribution.files or ():
        path = folder / file
        if path.is_relative_to(folder) and ".." not in path.parts:
            path.unlink(missing_ok=True)
            for parent in path.parents:
                if parent == folder or not parent.is_dir():
                    break
                left = [each for each in parent.iterdir() if each.name != "__pycache__"]
                if left:
                    break
                shutil.rmtree(parent)


def _prune_botocore(data: Path, services: frozenset[str]) -> None:
    if not data.is_dir():
        raise DeployError(f"{data.parent}: botocore has no data there any more")
    missing = [name for name in SERVICES if not (data / name).is_dir()]
    if missing:
        raise DeployError(f"botocore describes no {', '.join(sorted(missing))}")
    for service in (path for path in data.iterdir() if path.is_dir()):
        if service.name not in services:
            shutil.rmtree(service)
        elif service.name in SERVICES:
            _shorten(service)
    # Read by the first client of a process. Where the services of today are is in their own rules.
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: at for name, at in partition["services"].items() if name in services}
    _write(data / "endpoints.json", endpoints)


def _shorten(service: Path) -> None:
    """Only the newest version of a service's description, without prose, and not compressed: it is read faster."""
    *old, _ = sorted(path for path in service.iterdir() if path.is_dir())
    for version in old:
        shutil.rmtree(version)
    for path in [*service.rglob("examples-1.json*"), *service.rglob("waiters-2.json*")]:
        path.unlink()
    for path in service.rglob("*.json.gz"):
        _write(path.with_suffix(""), without_documentation(json.loads(gzip.decompress(path.read_bytes()))))
        path.unlink()


def _write(path: Path, content: object) -> None:
    path.unlink(missing_ok=True)  # an installer may have linked it to a file that others have, too
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


def without_documentation(description: object) -> object:
    """A service's description without its prose. A member of that name is kept: its value is not a text."""
    if isinstance(description, dict):
        return {
            key: without_documentation(value)
            for key, value in description.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    return [without_documentation(value) for value in description] if isinstance(description, list) else description
