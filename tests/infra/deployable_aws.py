"""`infra.local.aws` with a CloudFormation that deploys: `python -m tests.infra.deployable_aws FD`.

GET /_asked lists what was asked with the access key `deployer`, as IAM calls it: `service:Action`.
"""

import re
from urllib.parse import parse_qs

from aiohttp import web

from infra.local import aws
from tests.infra import cloudformation

ACCESS_KEY = re.compile(r"Credential=deployer/\d+/[^/]+/([^/]+)/aws4_request")
OBJECTS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject", "DELETE": "DeleteObject"}
FUNCTIONS = {"/2016-08-19/account-settings": "GetAccountSettings"}


class DeployableAws(aws.Aws):
    def __init__(self) -> None:
        super().__init__()
        self._asked: set[str] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/_asked":
            return web.json_response(sorted(self._asked))
        signed = ACCESS_KEY.search(request.headers.get("Authorization", ""))
        if signed:
            self._asked.add(f"{signed[1]}:{_action(signed[1], request, await request.read())}")
        return await super().handle(request)


def _action(service: str, request: web.Request, body: bytes) -> str:
    target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    if service == "s3":
        is_bucket = "/" not in request.path.strip("/")
        return "ListBucket" if is_bucket and request.method in ("GET", "HEAD") else OBJECTS[request.method]
    if service == "lambda":
        return FUNCTIONS.get(request.path.rstrip("/"), request.path)
    return target or parse_qs(body.decode()).get("Action", [request.path])[0]


if __name__ == "__main__":
    cloudformation.install()
    aws.Aws = DeployableAws  # type: ignore[misc]
    aws.main()
