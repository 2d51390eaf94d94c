"""What of an account's limits a first deployment would meet, as far as an API tells."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cli.cloud import Cloud
from cli.doctor.aws import check_credentials
from cli.doctor.examine import guarded
from cli.doctor.finding import Finding, Findings, State

WEBHOOK_ROOM = 100 + 102
"""Concurrent functions: what Lambda keeps back, and what is reserved by default (docs/deploy.md)."""


@dataclass(frozen=True)
class Quota:
    """A limit of Service Quotas: its code, how much of it is used, and how much a deployment takes."""

    what: str
    service: str
    code: str
    takes: float
    used: Callable[[Any], int]
    only: str = ""


def _vpcs(ec2: Any) -> int:
    return sum(len(page["Vpcs"]) for page in ec2.get_paginator("describe_vpcs").paginate())


def _addresses(ec2: Any) -> int:
    return len(ec2.describe_addresses()["Addresses"])


QUOTAS = (
    Quota("VPCs", "vpc", "L-F678F1CE", 1, _vpcs, "unless it is given a VPC (VpcId)"),
    Quota("elastic addresses", "ec2", "L-0263D0A3", 2, _addresses, "with NetworkMode=private"),
)
"""By the codes of Service Quotas (`aws service-quotas list-aws-default-service-quotas`)."""

FARGATE_VCPUS = "L-3032A538"


def before_deploy(where: Cloud) -> Iterator[Finding]:
    """Credentials, then each limit; nothing is deployed or changed."""
    usable = True
    for finding in guarded("credentials", check_credentials(where)):
        usable = finding.state is State.OK
        yield finding
    if not usable:
        return
    yield from guarded("lambda", check_concurrency(where))
    for quota in QUOTAS:
        yield from guarded(quota.service, check_quota(where, quota))
    yield from guarded("fargate", check_fargate(where))


def check_concurrency(where: Cloud) -> Findings:
    limits = where.client("lambda").get_account_settings()["AccountLimit"]
    limit, free = int(limits["ConcurrentExecutions"]), int(limits["UnreservedConcurrentExecutions"])
    what = f"{limit} functions may run at once, {free} of them are not reserved"
    if free >= WEBHOOK_ROOM:
        yield Finding("lambda", State.OK, what)
    else:
        todo = "none are reserved for webhooks until Service Quotas (Lambda, concurrent executions) allows more"
        yield Finding("lambda", State.WARNING, what, todo)


def check_quota(where: Cloud, quota: Quota) -> Findings:
    limit, used = _limit(where, quota.service, quota.code), quota.used(where.client("ec2"))
    if limit is None:
        yield Finding(quota.service, State.WARNING, f"{quota.what}: {used} in use; the limit is not known")
        return
    what = f"{quota.what}: {used} of {limit:g} in use; a stack takes {quota.takes:g} {quota.only}"
    enough = used + quota.takes <= limit
    todo = "" if enough else "ask for more in Service Quotas, or delete what is not needed"
    yield Finding(quota.service, State.OK if enough else State.WARNING, what, todo)


def check_fargate(where: Cloud) -> Findings:
    """Four monitors of the smallest size need one vCPU."""
    limit = _limit(where, "fargate", FARGATE_VCPUS)
    if limit is None:
        yield Finding("fargate", State.WARNING, "the limit of vCPUs on Fargate is not known")
    elif limit < 1:
        todo = "ask for more in Service Quotas (AWS Fargate)"
        yield Finding("fargate", State.WRONG, f"{limit:g} vCPUs may run on Fargate: too few for a monitor", todo)
    else:
        yield Finding("fargate", State.OK, f"{limit:g} vCPUs may run on Fargate")


def _limit(where: Cloud, service: str, code: str) -> float | None:
    """The limit that holds for the account, or AWS's default; None if Service Quotas knows neither."""
    quotas = where.client("service-quotas")
    for ask in (quotas.get_service_quota, quotas.get_aws_default_service_quota):
        try:
            return float(ask(ServiceCode=service, QuotaCode=code)["Quota"]["Value"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchResourceException":
                raise
    return None
