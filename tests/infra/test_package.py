"""A built function's bytecode is what its sources say, and one that Lambda would refuse is refused before."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.deploy import package, programs
from infra.deploy.programs import DeployError
from infra.deploy.pruning import SERVICES

needs_python = pytest.mark.skipif(programs.python313() is None, reason=programs.NO_PYTHON313)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A build folder with one function, as small as it can be."""
    function = tmp_path / "WebhookFunction"
    for service in SERVICES:
        (function / "botocore" / "data" / service / "2020-01-01").mkdir(parents=True)
    (function / "botocore" / "data" / "endpoints.json").write_text(json.dumps({"partitions": []}))
    (function / "ringside").mkdir()
    (function / "ringside" / "__init__.py").write_text("")
    (function / "webhook.py").write_text("ANSWER = 'old'\n")
    return tmp_path


@needs_python
def test_packaging_a_changed_function_again_runs_what_it_now_says(built: Path) -> None:
    source = built / "WebhookFunction" / "webhook.py"
    package.package(built)
    source.write_text("ANSWER = 'new'\n")

    package.package(built)

    python = programs.python313()
    assert python is not None
    command = [python, "-c", "import webhook; print(webhook.ANSWER, webhook.__cached__)"]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=True)
    answer, cached = done.stdout.split()
    assert answer == "new"
    assert Path(cached).is_file()


@needs_python
def test_bytecode_of_the_deployers_own_python_is_not_deployed(built: Path) -> None:
    cache = built / "WebhookFunction" / "__pycache__"
    cache.mkdir()
    (cache / "webhook.cpython-311.pyc").write_bytes(b"")

    package.package(built)

    assert [path.name for path in cache.iterdir()] == ["webhook.cpython-313.pyc"]


@needs_python
def test_a_module_of_ours_that_cannot_be_compiled_is_named(built: Path) -> None:
    (built / "WebhookFunction" / "ringside" / "broken.py").write_text("def\n")

    with pytest.raises(DeployError, match=r"ringside/broken\.py"):
        package.package(built)


@needs_python
def test_copies_of_one_build_are_packaged_alike_and_another_build_by_itself(built: Path) -> None:
    first = built / "WebhookFunction"
    shutil.copytree(first, built / "SweeperFunction")
    shutil.copytree(first, built / "AnotherFunction")
    (built / "AnotherFunction" / "webhook.py").write_text("ANSWER = 'another'\n")

    package.package(built)
    package.package(built)

    def content(name: str) -> dict[str, bytes]:
        return {str(path.relative_to(built / name)): path.read_bytes() for path in files(built / name)}

    assert content("SweeperFunction") == content("WebhookFunction")
    assert "__pycache__/webhook.cpython-313.pyc" in content("SweeperFunction")
    another = content("AnotherFunction")
    assert another["webhook.py"] == b"ANSWER = 'another'\n"
    assert another.keys() == content("WebhookFunction").keys()
    assert (
        another["__pycache__/webhook.cpython-313.pyc"]
        != content("WebhookFunction")["__pycache__/webhook.cpython-313.pyc"]
    )


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@needs_python
def test_what_is_bigger_than_lambda_takes_is_not_deployed(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "LIMIT", 10)

    with pytest.raises(DeployError, match="MB unpacked"):
        package.package(built)


def test_a_folder_without_a_function_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="no function"):
        package.package(tmp_path)
