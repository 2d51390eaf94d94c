"""What is taken out of a built function, and what stays because an agent's tools use it."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from infra.deploy import pruning
from infra.deploy.programs import DeployError
from infra.deploy.pruning import SERVICES, prune, without_documentation


@pytest.fixture
def function(tmp_path: Path) -> Path:
    """A built function, as small as it can be."""
    install(tmp_path, "uvloop")
    install(tmp_path, "aiohttp", requires=["multidict<7,>=4", 'brotli; extra == "speedups"', "idna>=2"])
    install(tmp_path, "multidict", requires=['typing-extensions>=4; python_version < "3.11"'])
    install(tmp_path, "typing_extensions")
    install(tmp_path, "brotli")
    install(tmp_path, "idna")
    install(tmp_path, "httpx", requires=["idna"])
    (tmp_path / "httpx" / "hints.pyi").write_text("")
    (tmp_path / "agents").mkdir()
    (tmp_path / "boto3" / "data" / "s3").mkdir(parents=True)
    for name in ("event_handler", "metrics", "utilities/data_classes", "utilities/parameters"):
        (tmp_path / "aws_lambda_powertools" / name).mkdir(parents=True)
    data = tmp_path / "botocore" / "data"
    for name in (*SERVICES, "s3"):
        for version in ("2011-01-01", "2020-01-01"):
            (data / name / version).mkdir(parents=True)
            (data / name / version / "service-2.json.gz").write_bytes(
                gzip.compress(b'{"documentation": "long", "shapes": {}}')
            )
            (data / name / version / "examples-1.json").write_text("{}")
    partition = {"partition": "aws", "regions": {"us-east-1": {}}, "services": {"sqs": {}, "s3": {}}}
    (data / "endpoints.json").write_text(json.dumps({"partitions": [partition]}))
    return tmp_path


def install(folder: Path, name: str, requires: list[str] | None = None) -> None:
    """A distribution, as an installer unpacks a wheel."""
    metadata = f"{name}-1.0.dist-info/METADATA"
    (folder / metadata).parent.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires or []]
    (folder / metadata).write_text("\n".join(lines) + "\n")
    (folder / name / "deep").mkdir(parents=True)
    files = [f"{name}/__init__.py", f"{name}/deep/module.py", metadata, f"{name}-1.0.dist-info/RECORD"]
    for file in files[:2]:
        (folder / file).write_text("")
    (folder / files[-1]).write_text("".join(f"{file},,\n" for file in [*files, f"../bin/{name}"]))


def installed(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} & {
        *("uvloop", "aiohttp", "multidict", "typing_extensions", "brotli", "idna", "httpx")
    }


def test_the_monitors_packages_go_with_what_only_they_require(function: Path) -> None:
    prune(function)

    assert installed(function) == {"brotli", "idna", "httpx"}
    assert not list(function.glob("aiohttp*"))


def test_a_package_that_a_tool_imports_stays_with_all_that_it_requires(function: Path) -> None:
    (function / "agents" / "tools.py").write_text("def order() -> str:\n    import aiohttp.client\n    return ''\n")

    prune(function)

    assert installed(function) == {"aiohttp", "multidict", "typing_extensions", "brotli", "idna", "httpx"}


def test_a_package_that_a_tools_package_requires_stays(function: Path) -> None:
    install(function, "shop_client", requires=["AIOHTTP>=3"])

    prune(function)

    assert "multidict" in installed(function)


def test_a_file_outside_the_function_is_never_removed(function: Path) -> None:
    inside = function / "built"
    inside.mkdir()
    for path in [path for path in function.iterdir() if path != inside]:
        shutil.move(path, inside / path.name)
    outside = function / "bin" / "uvloop"
    outside.parent.mkdir()
    outside.write_text("")

    prune(inside)

    assert outside.is_file()


def test_botocore_keeps_the_newest_description_of_the_services_that_are_used(function: Path) -> None:
    data = function / "botocore" / "data"

    prune(function)

    assert {path.name for path in data.iterdir() if path.is_dir()} == SERVICES
    assert [path.name for path in (data / "sqs").iterdir()] == ["2020-01-01"]
    assert [path.name for path in (data / "sqs" / "2020-01-01").iterdir()] == ["service-2.json"]
    assert json.loads((data / "sqs" / "2020-01-01" / "service-2.json").read_text()) == {"shapes": {}}
    assert json.loads((data / "endpoints.json").read_text())["partitions"] == [
        {"partition": "aws", "regions": {"us-east-1": {}}, "services": {"sqs": {}}}
    ]
    assert not (function / "boto3" / "data" / "s3").exists()


def test_a_file_that_others_have_too_is_replaced_and_not_rewritten(function: Path, tmp_path: Path) -> None:
    """Installers link a package's files to their cache, where every other environment has them from."""
    shared, linked = tmp_path / "cache.json", function / "botocore" / "data" / "endpoints.json"
    shared.hardlink_to(linked)
    before = shared.read_bytes()

    prune(function)

    assert shared.read_bytes() == before != linked.read_bytes()


def test_a_service_that_a_tool_names_stays_whole(function: Path) -> None:
    (function / "agents" / "tools.py").write_text('import boto3\n\nBUCKETS = boto3.client("s3")\n')

    prune(function)

    assert len(list((function / "botocore" / "data" / "s3").rglob("service-2.json.gz"))) == 2
    assert "s3" in (function / "botocore" / "data" / "endpoints.json").read_text()
    assert (function / "boto3" / "data" / "s3").is_dir()


def test_powertools_is_kept_whole_where_a_tool_imports_it(function: Path) -> None:
    (function / "agents" / "tools.py").write_text("from aws_lambda_powertools.utilities import parameters\n")
    prune(function)
    utilities = function / "aws_lambda_powertools" / "utilities"
    assert {path.name for path in utilities.iterdir()} == {"data_classes", "parameters"}

    (function / "agents" / "tools.py").write_text("")
    prune(function)
    assert {path.name for path in utilities.iterdir()} == {"data_classes"}
    assert {path.name for path in utilities.parent.iterdir()} == {"event_handler", "metrics", "utilities"}


def test_hints_for_type_checkers_go(function: Path) -> None:
    prune(function)

    assert not list(function.rglob("*.pyi"))
    assert (function / "httpx" / "__init__.py").is_file()


def test_a_member_that_is_called_documentation_is_kept() -> None:
    shape = {"members": {"documentation": {"shape": "Text", "documentation": "What it says."}}}

    assert without_documentation(shape) == {"members": {"documentation": {"shape": "Text"}}}


def test_a_service_that_botocore_does_not_describe_stops_the_build(function: Path) -> None:
    shutil.rmtree(function / "botocore" / "data" / "sqs")

    with pytest.raises(DeployError, match="sqs"):
        prune(function)


def test_every_service_that_a_function_uses_is_kept() -> None:
    """Every client that the wiring builds, but for those of the monitor alone."""
    code = (Path(pruning.__file__).parents[2] / "functions" / "ringside" / "wiring.py").read_text()
    used = {part.split('"')[1] for part in code.split("client(")[1:] if part.startswith('"')}

    assert len(used) >= 6
    assert used - SERVICES == {"lambda", "ecs"}
