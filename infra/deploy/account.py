"""What must be there before anything is deployed. Everything that is missing is listed at once, with the remedy."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy import builders, programs
from infra.deploy.programs import DeployError

Found = TypeVar("Found")

NO_REGION = "No AWS region is set: set AWS_REGION (us-east-1 is close to OpenAI) or run `aws configure set region ...`."
NO_CREDENTIALS = "No AWS credentials were found: run `aws sso login` or `aws configure`, or set AWS_PROFILE."


@dataclass(frozen=True)
class Account:
    """The AWS account and region that are deployed to."""

    region: str
    number: str

    @property
    def registry(self) -> str:
        """Where the account's images are."""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"{self.number}.dkr.ecr.{self.region}.{suffix}"

    def client(self, service: Any) -> Any:
        return self._session.client(service)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(region_name=self.region)


def find(*, docker: bool = False, build: bool = False) -> Account:
    """The account, once everything that is needed is there; `DeployError` naming all that is missing."""
    missing = builders.problems() if docker else []
    if build and programs.python313() is None:
        missing.append(programs.NO_PYTHON313[0].upper() + programs.NO_PYTHON313[1:] + ".")
    region, number = chosen_region(), None
    if region is None:
        missing.append(NO_REGION)
    try:
        # Identity is the same in every region.
        sts = boto3.Session(region_name=region or "us-east-1").client("sts")
        number = str(sts.get_caller_identity()["Account"])
    except ClientError as error:
        missing.append(f"AWS refuses the credentials ({error.response['Error']['Code']}): log in again.")
    except BotoCoreError as error:
        missing.append(NO_CREDENTIALS if "redential" in str(error) else f"AWS: {' '.join(str(error).split())}.")
    if missing or region is None or number is None:
        raise DeployError("Something is still missing:\n" + "\n".join(f"  - {problem}" for problem in missing))
    return Account(region, number)


def peek(look: Callable[[Account], Found]) -> Found | None:
    """What can be seen in the account, within seconds; None without an account, or for whoever may not look."""
    region = chosen_region()
    try:
        if region is None or boto3.Session().get_credentials() is None:
            return None
        return look(Account(region, ""))
    except (BotoCoreError, ClientError):
        return None


def chosen_region() -> str | None:
    """The region that the environment or the profile names."""
    try:
        region: str | None = programs.environment().get("AWS_REGION") or boto3.Session().region_name
    except BotoCoreError:  # a profile that does not exist: the message about credentials says so
        return None
    return region
