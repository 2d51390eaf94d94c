"""`ringside doctor --before-deploy`: each limit wide, narrow, unknown and hidden."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.doctor import before_deploy
from cli.doctor.before_deploy import QUOTAS
from cli.doctor.examine import guarded
from cli.doctor.finding import State


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Asked")


@dataclass
class Account:
    """An account as its APIs show it. `quotas` by code: what holds for it, or the error that is answered."""

    quotas: dict[str, float | ClientError] = field(default_factory=dict)
    standard: dict[str, float] = field(default_factory=dict)
    vpcs: int = 1
    concurrency: int = 1000

    def client(self, service: str) -> Any:
        return self

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:
        return self._answer(self.quotas, QuotaCode)

    def get_aws_default_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:
        return self._answer(self.standard, QuotaCode)

    @staticmethod
    def _answer(known: Any, code: str) -> dict[str, Any]:
        found = known.get(code, refused("NoSuchResourceException"))
        if isinstance(found, ClientError):
            raise found
        return {"Quota": {"Value": found}}

    def get_account_settings(self) -> dict[str, Any]:
        free = self.concurrency
        return {"AccountLimit": {"ConcurrentExecutions": free, "UnreservedConcurrentExecutions": free}}

    def get_paginator(self, name: str) -> Any:
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [{"Vpcs": [{}] * self.vpcs}]

    def describe_addresses(self) -> dict[str, Any]:
        return {"Addresses": []}


VPCS, ADDRESSES = QUOTAS


def test_room_is_well() -> None:
    account: Any = Account({VPCS.code: 5.0})

    (finding,) = before_deploy.check_quota(account, VPCS)

    assert (finding.state, finding.todo) == (State.OK, "")
    assert "1 of 5 in use" in finding.what


@pytest.mark.parametrize(("vpcs", "state"), [(4, State.OK), (5, State.WARNING)])
def test_the_last_vpc_can_be_had_and_no_more(vpcs: int, state: State) -> None:
    account: Any = Account({VPCS.code: 5.0}, vpcs=vpcs)

    (finding,) = before_deploy.check_quota(account, VPCS)

    assert finding.state is state


def test_a_limit_that_was_never_raised_is_awss_default() -> None:
    account: Any = Account(standard={ADDRESSES.code: 1.0})

    (finding,) = before_deploy.check_quota(account, ADDRESSES)

    assert finding.state is State.WARNING
    assert "Service Quotas" in finding.todo


def test_a_limit_that_nobody_knows_is_said_to_be_unknown() -> None:
    account: Any = Account()

    (finding,) = before_deploy.check_quota(account, VPCS)

    assert (finding.state, "not known" in finding.what) == (State.WARNING, True)


@pytest.mark.parametrize(("functions", "state"), [(1000, State.OK), (202, State.OK), (201, State.WARNING)])
def test_a_new_account_may_reserve_no_functions(functions: int, state: State) -> None:
    account: Any = Account(concurrency=functions)

    (finding,) = before_deploy.check_concurrency(account)

    assert finding.state is state


@pytest.mark.parametrize(("vcpus", "state"), [(6.0, State.OK), (0.0, State.WRONG)])
def test_an_account_without_fargate_gets_no_monitor(vcpus: float, state: State) -> None:
    account: Any = Account({before_deploy.FARGATE_VCPUS: vcpus})

    (finding,) = before_deploy.check_fargate(account)

    assert finding.state is state


def test_what_these_credentials_may_not_ask_is_a_warning() -> None:
    account: Any = Account({VPCS.code: refused("AccessDeniedException")})

    (finding,) = guarded("vpc", before_deploy.check_quota(account, VPCS))

    assert finding.state is State.WARNING
    assert "access denied" in finding.what
