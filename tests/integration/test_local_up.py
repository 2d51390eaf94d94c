"""`make local` starts all of it, keeps it together, and leaves nothing behind however it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cli.cloud import read_env
from infra.local import tunnel
from infra.local.template import REPOSITORY
from tests.in_process import Done, local
from tests.integration.webhook_endpoints import KEY, WebhookEndpoints

READY = "Stop with Ctrl-C."
WITHOUT_CREDENTIALS = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPENAI_"))}


class Up:
    """A running `python -m infra.local up`."""

    def __init__(
        self,
        directory: Path,
        *flags: str,
        environment: dict[str, str],
        ignoring: str = "",
        monitors: int = 0,
        logs: bool = True,
    ) -> None:
        self.directory = directory
        ignore = ["sh", "-c", f"trap '' {ignoring}; exec \"$@\"", "sh"] if ignoring else []
        program = [
            sys.executable,
            "-m",
            "infra.local",
            "up",
            "--monitors",
            str(monitors),
            "--directory",
            str(directory),
        ]
        program += ["--logs"] if logs else []
        self.process = subprocess.Popen(
            [*ignore, *program, *flags],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip())

    def until(self, condition: Callable[[], object]) -> None:
        eventually(lambda: condition() or self.process.poll() is not None, self.lines)
        assert condition(), self.lines

    def until_said(self, text: str) -> None:
        self.until(lambda: any(text in line for line in self.lines))

    def tell(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def end(self) -> int:
        status = self.process.wait(20)
        self._reader.join(5)
        return status


@contextmanager
def up(directory: Path, *flags: str, environment: dict[str, str] | None = None, ignoring: str = "") -> Iterator[Up]:
    """`ignoring`: signals that whoever starts it ignores, by the shell's names."""
    running = Up(directory, *flags, environment=environment or WITHOUT_CREDENTIALS, ignoring=ignoring)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.tell(signal.SIGTERM)
        running.end()


