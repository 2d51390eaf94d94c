"""AWS's own emulator of Lambda's runtime around a built function: its interpreter, its protocol, no container.

The emulator is the program that AWS's images and `sam local` run, out of SAM CLI's package; the runtime client is
awslambdaric, as in AWS's images for Python. It runs one invocation at a time and dies of two (a fault of its own),
so there is a lock before it, as Lambda itself has one environment for one invocation.
"""

import json
import platform
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from infra.deploy import programs
from infra.deploy.programs import DeployError

READY_SECONDS = 30.0
WHERE = "import samcli, pathlib; print(pathlib.Path(samcli.__file__).parent / 'local/rapid')"


def emulator() -> Path:
    """The emulator for this machine's processor."""
    kind = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    folder = programs.run(programs.tool("aws-sam-cli", "python", "-c", WHERE), what="looking for SAM CLI", quiet=True)
    path = Path(folder.strip().splitlines()[-1]) / f"aws-lambda-rie-{kind}"
    if not path.is_file():
        raise DeployError(f"{path.name} is not in SAM CLI {programs.VERSIONS['aws-sam-cli']}")
    return path


class Runtime:
    """One execution environment of a function. `folder` is what SAM built, `handler` as in the template."""

    def __init__(
        self, folder: Path, handler: str, environment: Mapping[str, str], *, timeout: int, memory: int = 512
    ) -> None:
        python = programs.python313()
        if python is None:
            raise DeployError(programs.NO_PYTHON313)
        self._lock = threading.Lock()
        port, runtime_port = free_port(), free_port()
        self._url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        client = ("--isolated", "--no-project", "--python", python, "--with")
        package = f"awslambdaric=={programs.VERSIONS['awslambdaric']}"
        command = [
            *(str(emulator()), "--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
            *(programs.uv(), "run", "--quiet", *client, package, "python", "-m", "awslambdaric", handler),
        ]
        names = {
            "AWS_LAMBDA_FUNCTION_NAME": folder.name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
            # As Lambda's image has it: the handler's folder is the working directory, and on the path.
            "LAMBDA_TASK_ROOT": str(folder),
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._log = (folder.parent / f"{folder.name}.log").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**dict(environment), **programs.OURS, **names},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_for(port)

    def _wait_for(self, port: int) -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise DeployError(f"Lambda's runtime emulator did not start:\n{self.log}")

    def invoke(self, event: Any) -> Any:
        """Invoke the function and return its result, or what Lambda says of its failure (`errorType`)."""
        with self._lock:
            response = httpx.post(self._url, content=json.dumps(event), timeout=60, trust_env=False)
        return response.json()

    @property
    def log(self) -> str:
        """What emulator and function have written so far."""
        self._log.flush()
        return Path(self._log.name).read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
