"""The local AWS with permissions: `python -m tests.infra.enforcing_aws FD`, in the place of `infra.local.aws`.

moto alone knows the resource of a request for three services only, and takes any policy with a resource for a refusal
of the others. Here every request that is signed with a role's credentials is held against the role's policies, as
CloudFormation made them, before moto sees it; what is asked with other credentials is an administrator's.
`GET /permissions` lists every permission that was needed, by role, and whether it was given; `GET /policies/ROLE` a
role's statements.
"""

import json
import re
from typing import Any

from aiohttp import web
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from infra.local import aws
from tests.infra import policies
from tests.infra.policies import Need, Statement

ACCESS_KEY = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


def role_of(access_key: str) -> str | None:
    """The role whose credentials these are."""
    for assumed in sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles:
        if assumed.access_key_id == access_key:
            return str(assumed.role_arn).rpartition("/")[2]
    return None


def policy_of(role: str) -> list[Statement]:
    """All statements of a role; a policy that somebody else wrote and keeps is none of ours."""
    backend = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    if backend.list_attached_role_policies(role)[0]:
        raise NotImplementedError(f"{role} has managed policies")
    documents = (backend.get_role_policy(role, name)[1] for name in backend.list_role_policies(role))
    return [statement for document in documents for statement in policies.statements(_document(document))]


def _document(policy: Any) -> Any:
    """What CloudFormation made is stored in another form than what the API made."""
    return policy.get("policy_document", policy) if isinstance(policy, dict) else policy


class EnforcingAws(aws.Aws):
    def __init__(self) -> None:
        super().__init__()
        self._policies: dict[str, list[Statement]] = {}
        self._seen: dict[tuple[str, Need], bool] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/permissions":
            return web.json_response(
                [
                    [role, need.action, need.resource, sorted(need.keys), given]
                    for (role, need), given in self._seen.items()
                ]
            )
        if request.path.startswith("/policies/"):
            return web.json_response(policy_of(request.path.rpartition("/")[2]))
        signed = ACCESS_KEY.search(request.headers.get("Authorization", ""))
        role = role_of(signed[1]) if signed else None
        if signed and role:
            denied = self._denied(role, signed[2], signed[3], request, await request.read())
            if denied:
                return refusal(role, denied, signed[3])
        return await super().handle(request)

    def _denied(self, role: str, region: str, service: str, request: web.Request, body: bytes) -> Need | None:
        policy = self._policies.setdefault(role, policy_of(role))
        asked = json.loads(body) if body.startswith(b"{") else {}
        target = request.headers.get("X-Amz-Target", "")
        denied = None
        for need in policies.needs(service, region, target, request.path, request.headers, asked):
            given = self._seen[role, need] = policies.allows(policy, need)
            denied = denied if given else need
        return denied


def refusal(role: str, need: Need, service: str) -> web.Response:
    """As AWS words it."""
    arn = f"arn:aws:sts::{DEFAULT_ACCOUNT_ID}:assumed-role/{role}/test"
    text = f"User: {arn} is not authorized to perform: {need.action} on resource: {need.resource}"
    kind = "AccessDenied" if service == "sqs" else "AccessDeniedException"
    return web.json_response({"__type": kind, "message": text}, status=400, content_type="application/x-amz-json-1.0")


if __name__ == "__main__":
    aws.Aws = EnforcingAws  # type: ignore[misc]
    aws.main()
