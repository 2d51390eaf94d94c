"""`sam local invoke`, `start-api` and `start-lambda` as objects that say whether the function works.

SAM exits with 0 whatever became of the function, also if it could not even be imported: here that is an error.
"""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from infra.deploy import programs
from infra.deploy.programs import DeployError

WEBHOOK = "WebhookFunction"
START_SECONDS = 120.0
"""How long SAM may take until it serves; it makes an image and a container for every function first."""

STOP_SECONDS = 60.0

STOPPABLE = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('samcli', run_name='__main__')"
)
"""SAM, stopped by SIGINT also where this process ignores that signal, as in a shell's background job."""


class Sam:
    """`sam local` with one template. `variables`: the engine's; `image`: flags that name another image than AWS's."""

    def __init__(self, template: Path, variables: Mapping[str, str], image: Sequence[str] = ()) -> None:
        self.template = template
        self.variables = variables
        self.environment = programs.environment(**variables)
        self.image = image

    def command(self, *arguments: str) -> list[str]:
        """The command line; the image is here already, so that SAM need not look for a newer one."""
        shared = ("--template", str(self.template), "--skip-pull-image", *self.image)
        return [*self.program, "local", arguments[0], *shared, *arguments[1:]]

    @cached_property
    def program(self) -> list[str]:
        """SAM itself, without uv before it: a signal that comes twice ends SAM before it has removed its containers."""
        where = programs.tool("aws-sam-cli", "python", "-c", "import sys; print(sys.executable)")
        python = programs.run(where, what="looking for SAM CLI", quiet=True).strip().splitlines()[-1]
        return [python, "-c", STOPPABLE]

    def invoke(self, function: str, event: Any) -> str:
        """Invoke a function once and return its answer, as JSON; `DeployError` if there is none, or it is a failure."""
        command = self.command("invoke", function, "--event", "-")
        done = subprocess.run(
            command, input=json.dumps(event), stdout=subprocess.PIPE, text=True, env=self.environment, check=False
        )
        return answer_of(done.returncode, done.stdout)

    @contextmanager
    def api(self, port: int) -> Iterator["Server"]:
        """The HTTP API. It is ready when it refuses what is not signed: SAM, the container and the imports are well."""
        with self._serving("start-api", port, f"http://127.0.0.1:{port}/webhook") as server:
            server.wait_until(lambda answer: answer.status_code == 401)
            yield server

    @contextmanager
    def functions(self, port: int) -> Iterator["Server"]:
        """Lambda's own interface, of the webhook: an event is the body of a POST to `url`."""
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/{WEBHOOK}/invocations"
        with self._serving("start-lambda", port, url) as server:
            server.wait_until(lambda answer: bool(answer.json().get("statusCode") == 401))
            yield server

    @contextmanager
    def _serving(self, what: str, port: int, url: str) -> Iterator["Server"]:
        command = self.command(what, "--port", str(port), "--warm-containers", "LAZY")
        # A group of its own: Ctrl-C in a terminal reaches us alone, and what is to be stopped is stopped in order.
        server = Server(f"sam local {what}", url, subprocess.Popen(command, env=self.environment, process_group=0))
        try:
            yield server
        finally:
            server.stop()


@dataclass(frozen=True)
class Server:
    """A running `sam local start-api` or `start-lambda`."""

    name: str
    url: str
    process: subprocess.Popen[bytes]

    def wait_until(self, well: Callable[[httpx.Response], bool]) -> None:
        """Until it answers to an empty object; `DeployError` if that answer is not well."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                answer = httpx.post(self.url, content="{}", trust_env=False, timeout=START_SECONDS)
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if not well(answer):
                raise DeployError(f"{self.name}: the function fails ({answer.status_code}); what it said is above")
            return
        raise DeployError(f"{self.name} does not start; what it said is above")

    def wait(self) -> None:
        """Until it ends, which it does not do by itself."""
        self.process.wait()
        raise DeployError(f"{self.name} ended; what it said is above")

    def stop(self) -> None:
        """As Ctrl-C does: on that, SAM removes its containers."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def answer_of(status: int, output: str) -> str:
    """The function's answer out of what `sam local invoke` printed; `DeployError` if it is none, or a failure."""
    if status:
        raise DeployError(f"sam local invoke failed (exit status {status}); what it said is above")
    lines = [line for line in output.splitlines() if line.strip()]
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise DeployError("the function gave no answer; what it said is above") from None
    if isinstance(answer, dict) and "errorType" in answer:
        raise DeployError(f"the function failed: {answer['errorType']}: {answer.get('errorMessage', '')}")
    if isinstance(answer, dict) and int(answer.get("statusCode", 200)) >= 500:
        raise DeployError(f"the function answered {answer['statusCode']} {answer.get('body')!r}; what it said is above")
    return lines[-1]
