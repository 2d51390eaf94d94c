"""The whole local cloud as one object; `make local`, `make demo`, tests and drills all stand on it.

    with LocalCloud(monitors=2, pace=0.1) as cloud:
        call_id = cloud.emulator.ring("opening-hours")
        cloud.kill_monitor(0)
        record = cloud.records.wait_for_end(call_id)

Every method blocks and may be called from any thread; asyncio callers use `asyncio.to_thread`.
"""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from infra.local import stack
from infra.local import template as templates
from infra.local.agents import DEMO_AGENTS, credential_names
from infra.local.aws_session import CREDENTIALS, REGION
from infra.local.clients import Clients
from infra.local.emulator_client import Emulator
from infra.local.host import HOST, Ports, inherited_environment, listen, module
from infra.local.openai import OpenAI
from infra.local.process import Guard, Process, ProcessDied, Sink, logged
from infra.local.records import Records
from infra.local.template import FUNCTIONS, REPOSITORY

READY_SECONDS = 60.0
RELOAD_SECONDS = 15.0
GRACE_SECONDS = 2.0
"""How long a component may take to stop when the whole cloud does: nobody is left to hand a call over to."""


class LocalCloud:
    """Everything Ringside needs, as processes on this machine. It can be started once.

    `parameters` are the template's (`LeaseSeconds` ...) and reach queue, table and every environment as they would
    at AWS. `environment` sets variables of one component, by its name in the template: `WebhookFunction`,
    `SweeperFunction`, `CanaryFunction`, `Monitor`. `agents` is the folder of agent files. `pace` is the emulator's: 0.1
    speaks ten times as fast. `schedules` runs the sweeper every minute; without, only `run_sweeper` runs it. `console`
    starts the console, at `console_url`. `sink` gets every line of every component. One class, since what it starts is
    stopped in the opposite order, however far it came.
    """

    aws: Clients
    """boto3 clients for the stand-in."""
    emulator: Emulator
    """Who calls; absent when OpenAI is the real one."""

    def __init__(
        self,
        *,
        monitors: int = 1,
        agents: Path = DEMO_AGENTS,
        pace: float = 1.0,
        parameters: Mapping[str, str] | None = None,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        openai: OpenAI | None = None,
        ports: Ports | None = None,
        schedules: bool = False,
        console: bool = False,
        sink: Sink | None = None,
    ) -> None:
        self.openai = openai or OpenAI()
        self.processes: dict[str, Process] = {}
        """`aws`, `gateway`, `emulator` and `console`."""
        self.monitors: list[Process] = []
        """Every monitor that was ever started, in order; the dead ones too, so that an index keeps its meaning."""
        self._first_monitors = monitors
        self._agents = agents
        self._pace = pace
        self._parameters = dict(parameters or {})
        self._overrides = {name: dict(variables) for name, variables in (environment or {}).items()}
        self._ports = ports or Ports()
        self._schedules = schedules
        self._has_console = console
        self.console_url: str | None = None
        self._sink = sink
        self._guard: Guard | None = None
        self._lock = threading.Lock()
        self._stopped = False
        self._reloads = 0

    # --- up and down ---

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; return when a call can come in."""
        with listen(self._ports.aws, "AWS") as aws, listen(self._ports.webhook, "the webhook") as gateway:
            if self._ports.emulator:
                listen(self._ports.emulator, "the emulator").close()
            self.aws_url = f"http://{HOST}:{aws.getsockname()[1]}"
            self.gateway_url = f"http://{HOST}:{gateway.getsockname()[1]}"
            self.webhook_url = f"{self.gateway_url}/webhook"
            self.aws = Clients(self.aws_url)
            self._run("aws", "infra.local.aws", str(aws.fileno()), listener=aws)
            if not self.openai.is_real:
                where = ("--port", str(self._ports.emulator), "--webhook-url", self.webhook_url)
                how = ("--webhook-secret", self.openai.webhook_secret, "--pace", str(self._pace))
                self._run("emulator", "infra.emulator", *where, *how)
            # It has what it imports when it is given what it needs.
            self._run("gateway", "infra.local.gateway", str(gateway.fileno()), listener=gateway, waits=True)
            self._create_stack()
            self._find_openai()
            given = {
                "environments": {name: self.component_environment(name) for name in self._environments},
                "schedules": self._schedules,
                "queues": {"NotifyQueue": self._environments["NotifyFunction"]["RINGSIDE_NOTIFY_QUEUE_URL"]},
                "template": templates.translate(),
            }
            self.processes["gateway"].give(json.dumps(given))
        for _ in range(self._first_monitors):
            self._start_monitor()
        self.processes["gateway"].wait_for_line(lambda line: line.startswith("gateway listening"), READY_SECONDS)
        for monitor in self.monitors:
            monitor.wait_for_line(logged("monitor.ready"), READY_SECONDS)
        if self._has_console:
            self.console_url = self._start_console()

    def stop(self) -> None:
        """Stop everything, whatever state it is in; also from another thread than the one that starts it."""
        with self._lock:
            self._stopped = True  # from here on nothing new is started
        # Monitors still have to write, so what they write to ends last. None waits for a call that no longer comes.
        neighbours = [process for name, process in self.processes.items() if name in ("aws", "emulator")]
        others = [process for process in self.processes.values() if process not in neighbours]
        if aws := self.processes.get("aws"):
            aws.expected_to_end = True  # of the signal, if it is not yet prepared for it
            aws.signal(signal.SIGUSR1)
        for component in (workers := [*self.monitors, *others]):
            component.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for component in workers:
            component.stop(max(0.0, deadline - time.monotonic()))
        for component in neighbours:
            component.kill()  # they have nothing to keep
        if hasattr(self, "aws"):
            self.aws.close()
        with self._lock:
            if self._guard:
                self._guard.close()
                self._guard = None

    def dead(self) -> Process | None:
        """A component that ended unasked."""
        everything = [*self.processes.values(), *self.monitors]
        return next((process for process in everything if not process.alive and not process.expected_to_end), None)

    # --- monitors ---

    def add_monitor(self, environment: Mapping[str, str] | None = None) -> Process:
        """One monitor more, ready; `environment` is for it alone. Its index is `len(cloud.monitors) - 1`."""
        monitor = self._start_monitor(environment)
        monitor.wait_for_line(logged("monitor.ready"), READY_SECONDS)
        return monitor

    def stop_monitor(self, index: int, seconds: float = 120.0) -> int:
        """SIGTERM, as ECS sends it, and its exit status once it is gone; SIGKILL after ECS's 120 s."""
        self.monitors[index].stop(seconds)
        return self.monitors[index].wait()

    def terminate_monitor(self, index: int) -> None:
        """SIGTERM, without waiting."""
        self.monitors[index].terminate()

    def kill_monitor(self, index: int) -> None:
        """`kill -9`."""
        self.monitors[index].kill()

    def reload_agents(self) -> None:
        """Put the agent files as they are now into force, for calls that come after this.

        New functions and monitors are started, and calls in progress are handed over as in a deployment. The files
        are to be checked before. Raises `ProcessDied`, with the former monitors in charge, if new ones do not start.
        """
        former = [monitor for monitor in self.monitors if monitor.alive and not monitor.expected_to_end]
        gateway, self._reloads = self.processes["gateway"], self._reloads + 1
        gateway.signal(signal.SIGHUP)
        started = [self._start_monitor() for _ in former]
        try:
            for monitor in started:
                monitor.wait_for_line(logged("monitor.ready"), READY_SECONDS)
            gateway.wait_for_line(lambda line: line == f"gateway reloaded {self._reloads}", RELOAD_SECONDS)
        except ProcessDied:
            self._reloads -= 1
            for monitor in started:
                monitor.kill()
            raise
        for monitor in former:
            monitor.terminate()

    # --- what is in it ---

    @property
    def records(self) -> Records:
        """The table, read."""
        return Records(self.aws.dynamodb, self.table)

    def run_sweeper(self) -> Any:
        """Run the sweeper once, as its schedule would, and return what its handler returned."""
        return self._invoke("SweeperFunction")

    def run_canary(self) -> Any:
        """Let the canary walk once, and return what its handler returned."""
        return self._invoke("CanaryFunction")

    def _invoke(self, name: str) -> Any:
        url = f"{self.gateway_url}/2015-03-31/functions/{name}/invocations"
        response = httpx.post(url, json={}, trust_env=False, timeout=90)
        if "X-Amz-Function-Error" in response.headers:
            raise ProcessDied(f"{name} failed: {response.text}\n{self.processes['gateway'].last_lines()}")
        return response.json()

    def cli(
        self, *arguments: str, variables: Mapping[str, str] | None = None, seconds: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        """Run the `ringside` command against this cloud; `variables` are more of its environment."""
        environment = {**inherited_environment(), **self.env, **(variables or {})}
        command = [*module("cli.main"), *arguments]
        return subprocess.run(
            command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds, check=False
        )

    @property
    def env(self) -> dict[str, str]:
        """What an operator's tool needs to find this cloud; `.local/env` has the same."""
        variables = {
            **self._aws_environment(),
            "OPENAI_BASE_URL": self.openai_base_url,
            "RINGSIDE_WEBHOOK_URL": self.webhook_url,
            "RINGSIDE_TABLE": self.table,
            "RINGSIDE_QUEUE_URL": self.queue_url,
            "RINGSIDE_SECRET_ID": self.secret_id,
            "RINGSIDE_WEBHOOK_SECRET_ID": self.webhook_secret_id,
            "RINGSIDE_NOTIFY_SECRET_ID": self.notify_secret_id,
            "RINGSIDE_ANALYSIS_FUNCTION": "AnalysisFunction",
            "RINGSIDE_NOTIFY_FUNCTION": "NotifyFunction",
            "AWS_ENDPOINT_URL_LAMBDA": self.gateway_url,
        }
        if not self.openai.is_real:
            variables["RINGSIDE_EMULATOR_URL"] = self.emulator.url
        if self.console_url:
            variables["RINGSIDE_CONSOLE_URL"] = self.console_url
        return variables

    def component_environment(self, name: str) -> dict[str, str]:
        """A component's whole environment: the template's variables, this cloud's URLs, the overrides."""
        return {
            **inherited_environment(),
            **self._environments[name],
            **self._aws_environment(),
            "OPENAI_BASE_URL": self.openai_base_url,
            stack.WEBHOOK_URL: self.webhook_url,
            "RINGSIDE_TRACEBACKS": "true",
            "RINGSIDE_NOTIFY_PRIVATE": "true",
            "RINGSIDE_AGENTS": str(self._agents.resolve()),
            **self._overrides.get(name, {}),
        }

    # --- inside ---

    def _run(self, name: str, program: str, *flags: str, **more: Any) -> None:
        self.processes[name] = self._spawn(
            name, [*module(program), *flags], inherited_environment(), REPOSITORY, **more
        )

    def _start_console(self) -> str:
        """`ringside console` on this cloud; the URL that opens it."""
        port = ("--port", str(self._ports.console)) if self._ports.console else ()
        command = [*module("cli.main"), "console", "--no-browser", "--agents", str(self._agents.resolve()), *port]
        console = self._spawn("console", command, {**inherited_environment(), **self.env}, REPOSITORY)
        self.processes["console"] = console
        ready = "console listening on "
        return console.wait_for_line(lambda line: ready in line, READY_SECONDS).partition(ready)[2].strip()

    def _start_monitor(self, environment: Mapping[str, str] | None = None) -> Process:
        variables = {**self.component_environment("Monitor"), "PYTHONPATH": str(FUNCTIONS), **(environment or {})}
        monitor = self._spawn(f"monitor-{len(self.monitors)}", module("monitor"), variables, FUNCTIONS)
        self.monitors.append(monitor)
        return monitor

    def _spawn(self, name: str, command: list[str], environment: Mapping[str, str], cwd: Path, **more: Any) -> Process:
        with self._lock:
            if self._stopped:
                raise ProcessDied(f"{name} was not started: the local cloud is stopping")
            self._guard = self._guard or Guard()
            return Process(name, command, environment=environment, guard=self._guard, cwd=cwd, sink=self._sink, **more)

    def _create_stack(self) -> None:
        secrets = stack.secrets(self.openai.api_key, [self.openai.webhook_secret], credential_names(self._agents))
        self._environments = stack.create(self.aws, secrets, {"NotifyReceivers": "true", **self._parameters})
        monitor = self._environments["Monitor"]
        self.table, self.queue_url = monitor["RINGSIDE_TABLE"], monitor["RINGSIDE_QUEUE_URL"]
        self.secret_id = monitor["RINGSIDE_SECRET_ID"]
        self.webhook_secret_id = self._environments["WebhookFunction"]["RINGSIDE_WEBHOOK_SECRET_ID"]
        self.notify_secret_id = self._environments["NotifyFunction"]["RINGSIDE_NOTIFY_SECRET_ID"]

    def _find_openai(self) -> None:
        if self.openai.base_url is not None:
            self.openai_base_url = self.openai.base_url
            return
        ready = "emulator listening on "
        line = self.processes["emulator"].wait_for_line(lambda line: ready in line, READY_SECONDS)
        self.emulator = Emulator(line.partition(ready)[2].strip().rstrip("/"))
        self.openai_base_url = f"{self.emulator.url}/v1"

    def _aws_environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.aws_url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, **CREDENTIALS}
