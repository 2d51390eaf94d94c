"""Who builds the image, and with which words: programs in the builders' places, and the command lines."""

from pathlib import Path

import pytest

from infra.deploy import builders, image
from infra.deploy.builders import Buildah, Buildx, Recipe
from infra.deploy.programs import DeployError

DIGEST = f"sha256:{'ab' * 32}"
RECIPE = Recipe("python@sha256:1", "registry.example.com/ringside:abc", "linux/arm64", "1700000000", ["--network=host"])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No builder but those that a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def installed(path: Path, name: str, script: str = "exit 0") -> None:
    (path / name).write_text(f"#!/bin/sh\n{script}\n")
    (path / name).chmod(0o755)


def test_docker_builds_where_it_runs_and_has_buildx(path: Path) -> None:
    for name in ("docker", "podman", "buildah"):
        installed(path, name)

    assert builders.find() == Buildx()


@pytest.mark.parametrize("docker", ["exit 1", 'test "$1" != buildx'])
def test_podman_builds_where_docker_does_not_run_or_has_no_buildx(path: Path, docker: str) -> None:
    installed(path, "docker", docker)
    installed(path, "podman")

    assert builders.find() == Buildah("podman")
    assert builders.problems() == []


def test_buildah_builds_where_it_is_alone(path: Path) -> None:
    installed(path, "podman", "exit 125")
    installed(path, "buildah")

    assert builders.find() == Buildah("buildah")


def test_without_a_builder_it_says_what_would_do(path: Path) -> None:
    with pytest.raises(DeployError, match=r"Docker is not installed.*podman or buildah do"):
        builders.find()


def test_buildx_puts_nothing_of_the_builds_time_into_the_image() -> None:
    command = " ".join(Buildx().command(RECIPE, Path("facts")))

    assert "--provenance=false" in command
    assert "rewrite-timestamp=true" in command
    assert "push=true" in command
    assert "--platform linux/arm64" in command
    assert "--network=host" in command


@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_podman_and_buildah_give_all_files_the_commits_time(program: str) -> None:
    command = " ".join(Buildah(program).command(RECIPE))

    assert command.startswith(f"{program} build --timestamp 1700000000 ")
    assert "--build-arg PYTHON_IMAGE=python@sha256:1" in command
    assert "--ignorefile" in command


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("127.0.0.1:5000/ringside:a", True),
        ("localhost:5000/ringside:a", True),
        ("localhost.example.com/ringside:a", False),
        ("registry.example.com:5000/ringside:a", False),
    ],
)
def test_only_a_registry_on_this_machine_is_spoken_to_in_plain_http(name: str, plain: bool) -> None:
    assert ("--tls-verify=false" in Buildah().push_command(name, Path("digest"))) is plain


def test_podman_pushes_and_reports_the_registrys_digest(path: Path) -> None:
    installed(
        path, "podman", f'while [ $# -gt 0 ]; do [ "$1" = --digestfile ] && echo {DIGEST} > "$2"; shift; done; exit 0'
    )

    assert Buildah("podman").build_and_push(RECIPE) == DIGEST


def test_another_registry_needs_no_account(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(
        path, "podman", f'while [ $# -gt 0 ]; do [ "$1" = --digestfile ] && echo {DIGEST} > "$2"; shift; done; exit 0'
    )
    monkeypatch.setattr(image, "commit", lambda: "abc123")
    monkeypatch.setattr(image, "committed_at", lambda: "1700000000")

    assert image.make_elsewhere("registry.example.com/ringside") == f"registry.example.com/ringside@{DIGEST}"


def test_looking_into_a_registry_with_podman_needs_skopeo(path: Path) -> None:
    with pytest.raises(DeployError, match="skopeo is not installed"):
        Buildah("podman").digest_of("python:3.13-slim")

    installed(path, "skopeo", f"echo {DIGEST}")
    assert Buildah("podman").digest_of("python:3.13-slim").strip() == DIGEST


def test_the_python_image_is_pinned_in_the_repository() -> None:
    assert image.pinned(image.PINNED.read_text(encoding="utf-8")).startswith(f"{image.base_tag()}@sha256:")
