"""The ECR repository of a stack: made before its first image, keeps what was deployed, and goes with the stack."""

import json
from collections.abc import Mapping

from botocore.exceptions import ClientError

from infra.deploy.account import Account
from infra.deploy.plan import Parameters
from infra.deploy.programs import DeployError

DEPLOYED = "deployed-"
"""Begins the second tag of every image that was deployed. ECR does not know what ECS runs; this keeps it."""

MANIFESTS = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
]
"""What ECR is to hand out as it was pushed: another form would have another digest."""

KEPT_DEPLOYED = 100
KEPT_OTHERS = 30


def of_stack(stack: str, parameters: Parameters) -> str:
    """The repository's name: the one given, otherwise the stack's own. ECR allows no capitals."""
    return parameters.get("MonitorRepository") or f"{stack.lower()}-monitor"


def create(account: Account, repository: str, tags: Mapping[str, str] | None = None) -> None:
    """Make the repository if it is missing: tags that cannot be moved, a scan of each image, what was deployed kept.

    It is looked for first: whoever may not make one can be given one.
    """
    ecr = account.client("ecr")
    try:
        ecr.describe_repositories(repositoryNames=[repository])
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise
    else:
        return
    ecr.create_repository(
        repositoryName=repository,
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
    )
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps(lifecycle()))
    print(f"Created the repository {repository}.")


def lifecycle() -> dict[str, object]:
    """What ECR may forget. An image that a rule covers by its tag is never expired by a rule of lower priority
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html, evaluation rules)."""
    deployed = {"tagStatus": "tagged", "tagPrefixList": [DEPLOYED]}
    return {
        "rules": [
            _newest(1, f"the last {KEPT_DEPLOYED} that were deployed", deployed, KEPT_DEPLOYED),
            _newest(2, "builds that were never deployed", {"tagStatus": "any"}, KEPT_OTHERS),
        ]
    }


def _newest(priority: int, description: str, selection: Mapping[str, object], count: int) -> dict[str, object]:
    return {
        "rulePriority": priority,
        "description": description,
        "selection": {**selection, "countType": "imageCountMoreThan", "countNumber": count},
        "action": {"type": "expire"},
    }


def keep(account: Account, image: str) -> None:
    """Tag an image as deployed, so that it stays for as long as it may run or be returned to. `image` is by digest;
    one of another registry is not ours to keep."""
    name, _, digest = image.partition("@")
    registry, _, repository = name.partition("/")
    if registry != account.registry:
        return
    ecr = account.client("ecr")
    found = ecr.batch_get_image(
        repositoryName=repository, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=MANIFESTS
    )["images"]
    if not found:
        raise DeployError(f"{image}: there is no such image in {account.region}")
    kind = {name: value for name, value in found[0].items() if name == "imageManifestMediaType" and value}
    try:
        ecr.put_image(
            repositoryName=repository,
            imageManifest=found[0]["imageManifest"],
            imageTag=DEPLOYED + digest.removeprefix("sha256:")[:16],
            imageDigest=digest,
            **kind,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ImageAlreadyExistsException", "ImageTagAlreadyExistsException"):
            raise


def pushed(account: Account, repository: str, tag: str) -> str | None:
    """The digest of the image with this tag, if there is one."""
    try:
        found = account.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ImageNotFoundException":
            return None
        raise
    return str(found["imageDetails"][0]["imageDigest"])


def delete(account: Account, repository: str) -> None:
    """Delete it with all its images; nothing if it is gone."""
    try:
        account.client("ecr").delete_repository(repositoryName=repository, force=True)
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise
