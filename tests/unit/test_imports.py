"""What importing costs and does, and who may import whom (design, "Layout")."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
MODULES = sorted(FUNCTIONS.rglob("*.py"))
ENTRY_POINTS = ("webhook", "sweeper", "monitor", "analysis", "notify", "api")

ALLOWED = frozenset(("pydantic", "pydantic_core", "yaml", "phonenumbers", "standardwebhooks", "stdnum"))
WIRING, SETTINGS = "wiring.py", "settings.py"


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def running(path: Path) -> Sequence[ast.AST]:
    """Every node that runs: what stands under `if TYPE_CHECKING` does not."""
    return list(_walk(parsed(path)))


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield node
            yield from _walk(node)


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, `ringside` ones with their own name."""
    for node in running(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: every import has one name"
            module = str(node.module)
            inside = module.partition(".")[0] == "ringside" and _module(module) is None
            yield from (f"{module}.{alias.name}" for alias in node.names) if inside else [module]


def called(path: Path) -> set[str]:
    return {ast.unparse(node.func) for node in running(path) if isinstance(node, ast.Call)}


def pure_modules() -> list[Path]:
    """The modules whose first paragraph ends with "Pure.", and what they import: nothing is pure that stands on what
    is not. Which modules must be pure stands in the import contracts (pyproject.toml)."""
    found = {path for path in MODULES if _label(path).endswith("Pure.")}
    while more := {below for path in found for below in map(_module, imported(path)) if below} - found:
        found |= more
    return sorted(found)


def _label(path: Path) -> str:
    return (ast.get_docstring(parsed(path)) or "").partition("\n\n")[0]


def _module(name: str) -> Path | None:
    """The file of a module of ours, in whichever folder; None for a folder and for others' modules."""
    path = FUNCTIONS / f"{name.replace('.', '/')}.py"
    return path if name.startswith("ringside.") and path.is_file() else None


def test_the_pure_modules_of_every_folder_are_found() -> None:
    folders = {path.parent.name for path in pure_modules()}

    assert folders >= {"ringside", "conversation", "admission", "agentfile", "openai"}


def test_whatever_the_import_contracts_call_pure_says_so() -> None:
    contracts = tomllib.loads((FUNCTIONS.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (sources,) = [each["source_modules"] for each in contracts if "pure" in each["name"]]
    paths = {path for name in sources for path in ([_module(name)] if _module(name) else _folder(name)) if path}

    assert len(paths) > 15
    assert not [path for path in paths if not _label(path).endswith("Pure.")]


def _folder(name: str) -> list[Path]:
    return [path for path in (FUNCTIONS / name.replace(".", "/")).glob("*.py") if path.name != "__init__.py"]


def test_the_layers_are_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=FUNCTIONS.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "path", pure_modules(), ids=lambda path: str(path.relative_to(FUNCTIONS / "ringside").with_suffix(""))
)
def test_pure_modules_import_only_each_other_and_what_does_nothing_by_itself(path: Path) -> None:
    others = {name.partition(".")[0] for name in imported(path)} - {"ringside"}

    assert others <= ALLOWED | sys.stdlib_module_names
    assert not others & {"asyncio", "concurrent", "http", "os", "socket", "subprocess", "threading"}


def test_only_the_wiring_builds_clients_and_adapters() -> None:
    builders = {"boto3.client", "boto3.resource", "boto3.Session", "CallControl", "CallQueue", "Secrets", "Record"}
    for path in MODULES:
        if path.name != WIRING:
            assert not called(path) & builders, path
        if path.name not in ("call_control.py", "text_model.py"):
            assert not called(path) & {"httpx.Client", "httpx.AsyncClient"}, path
    assert called(FUNCTIONS / "ringside" / WIRING) >= {"boto3.client", "CallControl", "CallQueue", "Secrets", "Record"}


def test_only_the_settings_read_the_environment() -> None:
    readers = {path.name for path in MODULES if {"environ", "getenv", "environb"} & names(path)}

    assert readers == {SETTINGS}


def names(path: Path) -> set[str]:
    nodes = running(path)
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_nothing_that_ships_imports_what_does_not() -> None:
    for path in MODULES:
        for name in imported(path):
            assert name.partition(".")[0] not in {"infra", "cli", "tests"}, f"{path} imports {name}"


# --- in a process of its own ------------------------------------------------------------------

WATCH = """
import sys

def watch(event, arguments):
    if event == "open":
        name, mode, flags = arguments
        # The lowest two bits are zero for reading; the others that matter create, truncate or append.
        assert not (isinstance(flags, int) and flags & 0o3103), f"{name} was opened for writing"
    assert not event.startswith(("socket.", "subprocess.", "os.system", "os.mkdir", "os.remove")) or event in (
        "socket.__new__",  # asyncio and urllib3 look at what a socket can do
        "socket.gethostname",
    ), f"{event} {arguments}"

sys.addaudithook(watch)
"""


def python(code: str, *, compiles: bool = False) -> str:
    """Run some Python with no environment at all, from where Lambda runs it; what it printed."""
    command = [sys.executable, *(() if compiles else ("-B",)), "-c", code]
    done = subprocess.run(command, cwd=FUNCTIONS, env={}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@dataclass(frozen=True)
class Imported:
    """What a process is like in which nothing but an entry point was imported."""

    modules: frozenset[str]
    botocore_initializers: list[str]
    root_logger: list[str]


@cache
def alone(entry_point: str) -> Imported:
    """Import it where nothing may be written or reached; fails if the import prints anything."""
    look = "[sorted(sys.modules), [str(each) for each in botocore._INITIALIZERS], [str(each) for each in of_root]]"
    code = f"{WATCH}\nimport {entry_point}, botocore, json, logging, sys"
    code += f"\nof_root = [*logging.root.handlers, *logging.root.filters]\nprint(json.dumps({look}))"
    modules, initializers, of_root = json.loads(python(code))
    return Imported(frozenset(modules), initializers, of_root)


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_an_entry_point_can_be_imported_with_an_empty_environment_and_does_nothing(entry_point: str) -> None:
    assert entry_point in alone(entry_point).modules


def test_every_other_module_too() -> None:
    dotted = [".".join(path.relative_to(FUNCTIONS).with_suffix("").parts) for path in MODULES]
    rest = [name.removesuffix(".__init__") for name in dotted if name not in ENTRY_POINTS]

    assert python(f"{WATCH}\nimport importlib\nfor name in {rest}: importlib.import_module(name)") == ""


def test_the_webhook_imports_nothing_that_only_the_monitor_needs() -> None:
    loaded = alone("webhook").modules

    for unwanted in (
        "websockets",
        "uvloop",
        "openai",
        "ringside.monitor.monitor",
        "ringside.monitor.supervisor",
        "ringside.analysis.analyst",
        "ringside.notify.notifier",
        "ringside.openai.text_model",
        "aws_lambda_powertools.event_handler",
        "aws_lambda_powertools.utilities.data_classes",
        "aws_lambda_powertools.utilities.parameters",
        "aws_xray_sdk",
    ):
        assert unwanted not in loaded


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_importing_an_entry_point_leaves_botocore_and_the_root_logger_as_they_are(entry_point: str) -> None:
    """Powertools, when it is imported, has botocore add a header to every request."""
    assert alone(entry_point).botocore_initializers == []
    assert alone(entry_point).root_logger == []


def test_importing_the_whole_webhook_costs_less_than_importing_openai_alone() -> None:
    """As they are deployed: with what ships and no more, and compiled. About four fifths, boto3 included."""
    shipped = requirements()
    sides = {"webhook": shipped, "openai": shipped | needed_by("openai")}
    for module, packages in sides.items():
        import_cost(module, packages)  # compiles
    rounds = [{module: import_cost(module, sides[module]) for module in sides} for _ in range(3)]
    # The least of some: whatever else the machine does only adds.
    least = {module: min(costs[module] for costs in rounds) for module in sides}

    assert least["webhook"] < 0.95 * least["openai"], rounds


def requirements() -> set[str]:
    """The packages that ship, by their normalized names."""
    text = (FUNCTIONS / "requirements.txt").read_text(encoding="utf-8")
    return {normalized(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def needed_by(package: str) -> set[str]:
    """A package and all that it is installed with."""
    found: set[str] = set()
    ahead = [package]
    while ahead:
        name = normalized(ahead.pop())
        if name in found:
            continue
        with suppress(PackageNotFoundError):
            needs = [need for need in requires(name) or () if "extra ==" not in need]
            found.add(name)
            ahead += [re.split(r"[^\w.-]", need)[0] for need in needs]
    return found


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def installed() -> Mapping[str, list[str]]:
    """The packages that each importable name is of."""
    return packages_distributions()


def import_cost(module: str, packages: set[str]) -> float:
    """CPU seconds that an import takes where these packages are installed. Compiles what is not compiled yet.

    The development environment has more, and others' packages look for it: httpx imports click, pygments and rich
    where they are installed.
    """
    hidden = {name for name, owners in installed().items() if not packages & {normalized(owner) for owner in owners}}
    code = HIDE.format(hidden - {"ringside", "cli", "infra"}, module)
    return float(python(code, compiles=True))


HIDE = """
import sys, time

class Hidden:
    hidden = {0}

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in cls.hidden:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden)
started = time.process_time()
import {1}
print(time.process_time() - started)
"""
