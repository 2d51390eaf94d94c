"""Who builds the monitor's image: Docker's buildx, podman or buildah, whichever is here. The same content gets the same
digest: files and image have the time of the commit, and nothing in it says when or where it was built."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.deploy import programs
from infra.deploy.programs import DeployError
from infra.local.template import FUNCTIONS, REPOSITORY

DOCKERFILE = REPOSITORY / "infra" / "Dockerfile"
IGNORED = REPOSITORY / "infra" / "Dockerfile.dockerignore"
NO_ENGINE = "Docker is not installed: https://docs.docker.com/get-docker. It builds the monitor's image."
NO_DAEMON = "Docker does not run: start it (the command `docker info` has to succeed)."
NO_BUILDX = "Docker has no buildx: it is part of Docker Desktop, and of the package docker-buildx-plugin."

LOCAL_REGISTRIES = ("localhost", "127.0.0.1")
"""Registries that speak plain HTTP; Docker takes these two for such by itself."""


@dataclass(frozen=True)
class Recipe:
    """What is built: `base` by its digest, `name` with its tag, `made_at` in Unix seconds, `flags` for the builder.
    `context`: the folder that is copied into the image."""

    base: str
    name: str
    platform: str
    made_at: str
    flags: Sequence[str] = ()
    context: Path = FUNCTIONS

    @property
    def arguments(self) -> list[str]:
        """What all builders understand."""
        return [
            *("--platform", self.platform, "--build-arg", f"PYTHON_IMAGE={self.base}", "--tag", self.name),
            *(*self.flags, "--file", str(DOCKERFILE)),
        ]


@dataclass(frozen=True)
class Buildx:
    """Docker. It builds and pushes in one go."""

    program: str = "docker"

    def build_and_push(self, recipe: Recipe) -> str:
        """Returns the digest under which the registry has it."""
        with tempfile.TemporaryDirectory() as folder:
            facts = Path(folder) / "facts.json"
            env = programs.environment(SOURCE_DATE_EPOCH=recipe.made_at)
            programs.run(self.command(recipe, facts), what="docker buildx build", env=env)
            return str(json.loads(facts.read_text(encoding="utf-8"))["containerimage.digest"])

    def build(self, recipe: Recipe) -> None:
        """Build for this machine alone, where containers are then run from it."""
        command = ["docker", "buildx", "build", "--provenance=false", "--load", *recipe.arguments, str(recipe.context)]
        programs.run(command, what="docker buildx build", env=programs.environment(SOURCE_DATE_EPOCH=recipe.made_at))

    def command(self, recipe: Recipe, facts: Path) -> list[str]:
        """Without provenance, which has the time of the build in it; files get the time of SOURCE_DATE_EPOCH, too
        (https://github.com/moby/buildkit/blob/master/docs/build-repro.md)."""
        output = "type=image,push=true,rewrite-timestamp=true"
        return [
            *("docker", "buildx", "build", "--provenance=false", "--output", output, "--metadata-file", str(facts)),
            *(*recipe.arguments, str(recipe.context)),
        ]

    def digest_of(self, tag: str) -> str:
        """What the registry has under this tag now: an index of all platforms."""
        command = ["docker", "buildx", "imagetools", "inspect", tag, "--format", "{{.Manifest.Digest}}"]
        return programs.run(command, what=f"looking for {tag}", quiet=True)


@dataclass(frozen=True)
class Buildah:
    """podman or buildah, which build alike, and push after it."""

    program: str = "podman"

    def build_and_push(self, recipe: Recipe) -> str:
        """Returns the digest under which the registry has it."""
        self.build(recipe)
        with tempfile.TemporaryDirectory() as folder:
            digest = Path(folder) / "digest"
            programs.run(self.push_command(recipe.name, digest), what=f"{self.program} push")
            return digest.read_text(encoding="utf-8").strip()

    def build(self, recipe: Recipe) -> None:
        """Build for this machine alone, where containers are then run from it."""
        programs.run(self.command(recipe), what=f"{self.program} build")

    def command(self, recipe: Recipe) -> list[str]:
        """`--timestamp` is the time of the image and of all its files. Docker's format would have the names of the
        containers in it that it was built in; OCI's has not. Files are ignored as Docker ignores them."""
        fixed = ("--timestamp", recipe.made_at, "--format", "oci", "--ignorefile", str(IGNORED))
        return [self.program, "build", *fixed, *recipe.arguments, str(recipe.context)]

    def push_command(self, name: str, digest: Path) -> list[str]:
        host = name.partition("/")[0].partition(":")[0]
        plain = ["--tls-verify=false"] if host in LOCAL_REGISTRIES else []
        return [self.program, "push", *plain, "--digestfile", str(digest), name]

    def digest_of(self, tag: str) -> str:
        """What the registry has under this tag now: an index of all platforms."""
        if shutil.which("skopeo") is None:
            raise DeployError("skopeo is not installed, and podman cannot look into a registry without it: install it")
        command = ["skopeo", "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{tag}"]
        return programs.run(command, what=f"looking for {tag}", quiet=True)


Builder = Buildx | Buildah


def find() -> Builder:
    """The builder of this machine; `DeployError` if there is none."""
    builder = found()
    if builder is None:
        raise DeployError("\n".join(problems()))
    return builder


def found() -> Builder | None:
    if not docker_problems():
        return Buildx()
    for program in ("podman", "buildah"):
        path = shutil.which(program)
        if path and subprocess.run([path, "info"], capture_output=True, check=False).returncode == 0:
            return Buildah(program)
    return None


def problems() -> list[str]:
    """What is missing to build an image; nothing if one of the builders runs."""
    return [] if found() else [f"{problem} podman or buildah do, too." for problem in docker_problems()]


def docker_problems() -> list[str]:
    """What is wrong with Docker here."""
    docker = shutil.which("docker")
    if docker is None:
        return [NO_ENGINE]
    for command, problem in (("info", NO_DAEMON), ("buildx version", NO_BUILDX)):
        try:
            done = subprocess.run([docker, *command.split()], capture_output=True, timeout=30, check=False)
        except subprocess.TimeoutExpired:
            return [problem]
        if done.returncode:
            return [problem]
    return []
