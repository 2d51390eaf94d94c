"""Monitors in containers, run as the task definition in infra/monitor.yaml says, with a drill's cloud behind them."""

import json
import subprocess
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from infra.local import containers, template
from infra.local.host import INHERITED
from infra.local.process import logged
from infra.local.template import REPOSITORY, of_type
from tests.containers import engines
from tests.drills import ground as drills

AGENTS, LEDGER = "/app/drill-agents", "/app/drill-ledger"
READY_SECONDS = 60.0


def task_definition() -> dict[str, Any]:
    """The task definition of the smallest size."""
    stack = template.plain(template.parse((REPOSITORY / "infra" / "monitor.yaml").read_text(encoding="utf-8")))
    (task,) = of_type(stack, "AWS::ECS::TaskDefinition").values()
    return {**task, "Memory": stack["Mappings"]["Sizes"]["small"]["Memory"]}


def flags(engine: str, task: Mapping[str, Any]) -> list[str]:
    """What ECS makes of a task definition, in the words of `docker run`."""
    (container,) = task["ContainerDefinitions"]
    linux = container["LinuxParameters"]
    said = ["--user", container["User"], "--memory", f"{task['Memory']}m"]
    said += ["--stop-timeout", str(container["StopTimeout"])]
    said += [word for dropped in linux["Capabilities"]["Drop"] for word in ("--cap-drop", dropped)]
    said += ["--init"] if linux["InitProcessEnabled"] else []
    if container["ReadonlyRootFilesystem"]:
        # podman puts a writable /tmp there by itself; ECS does not.
        said += ["--read-only", *(["--read-only-tmpfs=false"] if engine == "podman" else [])]
    return said


class Monitor:
    """One monitor in a container."""

    def __init__(self, ground: engines.Ground, name: str) -> None:
        self._ground = ground
        self.name = name

    def logs(self) -> list[str]:
        done = subprocess.run(
            [*self._ground.engine.command, "logs", self.name],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
        )  # fmt: skip
        return done.stdout.splitlines()

    def wait_until_ready(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while not any(map(logged("monitor.ready"), self.logs())):
            if time.monotonic() > until or self.state("Running") != "true":
                raise AssertionError("\n".join(["the monitor does not start:", *self.logs()]))
            time.sleep(0.2)

    @property
    def owner(self) -> str:
        """The name under which it owns calls."""
        return str(json.loads(next(filter(logged("monitor.ready"), self.logs())))["owner"])

    def state(self, what: str) -> str:
        """Of the container: Running, ExitCode, OOMKilled."""
        return self._ground.run("inspect", "--format", f"{{{{.State.{what}}}}}", self.name)

    def health(self) -> tuple[bool, str]:
        """The task definition's health check, run as ECS runs it: in the container, without a shell."""
        (container,) = task_definition()["ContainerDefinitions"]
        (kind, *command) = container["HealthCheck"]["Command"]
        assert kind == "CMD"
        done = subprocess.run(
            [*self._ground.engine.command, "exec", self.name, *command],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode == 0, (done.stdout + done.stderr).strip()

    def wait_for_health(self, healthy: bool, seconds: float) -> str:
        until = time.monotonic() + seconds
        while True:
            found, said = self.health()
            if found is healthy:
                return said
            assert time.monotonic() < until, said
            time.sleep(0.5)

    def stop(self) -> float:
        """SIGTERM, as a deployment sends it, and the seconds until the monitor is gone."""
        started = time.monotonic()
        self._ground.run("stop", self.name)  # with the container's own time-out, the task definition's
        return time.monotonic() - started

    def kill(self) -> None:
        self._ground.run("kill", "--signal", "KILL", self.name)


class Cloud(drills.Ground):
    """A drill's cloud whose monitors are containers of one image."""

    def __init__(self, ground: engines.Ground, image: str, **more: Any) -> None:
        super().__init__(monitors=0, **more)
        self._ground = ground
        self._image = image
        self._started: list[str] = []

    def __enter__(self) -> Self:
        super().__enter__()
        self._forwarder = containers.forwarded(self._ground.engine.way, self.env)
        self._forwarder.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in self._started:
            command = [*self._ground.engine.command, "rm", "--force", name]
            subprocess.run(command, capture_output=True, check=False)
        self._forwarder.__exit__(None, None, None)
        super().__exit__(kind, error, trace)

    def start(self) -> None:
        super().start()
        self._ledger.chmod(0o666)  # the container's user writes it

    def run_monitor(self) -> Monitor:
        """One more monitor, ready."""
        # What a laptop lends a process is not for a container: the image has its own.
        lent = {*INHERITED, "NO_PROXY", "no_proxy", "PYTHONUNBUFFERED"}
        environment = {name: value for name, value in self.component_environment("Monitor").items() if name not in lent}
        environment = self._forwarder.environment(environment)
        environment |= {"RINGSIDE_AGENTS": AGENTS, "DRILL_LEDGER": LEDGER}
        variables = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        mounts = ["--volume", f"{drills.AGENTS}:{AGENTS}:ro", "--volume", f"{self._ledger}:{LEDGER}"]
        settings = flags(self._ground.engine.name, task_definition())
        name = self._ground.run("run", "--detach", *settings, *variables, *mounts, self._image)
        self._started.append(name)
        monitor = Monitor(self._ground, name)
        monitor.wait_until_ready()
        return monitor
