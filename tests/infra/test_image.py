"""The monitor's image: what its Dockerfile promises, and that what it copies runs and hears its signal."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.deploy import image
from infra.local import template as templates
from infra.local.cloud import LocalCloud
from infra.local.template import FUNCTIONS, REPOSITORY, of_type

DOCKERFILE = (REPOSITORY / "infra" / "Dockerfile").read_text(encoding="utf-8")


def last(instruction: str) -> str:
    found: list[str] = re.findall(rf"^{instruction} (.+)$", DOCKERFILE, re.MULTILINE)
    return found[-1]


def test_the_image_runs_what_the_task_runs_without_a_shell_and_not_as_root() -> None:
    monitor = templates.parse((REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8"))
    (task,) = of_type(monitor, "AWS::ECS::TaskDefinition").values()
    (container,) = task["ContainerDefinitions"]

    assert last("CMD") == '["python", "-m", "monitor"]'
    assert container["Command"] == ["python", "-m", "monitor"]
    assert "ENTRYPOINT" not in DOCKERFILE.replace("# ", "")
    assert last("USER").partition(":")[0] == container["User"] == "10001"


def test_packages_are_those_that_are_locked_by_their_hashes() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert "--only-binary=:all:" in DOCKERFILE
    locked = (FUNCTIONS / "requirements.txt").read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z][\w.-]*==", locked, re.MULTILINE)
    assert locked.count("--hash=sha256:") >= len(packages) > 10


def test_every_image_it_starts_from_can_be_given_by_digest() -> None:
    assert {line.split()[-1] for line in re.findall(r"^FROM .*?(\$\{\w+\})", DOCKERFILE, re.MULTILINE)} == {
        "${PYTHON_IMAGE}"
    }
    pinned = REPOSITORY / "infra" / "python-image.txt"
    if pinned.is_file():
        assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}\n", pinned.read_text(encoding="utf-8"))


def test_nothing_is_copied_but_what_ships() -> None:
    assert re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) == [
        "requirements.txt /requirements.txt",
        ". /app",
    ]
    ignored = (REPOSITORY / "infra" / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert "**/__pycache__" in ignored


def test_a_checkout_with_a_strict_umask_makes_an_image_whose_user_can_read_it() -> None:
    """Copied files keep their modes and belong to root, and the process runs as another user."""
    first, last_stage = DOCKERFILE.split("\nFROM ${PYTHON_IMAGE}\n")

    assert first.index("COPY . /app") < first.index("chmod -R u=rwX,go=rX /packages /app /bytecode")
    assert "COPY --from=packages /app /app" in last_stage


@pytest.mark.parametrize(
    "name", ["functions/webhook.py", "infra/Dockerfile", "infra/Dockerfile.dockerignore", "infra/python-image.txt"]
)
def test_what_ships_and_was_not_committed_has_a_tag_of_its_own(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false"]
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text("committed")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)

    def asked(*arguments: str) -> str:
        return subprocess.run(
            [*git, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    monkeypatch.setattr(image, "_git", asked)
    committed = image.commit()
    file.write_text("changed")

    assert not committed.endswith("-changed")
    assert image.commit().startswith(committed)
    assert image.commit().endswith("-changed")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_process_writes_nothing_and_ends_when_it_is_told_to() -> None:
    """As in the container: the working directory and the packages are not to be written, nor is anything else."""
    with LocalCloud(monitors=0) as cloud:
        environment = cloud.component_environment("Monitor") | {
            "PYTHONPATH": str(FUNCTIONS),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": "/nonexistent",
            "HOME": "/nonexistent",
            "RINGSIDE_POLL": "1",
        }
        command, pipe = [sys.executable, "-m", "monitor"], subprocess.PIPE
        with subprocess.Popen(
            command, cwd=FUNCTIONS, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            next(line for line in process.stdout if "monitor.ready" in line)
            opened = Path(f"/proc/{process.pid}/fd")
            files = {(opened / name.name).resolve() for name in opened.iterdir()}
            process.send_signal(signal.SIGTERM)
            said = process.stdout.read()

    assert process.returncode == 0
    assert "monitor.stopped" in said
    assert not [path for path in files if path.is_relative_to(REPOSITORY) or path.is_relative_to("/tmp")]
