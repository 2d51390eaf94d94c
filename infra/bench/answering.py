"""What it costs to answer a webhook: in a process that has just started, and in one that is warm.

Processes in turn, A B C A B C: what the machine does besides then falls on all, and their ratio stands.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.bench import table
from infra.bench.contenders import HERE, PEERS, BenchError, StandIn
from infra.deploy import package, programs, sam_events
from infra.local.aws_session import CREDENTIALS, REGION
from infra.local.template import FUNCTIONS, REPOSITORY

WEBHOOK_SECRET = table.WEBHOOK_SECRET
EVENT = "incoming-guide"


@dataclass(frozen=True)
class Side:
    """One way of answering webhooks, installed in a folder."""

    name: str
    which: str
    folder: Path

    def command(self, python: str, events: Path) -> list[str]:
        return [python, str(HERE / "webhooks.py"), self.which, str(events)]


@dataclass(frozen=True)
class Run:
    """A process from its start until it was gone, in seconds."""

    wall: float
    cpu: float
    output: str


def install(folder: Path, python: str) -> tuple[Side, Side, Side]:
    """Ringside as it is deployed; the guide's sample as people deploy it, without bytecode; and with bytecode."""
    ours, sample, compiled = (folder / name / "WebhookFunction" for name in ("ringside", "guide", "guide-bytecode"))
    _install(FUNCTIONS / "requirements.txt", ours, python)
    shutil.copytree(FUNCTIONS, ours, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    package.package(ours.parent)
    _install(PEERS / "guide.txt", sample, python)
    shutil.copy(PEERS / "guide_sample.py", sample)
    shutil.copytree(sample, compiled, dirs_exist_ok=True)
    command = [python, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", str(compiled)]
    subprocess.run(command, capture_output=True, check=False)  # some packages keep a module of a later Python
    return (
        Side("Ringside, as it is deployed", "ringside", ours),
        Side("the guide's sample, as people deploy it", "guide", sample),
        Side("the guide's sample, with bytecode", "guide", compiled),
    )


def _install(requirements: Path, target: Path, python: str) -> None:
    shutil.rmtree(target, ignore_errors=True)
    # Copied, since what is packaged is pruned in place: links would lead into uv's cache.
    where = ("--target", str(target), "--python", python, "--no-deps", "--link-mode", "copy", "--quiet")
    _uv("pip", "install", "--requirements", str(requirements), *where)


def _uv(*arguments: str) -> str:
    try:
        return programs.run([programs.uv(), *arguments], what=f"uv {arguments[0]}", quiet=True)
    except programs.DeployError as error:
        raise BenchError(str(error)) from error


class Answering:
    """Runs the sides against a stand-in."""

    def __init__(self, stand_in: StandIn, python: str, folder: Path) -> None:
        self._stand_in = stand_in
        self._python = python
        self._events = folder / "events.json"
        self._environment = {
            **CREDENTIALS,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": stand_in.aws_url,
            "OPENAI_BASE_URL": f"{stand_in.aws_url}/v1",
            "OPENAI_API_KEY": table.API_KEY,
            "OPENAI_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "BENCH_SIDEBANDS": "none",
            "RINGSIDE_TABLE": "bench",
            "RINGSIDE_QUEUE_URL": "http://localhost/bench",
            "RINGSIDE_SECRET_ID": table.KEY_SECRET,
            "RINGSIDE_WEBHOOK_SECRET_ID": table.SIGNING_SECRET,
            "RINGSIDE_AGENTS": str(HERE / "agents"),
            "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's disk cannot be written
            "PATH": os.environ.get("PATH", ""),
        }

    def cold(self, sides: Sequence[Side], rounds: int) -> Iterator[Mapping[str, list[Run]]]:
        """All runs so far, after each round. The first of each is a warm-up of the disk and does not count."""
        self._write(1, "warm-up")
        for side in sides:
            self._run(side)
        done: dict[str, list[Run]] = {side.name: [] for side in sides}
        for number in range(rounds):
            self._write(1, f"cold-{number}")
            for side in sides:
                done[side.name].append(self._run(side))
            yield done

    def warm(self, sides: Sequence[Side], count: int) -> dict[str, list[float]]:
        """Seconds from a webhook to the accept's arrival at OpenAI, of each but the first few."""
        found = {}
        for side in sides:
            self._write(count + 5, side.which)
            self._stand_in.accepts()
            handed_over = json.loads(self._run(side).output.splitlines()[-1])
            accepts = self._stand_in.accepts()
            calls = [f"rtc-{side.which}-{number}" for number in range(count + 5)]
            found[side.name] = [
                accepts[call] - moment for call, moment in zip(calls, handed_over, strict=True) if call in accepts
            ][5:]
            if len(found[side.name]) < count:
                raise BenchError(f"{side.name}: {count - len(found[side.name])} of {count} calls were not accepted")
        return found

    def _write(self, count: int, name: str) -> None:
        events = [sam_events.event(EVENT, f"rtc-{name}-{number}", WEBHOOK_SECRET) for number in range(count)]
        self._events.write_text(json.dumps(events))

    def _run(self, side: Side) -> Run:
        started = time.perf_counter()
        process = subprocess.Popen(
            side.command(self._python, self._events),
            cwd=REPOSITORY,
            env={**self._environment, "PYTHONPATH": str(side.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.stdout:
            process.stdout.close()
        if process.returncode:
            raise BenchError(f"{side.name} did not accept:\n{output}")
        return Run(wall, usage.ru_utime + usage.ru_stime, output)
