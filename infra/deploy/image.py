"""The monitor's image: built for arm64, pushed to a registry, and from then on known by its digest."""

import base64
import json
import re
import subprocess
import time
from collections.abc import Sequence

from botocore.exceptions import ClientError

from infra.deploy import builders, programs
from infra.deploy.account import Account
from infra.deploy.builders import DOCKERFILE, Builder, Recipe
from infra.deploy.programs import DeployError
from infra.local.template import REPOSITORY

PLATFORM = "linux/arm64"
PINNED = REPOSITORY / "infra" / "python-image.txt"
"""The image that ours is made from, by digest, because a tag changes. `refresh` writes it anew, to be committed."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
KEPT_IMAGES = 10


def make(account: Account, repository: str, *, refresh: bool = False) -> str:
    """Build and push to ECR; returns the image by its digest. `refresh` looks for a newer Python image first."""
    create_repository(account, repository)
    name, tag = f"{account.registry}/{repository}", commit()
    found = pushed(account, repository, tag)
    if found and not refresh and not tag.endswith("-changed"):
        print(f"The image for {tag} was pushed before.")
        return f"{name}@{found}"
    builder = builders.find()
    log_in(account, builder)
    return _made(builder, name, tag, PLATFORM, refresh=refresh)


def make_elsewhere(
    name: str, *, platform: str = PLATFORM, refresh: bool = False, base: str | None = None, flags: Sequence[str] = ()
) -> str:
    """Build, and push to another registry than ECR: `name` is registry/repository, and who may push is logged in
    already. `base` takes the place of the pinned Python image."""
    return _made(builders.find(), name, commit(), platform, refresh=refresh, base=base, flags=flags)


def _made(
    builder: Builder,
    name: str,
    tag: str,
    platform: str,
    *,
    refresh: bool,
    base: str | None = None,
    flags: Sequence[str] = (),
) -> str:
    base = base or python_image(builder, refresh=refresh)
    digest = builder.build_and_push(Recipe(base, f"{name}:{tag}", platform, committed_at(), flags))
    print(f"Pushed {name}@{digest}")
    return f"{name}@{digest}"


def create_repository(account: Account, repository: str) -> None:
    """Make the repository if it is missing: tags that cannot be moved, a scan of each image, the last few kept."""
    ecr = account.client("ecr")
    try:
        ecr.create_repository(
            repositoryName=repository,
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryAlreadyExistsException":
            raise
        return
    old = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES}
    rule = {"rulePriority": 1, "selection": old, "action": {"type": "expire"}}
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps({"rules": [rule]}))
    print(f"Created the repository {repository}.")


def pushed(account: Account, repository: str, tag: str) -> str | None:
    """The digest of the image with this tag, if there is one."""
    try:
        found = account.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ImageNotFoundException":
            return None
        raise
    return str(found["imageDetails"][0]["imageDigest"])


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
    """What is built: the commit. What ships but was not committed gets a tag of its own, which cannot be moved."""
    name = _git("rev-parse", "--short=12", "HEAD")
    made_of = ("functions", "infra/Dockerfile", "infra/Dockerfile.dockerignore", "infra/python-image.txt")
    changed = _git("status", "--porcelain", "--", *made_of)
    return f"{name}-{int(time.time())}-changed" if changed else name


def committed_at() -> str:
    """Unix seconds of the commit: files of the image get this time, so that the same code is the same image."""
    return _git("log", "-1", "--format=%ct")


def _git(*arguments: str) -> str:
    return programs.run(["git", *arguments], what="git", quiet=True).strip()