def eventually(condition: Callable[[], object], otherwise: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def descendants(pid: int) -> set[int]:
    """Every process that comes from this one, and is more than a zombie."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in table.splitlines()]
    children: dict[int, set[int]] = {}
    for child, parent, state in rows:
        if not state.startswith("Z"):
            children.setdefault(int(parent), set()).add(int(child))
    found, open_ones = set[int](), [pid]
    while open_ones:
        born = children.get(open_ones.pop(), set()) - found
        found |= born
        open_ones += born
    return found


def is_alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def assert_all_gone(pids: set[int]) -> None:
    assert len(pids) >= 5  # guard, AWS, emulator, gateway, the webhook's runtime
    eventually(lambda: not any(is_alive(pid) for pid in pids), f"still running: {pids}")


def test_it_says_where_everything_is_and_ctrl_c_takes_all_of_it_down(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        running.until_said(READY)
        variables = read_env(tmp_path / "env")
        rung = call(tmp_path)
        refused = call(tmp_path, "--script", "nobody-wrote-it")
        everything = descendants(running.process.pid)
        running.tell(signal.SIGINT)

        assert running.end() == 0
    assert_all_gone(everything)
    assert not (tmp_path / "env").exists()
    assert rung.returncode == 0
    assert re.match(r"\+14255550112 rings \+18005551212: rtc_\w+\n", rung.stdout)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert set(variables) == {
        *("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("OPENAI_BASE_URL", "RINGSIDE_WEBHOOK_URL", "RINGSIDE_TABLE", "RINGSIDE_QUEUE_URL", "RINGSIDE_SECRET_ID"),
        *("RINGSIDE_EMULATOR_URL", "RINGSIDE_CONSOLE_URL", "RINGSIDE_WEBHOOK_SECRET_ID", "RINGSIDE_NOTIFY_SECRET_ID"),
        *("AWS_ENDPOINT_URL_LAMBDA", "RINGSIDE_ANALYSIS_FUNCTION", "RINGSIDE_NOTIFY_FUNCTION"),
    }
    said = "\n".join(running.lines)
    for name in ("RINGSIDE_WEBHOOK_URL", "AWS_ENDPOINT_URL", "OPENAI_BASE_URL"):
        assert variables[name] in said


def test_ctrl_c_twice_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        running.until_said("listening on")
        everything = descendants(running.process.pid)
        running.tell(signal.SIGINT)
        running.tell(signal.SIGINT)

        assert running.end() == 0
    eventually(lambda: not any(is_alive(pid) for pid in everything), everything)
    assert not (tmp_path / "env").exists()


def test_kill_9_of_it_takes_every_component_along(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        running.until_said(READY)
        everything = descendants(running.process.pid)
        running.tell(signal.SIGKILL)

        assert running.end() == -signal.SIGKILL
    assert_all_gone(everything)


def test_a_second_one_is_refused_and_a_dead_component_stops_the_first(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        running.until_said(READY)
        with up(tmp_path) as second:
            assert second.end() == 1
        assert second.lines == [
            f"a local cloud is already running (process {running.process.pid}): "
            "use it, or stop it with Ctrl-C where it was started"
        ]

        everything = descendants(running.process.pid)
        emulator = next(pid for pid in everything if "infra.emulator" in command_of(pid))
        os.kill(emulator, signal.SIGKILL)

        assert running.end() == 1
    assert_all_gone(everything)
    assert "emulator was killed by signal 9" in running.lines
    assert any("emulator listening on" in line for line in running.lines[-3:])


def call(directory: Path, *flags: str) -> Done:
    return local("call", "--no-follow", "--directory", str(directory), *flags, environment=os.environ)


def test_nobody_can_be_rung_where_nothing_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.local", "call", "--directory", str(tmp_path)]
    refused = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    problem = "no local cloud is running: start one with `make local`\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", problem)


def command_of(pid: int) -> str:
    return subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--from", "5551212"), "--from: 5551212 is not an international number"),
        (("--to", "sales"), "--to: sales is not an international number"),
        (("--header", "Privacy"), "--header: Privacy is not a header"),
    ],
)
def test_a_call_that_decide_refuses_does_not_ring(tmp_path: Path, flags: tuple[str, str], told: str) -> None:
    done = call(tmp_path, *flags)
    assert (done.returncode, done.stdout, told in done.stderr) == (1, "", True)


def refused(directory: Path, *flags: str, **variables: str) -> Done:
    """What `up` says of something that it cannot do."""
    done = local("up", "--directory", str(directory), *flags, environment=WITHOUT_CREDENTIALS | variables)
    assert done.returncode == 1
    return done


@pytest.mark.parametrize("flag", ["--port", "--aws-port", "--emulator-port"])
def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path, flag: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = refused(tmp_path, flag, port)

    (problem,) = done.stderr.splitlines()
    assert problem.startswith(f"port {port} for ")
    assert "Address already in use" in problem


def test_the_real_openai_needs_its_credentials(tmp_path: Path) -> None:
    done = refused(tmp_path, "--openai", "real")

    assert [line.split(" ")[0] for line in done.stderr.splitlines()] == ["OPENAI_API_KEY", "OPENAI_WEBHOOK_SECRET"]


@pytest.fixture
def project() -> Iterator[WebhookEndpoints]:
    project = WebhookEndpoints()
    yield project
    project.close()


def test_with_the_real_openai_there_is_no_emulator_and_a_tunnel_to_open(
    tmp_path: Path, project: WebhookEndpoints
) -> None:
    """In the background, where it survives its terminal and still hears Ctrl-C."""
    credentials = {"OPENAI_API_KEY": KEY, "OPENAI_WEBHOOK_SECRET": "whsec_" + "A" * 32, "OPENAI_BASE_URL": project.url}
    environment = WITHOUT_CREDENTIALS | credentials
    with up(tmp_path, "--openai", "real", environment=environment, ignoring="HUP INT") as running:
        running.until_said(READY)
        variables = read_env(tmp_path / "env")
        running.tell(signal.SIGHUP)
        refused = call(tmp_path)
        unsigned = httpx.post(variables["RINGSIDE_WEBHOOK_URL"], content=b"{}", trust_env=False, timeout=30)
        assert not any("Stopping" in line for line in running.lines)
        running.tell(signal.SIGINT)

        assert running.end() == 0
    assert unsigned.status_code == 401
    assert refused.stderr == "this local cloud talks to the real OpenAI: call it with a phone\n"
    assert variables["OPENAI_BASE_URL"] == project.url
    assert "RINGSIDE_EMULATOR_URL" not in variables
    assert any("tunnel" in line for line in running.lines)
    assert not any(KEY in line for line in running.lines)
    assert project.endpoints == {}


def test_with_a_tunnel_the_webhook_endpoint_is_made_tested_and_taken_away(
    tmp_path: Path, project: WebhookEndpoints
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    credentials = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": project.url}
    flags = ("--openai", "real", "--port", port, "--tunnel", f"http://127.0.0.1:{port}/")
    with up(tmp_path, *flags, environment=WITHOUT_CREDENTIALS | credentials) as running:
        running.until_said("A test event was delivered and answered with 200")
        assert [endpoint["url"] for endpoint in project.endpoints.values()] == [f"http://127.0.0.1:{port}/webhook"]
        running.tell(signal.SIGINT)
        assert running.end() == 0
    assert project.endpoints == {}


def test_a_program_that_opens_tunnels_is_started_asked_for_its_address_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "cloudflared"
    program.write_text("#!/bin/sh\necho 'INF |  https://some-words-here.trycloudflare.com  |'\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    tunnel.check("cloudflared", "https://api.openai.com/v1")
    with tunnel.opened("cloudflared", "http://127.0.0.1:1") as outside:
        assert outside == "https://some-words-here.trycloudflare.com"
    program.write_text("#!/bin/sh\necho 'ERR no network'\n")
    with pytest.raises(tunnel.TunnelError, match="cloudflared opened no tunnel"), tunnel.opened("cloudflared", "x"):
        pass


@pytest.mark.parametrize(
    ("flags", "variables", "said"),
    [
        (("--tunnel", "ngrok"), {}, "--tunnel belongs to --openai real"),
        (("--openai", "real", "--tunnel", "nonsense"), {"OPENAI_API_KEY": KEY}, "--tunnel takes cloudflared, ngrok"),
        (("--openai", "real", "--tunnel", "http://h"), {"OPENAI_API_KEY": KEY}, "https:// only"),
        (
            ("--openai", "real"),
            {"OPENAI_API_KEY": KEY, "OPENAI_WEBHOOK_SECRET": "sk-nonsense"},
            "OPENAI_WEBHOOK_SECRET is not a signing secret",
        ),
    ],
)
def test_what_cannot_work_with_the_real_openai_is_one_line(
    tmp_path: Path, flags: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    done = refused(tmp_path, *flags, **variables)
    (line,) = done.stderr.splitlines()
    assert (said in line, done.stdout) == (True, "")


def test_a_key_that_openai_refuses_is_found_at_start(tmp_path: Path, project: WebhookEndpoints) -> None:
    wrong = {"OPENAI_API_KEY": "sk-wrong", "OPENAI_BASE_URL": project.url}
    wrong["OPENAI_WEBHOOK_SECRET"] = "whsec_" + "A" * 32
    done = refused(tmp_path, "--openai", "real", **wrong)
    problem = "OpenAI refuses this API key (401): check that it is complete, and of this project\n"
    assert (done.stdout, done.stderr) == ("", problem)
