"""The monitor's image: built for arm64, pushed to a registry, and from then on known by its digest."""

import base64
import re
import subprocess
import time
from collections.abc import Mapping, Sequence

from infra.deploy import builders, programs, repository, sbom, team_agents
from infra.deploy.account import Account
from infra.deploy.builders import DOCKERFILE, Builder, Recipe
from infra.deploy.programs import DeployError
from infra.local.template import REPOSITORY
from ringside.agentfile.fingerprint import fingerprint

PLATFORM = "linux/arm64"
PINNED = REPOSITORY / "infra" / "python-image.txt"
"""The image that ours is made from, by digest, because a tag changes. `refresh` writes it anew, to be committed."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def make(
    account: Account,
    repository_name: str,
    *,
    refresh: bool = False,
    base: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Build and push to ECR; returns the image by its digest. `refresh` looks for a newer Python image first; `base`
    takes the place of the pinned one. `tags` are for the repository, if it is made."""
    repository.create(account, repository_name, tags)
    if refresh:  # before the tag is named: a new pin that was not committed is a change, and a tag cannot be moved
        python_image(builders.find(), refresh=True)
    name, tag = f"{account.registry}/{repository_name}", commit()
    if base:  # not what the commit says, so not under its name
        tag = f"{tag.removesuffix('-changed')}-{int(time.time())}-changed"
    found = repository.pushed(account, repository_name, tag)
    if found:
        print(f"The image for {tag} was pushed before.")
        return _described(f"{name}@{found}", pinned(PINNED.read_text(encoding="utf-8")))
    builder = builders.find()
    log_in(account, builder)
    return _made(builder, name, tag, PLATFORM, base=base or python_image(builder))


def make_elsewhere(
    name: str, *, platform: str = PLATFORM, refresh: bool = False, base: str | None = None, flags: Sequence[str] = ()
) -> str:
    """Build, and push to another registry than ECR: `name` is registry/repository, and who may push is logged in
    already. `base` takes the place of the pinned Python image."""
    builder = builders.find()
    base = base or python_image(builder, refresh=refresh)
    return _made(builder, name, commit(), platform, base=base, flags=flags)


def _made(builder: Builder, name: str, tag: str, platform: str, *, base: str, flags: Sequence[str] = ()) -> str:
    with team_agents.context() as context:
        digest = builder.build_and_push(Recipe(base, f"{name}:{tag}", platform, committed_at(), flags, context))
    print(f"Pushed {name}@{digest}")
    return _described(f"{name}@{digest}", base)


def _described(image: str, base: str) -> str:
    """Write down what the image is made of, beside its digest. Returns the image."""
    path = sbom.write(image, base, committed_at())
    print(f"What it is made of: {path.relative_to(REPOSITORY)}")
    return image


def log_in(account: Account, builder: Builder) -> None:
    """Let the builder push. The token goes through standard input: a command line can be read by others."""
    (data,) = account.client("ecr").get_authorization_token()["authorizationData"]

    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    command = [builder.program, "login", "--username", user, "--password-stdin", account.registry]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeployError(f"{builder.program} login failed: {done.stderr.strip()}")


def python_image(builder: Builder, *, refresh: bool = False) -> str:
    """The Python image by digest: the one that is pinned, else what its tag means today, which is pinned then."""
    if PINNED.is_file() and not refresh:
        return pinned(PINNED.read_text(encoding="utf-8"))
    tag = base_tag()
    found = DIGEST.search(builder.digest_of(tag))
    if found is None:
        raise DeployError(f"{tag}: its registry did not report a digest")
    image = f"{tag}@{found[0]}"
    PINNED.write_text(image + "\n", encoding="utf-8")
    print(f"Pinned {image} in {PINNED.relative_to(REPOSITORY)}: commit it.")
    return image


def pinned(text: str) -> str:
    """The pinned image; `DeployError` if it is not one by digest."""
    if not re.fullmatch(rf"\S+@{DIGEST.pattern}", text.strip()):
        raise DeployError(
            f"{PINNED.relative_to(REPOSITORY)}: not an image by digest; delete the file to have it written again"
        )
    return text.strip()


def base_tag() -> str:
    """The tag that the Dockerfile names."""
    found = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def commit() -> str:
    """What is built: the commit, and a team's own agents by their fingerprint. What ships but was not committed gets a
    tag of its own, which cannot be moved."""
    name = _git("rev-parse", "--short=12", "HEAD")
    made_of = ("functions", "infra/Dockerfile", "infra/Dockerfile.dockerignore", "infra/python-image.txt")
    changed = _git("status", "--porcelain", "--", *made_of)
    name = f"{name}-{fingerprint(team_agents.folder())}" if team_agents.is_outside() else name
    return f"{name}-{int(time.time())}-changed" if changed else name


def committed_at() -> str:
    """Unix seconds of the commit: files of the image get this time, so that the same code is the same image."""
    return _git("log", "-1", "--format=%ct")


def _git(*arguments: str) -> str:
    return programs.run(["git", *arguments], what="git", quiet=True).strip()
