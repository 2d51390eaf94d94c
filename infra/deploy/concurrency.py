"""How many webhooks can run at once: what is reserved for them, as far as the account's limit allows."""

from collections.abc import Mapping

from botocore.exceptions import ClientError

from infra.deploy import plan
from infra.deploy.account import Account
from infra.deploy.plan import Parameters
from infra.deploy.programs import DeployError
from infra.local import template as templates

KEPT_BY_LAMBDA = 100
"""Concurrent executions that cannot be reserved (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html);
in an account that may run fewer, none can be."""

SWEEPERS = 2
"""Reserved for the sweeper whenever the webhooks have a reservation (template.yaml)."""


def reservation(account: Account, given: Mapping[str, str], current: Mapping[str, str]) -> Parameters:
    """The `WebhookConcurrency` to deploy with, if it must be another than `given` or what the stack has.

    `given` are the parameters of this deployment, `current` those that the stack has, none if it is new. If no value is
    given, the default is reserved, or nothing where there is no room: again with every deployment, so that a raised
    limit takes effect. `DeployError` for a given value for which there is no room.
    """
    try:
        limits = account.client("lambda").get_account_settings()["AccountLimit"]
    except ClientError:  # not allowed to look: the deployment will say whether it fits
        return {}
    limit = limits["ConcurrentExecutions"]
    now = int(current.get("WebhookConcurrency") or 0)
    own = now + SWEEPERS if now else 0
    room = limits["UnreservedConcurrentExecutions"] + own - min(KEPT_BY_LAMBDA, limit) - SWEEPERS
    if "WebhookConcurrency" in given:
        wanted = int(given["WebhookConcurrency"])
        if wanted > max(0, room):
            raise DeployError(
                f"WebhookConcurrency={wanted}: this account may run {limit} functions at once in {account.region}, and "
                f"{max(0, room)} can be reserved. Ask for more in Service Quotas (Lambda, concurrent executions)."
            )
        return {}
    wanted = now or int(plan.defaults(templates.translate())["WebhookConcurrency"])
    if wanted > room:
        print(
            f"Lambda lets this account run {limit} functions at once in {account.region}: none are reserved for "
            "webhooks. Ask for more in Service Quotas (Lambda, concurrent executions) before real traffic, and deploy "
            "again."
        )
        return {"WebhookConcurrency": "0"}
    if current and not now:
        print(f"There is room now: {wanted} concurrent executions are reserved for webhooks.")
        return {"WebhookConcurrency": str(wanted)}
    return {}
