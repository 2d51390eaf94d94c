"""The monitor's image: built for arm64, pushed to the account's registry, and from then on known by its digest."""

import base64
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

from botocore.exceptions import ClientError

from infra.deploy import programs
from infra.deploy.account import Account
from infra.deploy.programs import DeployError
from infra.local.template import FUNCTIONS, REPOSITORY

PLATFORM = "linux/arm64"
DOCKERFILE = REPOSITORY / "infra" / "Dockerfile"
PINNED = REPOSITORY / "infra" / "python-image.txt"
"""The image that ours is made from, by digest. Written by the first build, and to be committed: a tag changes."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
KEPT_IMAGES = 10


def make(account: Account, repository: str, *, refresh: bool = False) -> str:
    """Build and push; returns the image by its digest. `refresh` looks for a newer Python image first."""
    create_repository(account, repository)
    name, tag = f"{account.registry}/{repository}", commit()
    found = pushed(account, repository, tag)
    if found and not refresh and not tag.endswith("-changed"):
        print(f"The image for {tag} was pushed before.")
        return f"{name}@{found}"
    log_in(account)
    base = python_image(refresh=refresh)
    with tempfile.TemporaryDirectory() as folder:
        facts = Path(folder) / "facts.json"
        command = build_command(base, f"{name}:{tag}", facts)
        env = programs.environment(SOURCE_DATE_EPOCH=committed_at())
        programs.run(command, what="docker buildx build", env=env)
        digest = str(json.loads(facts.read_text(encoding="utf-8"))["containerimage.digest"])
    print(f"Pushed {name}@{digest}")
    return f"{name}@{digest}"


def build_command(base: str, name: str, facts: Path) -> list[str]:
    """How Docker is asked to build it. Without provenance, which has the time of the build in it, a digest says the
    same of the same content."""
    return [
        *("docker", "buildx", "build", "--platform", PLATFORM, "--provenance=false", "--push"),
        *("--build-arg", f"PYTHON_IMAGE={base}", "--tag", name, "--metadata-file", str(facts)),
        *("--file", str(DOCKERFILE), str(FUNCTIONS)),
    ]


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


def log_in(account: Account) -> None:
    """Let Docker push. The token goes through standard input: a command line can be read by others."""
    (data,) = account.client("ecr").get_authorization_token()["authorizationData"]

    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    command = ["docker", "login", "--username", user, "--password-stdin", account.registry]
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeployError(f"docker login failed: {done.stderr.strip()}")


def python_image(*, refresh: bool = False) -> str:
    """The Python image by digest: the one that is pinned, else what its tag means today, which is pinned then."""
    if PINNED.is_file() and not refresh:
        return pinned(PINNED.read_text(encoding="utf-8"))
    tag = base_tag()
    command = ["docker", "buildx", "imagetools", "inspect", tag, "--format", "{{.Manifest.Digest}}"]
    found = DIGEST.search(programs.run(command, what=f"looking for {tag}", quiet=True))
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
    changed = _git("status", "--porcelain", "--", "functions", "infra/Dockerfile")
    return f"{name}-{int(time.time())}-changed" if changed else name


def committed_at() -> str:
    """Unix seconds of the commit: files of the image get this time, so that the same code is the same image."""
    return _git("log", "-1", "--format=%ct")


def _git(*arguments: str) -> str:
    return programs.run(["git", *arguments], what="git", quiet=True).strip()
