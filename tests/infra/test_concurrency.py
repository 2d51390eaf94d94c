"""What is reserved for webhooks: an account's limit, what others have of it, and one deployment after another."""

from dataclasses import dataclass
from typing import Any

import pytest

from infra.deploy import concurrency
from infra.deploy.account import Account
from infra.deploy.programs import DeployError

DEFAULT = {"WebhookConcurrency": "100"}


@dataclass
class Lambda:
    """An account's functions: how many may run at once, and what other stacks and ours have reserved of that."""

    limit: int
    others: int = 0
    ours: int = 0

    def get_account_settings(self) -> dict[str, Any]:
        free = self.limit - self.others - self.ours
        return {"AccountLimit": {"ConcurrentExecutions": self.limit, "UnreservedConcurrentExecutions": free}}


@dataclass(frozen=True)
class AccountWithFunctions(Account):
    functions: Lambda

    def client(self, service: Any) -> Any:
        assert service == "lambda"
        return self.functions

    def deploy(self, current: dict[str, str], **given: str) -> dict[str, str]:
        """As `make deploy` and CloudFormation: what is not given stays, at first the template's default."""
        chosen = concurrency.reservation(self, given, current)
        parameters = {**(current or DEFAULT), **given, **chosen}
        webhooks, functions = int(parameters["WebhookConcurrency"]), self.functions
        functions.ours = webhooks + concurrency.SWEEPERS if webhooks else 0
        if webhooks:  # Lambda refuses it otherwise
            assert functions.limit - functions.others - functions.ours >= min(100, functions.limit)
        return parameters


def account(limit: int, others: int = 0) -> AccountWithFunctions:
    return AccountWithFunctions("eu-west-1", "123456789012", Lambda(limit, others))


@pytest.mark.parametrize(
    ("limit", "others", "reserved"),
    [
        (10, 0, "0"),
        (100, 0, "0"),
        (150, 0, "0"),
        (201, 0, "0"),
        (202, 0, "100"),
        (1000, 0, "100"),
        (1000, 798, "100"),
        (1000, 799, "0"),
    ],
)
def test_every_deployment_reserves_what_the_first_did(limit: int, others: int, reserved: str) -> None:
    here = account(limit, others)
    current: dict[str, str] = {}

    for _ in range(4):
        current = here.deploy(current)
        assert current["WebhookConcurrency"] == reserved


def test_a_raised_limit_takes_effect_with_the_next_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    here = account(10)
    current = here.deploy({})
    assert "Service Quotas" in capsys.readouterr().out

    here.functions.limit = 1000

    assert here.deploy(current)["WebhookConcurrency"] == "100"
    assert "There is room now" in capsys.readouterr().out


def test_what_was_chosen_by_hand_stays() -> None:
    here = account(1000)
    current = here.deploy({}, WebhookConcurrency="30")

    assert here.deploy(current)["WebhookConcurrency"] == "30"


def test_a_number_for_which_there_is_no_room_is_refused_before_anything_is_built() -> None:
    with pytest.raises(DeployError, match="98 can be reserved"):
        account(200).deploy({}, WebhookConcurrency="99")
    assert account(200).deploy({}, WebhookConcurrency="98")
    assert account(10).deploy({}, WebhookConcurrency="0")
