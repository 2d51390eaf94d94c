"""What of a deployed stack would run at AWS, run here: moto only knows what is deployed.

The webhook is the zip that SAM uploaded, in Lambda's runtime, with the environment that the function has; the monitor
is the process that the image would run, with the environment of the service's task definition.
"""

import io
import threading
import time
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import boto3

from infra.deploy.runtime import Runtime
from infra.local.host import inherited_environment, module
from infra.local.payload import Request, from_result, to_event
from infra.local.process import Guard, Process, logged
from tests.drills.images import Images

READY_SECONDS = 60.0
BUCKET = "deployments"


class Account:
    """What is there in the account, as far as the drill looks."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        access = {name.lower(): environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        self._session = boto3.Session(**access, region_name=environment["AWS_REGION"])  # type: ignore[arg-type]

    def client(self, service: Any) -> Any:
        return self._session.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])

    def resource(self, stack: str, logical: str) -> str:
        """The physical id of a stack's resource."""
        found = self.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def outputs(self, stack: str) -> dict[str, str]:
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def function(self, stack: str) -> dict[str, Any]:
        """The webhook, as Lambda describes it."""
        found: dict[str, Any] = self.client("lambda").get_function(FunctionName=self.resource(stack, "WebhookFunction"))
        return found

    def webhook(self, stack: str) -> dict[str, str]:
        """The webhook's environment."""
        variables = self.function(stack)["Configuration"]["Environment"]["Variables"]
        return {name: str(value) for name, value in variables.items()}

    def task(self, stack: str) -> dict[str, Any]:
        """The task definition that the monitors' service runs."""
        cluster, _, service = self.outputs(stack)["MonitorService"].partition("/")
        ecs = self.client("ecs")
        (found,) = ecs.describe_services(cluster=cluster, services=[service])["services"]
        task: dict[str, Any] = ecs.describe_task_definition(taskDefinition=found["taskDefinition"])["taskDefinition"]
        return task


class Running:
    """One stack, running as it is deployed at this moment."""

    def __init__(self, account: Account, stack: str, images: Images, scratch: Path) -> None:
        self.answers: list[str] = []
        """What the webhook has answered, as text."""
        self.webhook = account.webhook(stack)
        self.task = account.task(stack)
        self._account, self._stack, self._images, self._scratch = account, stack, images, scratch
        self._left = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            runtime = stack.enter_context(self._function())
            self.url = stack.enter_context(_FrontDoor(runtime, self.answers)).url
            self._monitor(stack)
            self._left = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._left.close()

    def _function(self) -> Runtime:
        found = self._account.function(self._stack)
        key = urlsplit(found["Code"]["Location"]).path.lstrip("/")
        code = self._account.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        folder = self._scratch / f"function-{time.time_ns()}"
        zipfile.ZipFile(io.BytesIO(code)).extractall(folder)
        environment = {**inherited_environment(), **self.webhook, **self._account.environment}
        return Runtime(folder, found["Configuration"]["Handler"], environment, timeout=10)

    def _monitor(self, stack: ExitStack) -> None:
        (container,) = self.task["containerDefinitions"]
        code = self._images.content(container["image"])
        declared = {entry["name"]: str(entry["value"]) for entry in container["environment"]}
        environment = {**inherited_environment(), **declared, **self._account.environment, "PYTHONPATH": str(code)}
        guard = Guard()
        stack.callback(guard.close)
        monitor = Process("monitor", module("monitor"), environment=environment, guard=guard, cwd=code)
        stack.callback(monitor.stop, 5.0)
        monitor.wait_for_line(logged("monitor.ready"), READY_SECONDS)


class _FrontDoor:
    """API Gateway, as far as the webhook needs it."""

    def __init__(self, runtime: Runtime, answers: list[str]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                request = Request("POST", self.path, "", self.headers.items(), body, "127.0.0.1")
                event = to_event(request, route_key="POST /webhook", request_id="drill", now=time.time())
                answer = from_result(runtime.invoke(event))
                answers.append(answer.body.decode())
                self.send_response(answer.status)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
