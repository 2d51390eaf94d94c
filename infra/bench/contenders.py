"""Who is measured: Ringside's monitor as it is deployed, and what others would write for the same sidebands.

Every contender is a process of its own that attaches to calls of the stand-in over TLS. CPU and memory are those of
that process alone, by the operating system's account.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.bench import table
from infra.deploy import programs
from infra.local import certificate
from infra.local.aws_session import CREDENTIALS, REGION
from infra.local.host import inherited_environment
from infra.local.template import FUNCTIONS, REPOSITORY

HERE = Path(__file__).parent
PEERS = HERE / "peers"
ATTACH_SECONDS = 60.0
START_SECONDS = 30.0


class BenchError(Exception):
    """Something that is measured failed, or a part of the benchmark is missing; the message says which."""


@dataclass(frozen=True)
class Sample:
    """A process so far: its CPU time in seconds, and its resident memory in kilobytes."""

    cpu: float
    memory: float

    @classmethod
    def of(cls, pid: int) -> "Sample":
        try:
            # The first number is nanoseconds on a CPU, finer than the ticks of `stat`.
            threads = [(path / "schedstat").read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").iterdir()]
            resident = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except OSError as error:
            raise BenchError(f"The process that was measured has ended, or this is not Linux: {error}") from error
        return cls(sum(int(text.split()[0]) for text in threads) / 1e9, resident * os.sysconf("SC_PAGE_SIZE") / 1024)


@dataclass(frozen=True)
class Counts:
    """What was attached to, sent and written. `lags`: seconds from what a caller has said to its item, sorted."""

    attached: int
    events: int
    writes: int
    lags: list[float]


class StandIn:
    """The stand-ins' processes, one that is OpenAI and one that is AWS, asked over HTTP."""

    def __init__(self, folder: Path) -> None:
        self.certificate, _ = certificate.for_loopback(folder)
        self._processes: list[subprocess.Popen[str]] = []
        (sidebands, openai), (_, aws) = self._start(folder / "key.pem"), self._start(folder / "key.pem")
        self.openai_url = f"https://127.0.0.1:{sidebands}/v1"
        self.aws_url = f"http://127.0.0.1:{aws}"
        self._openai = httpx.Client(base_url=f"http://127.0.0.1:{openai}", trust_env=False, timeout=60)
        self._aws = httpx.Client(base_url=self.aws_url, trust_env=False, timeout=60)

    def _start(self, key: Path) -> tuple[int, int]:
        command = [sys.executable, "-m", "infra.bench.stand_in", str(self.certificate), str(key)]
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise BenchError("The stand-in did not start")
        ports = json.loads(line)
        return ports["sidebands"], ports["aws"]

    def ring(self, calls: int) -> None:
        self._aws.post("/bench/ring", json={"calls": [f"call-{number}" for number in range(calls)]})

    def speak(self) -> None:
        """At the pace of speech, spread evenly in time, until there is silence."""
        self._openai.post("/bench/speak", json={})

    def flood(self, turns: int) -> None:
        """So many turns in every call, as fast as they are heard; returns when all is sent."""
        self._openai.post("/bench/flood", json={"turns": turns}, timeout=120).raise_for_status()

    def silence(self) -> None:
        self._openai.post("/bench/silence")

    def counts(self) -> Counts:
        """Since the last time."""
        said, written = self._openai.get("/bench/counts").json(), self._aws.get("/bench/counts").json()
        at = dict(said["said"])
        lags = sorted(moment - at.pop(turn) for turn, moment in written["written"] if turn in at)
        return Counts(said["attached"], said.get("events", 0), written.get("writes", 0), lags)

    def accepts(self) -> dict[str, float]:
        """When which call was accepted, since the last time this was asked (`time.monotonic`)."""
        found: dict[str, float] = self._aws.get("/bench/accepts").json()
        return found

    def wait_for(self, calls: int, contender: "subprocess.Popen[bytes]", log: Path) -> None:
        """Until so many are attached; 0: until all are gone."""
        until = time.monotonic() + ATTACH_SECONDS
        while (attached := self.counts().attached) != calls:
            if calls and contender.poll() is not None:
                raise BenchError(f"It ended with {contender.returncode}:\n{_tail(log)}")
            if time.monotonic() > until:
                raise BenchError(
                    f"{attached} of {calls} calls are attached after {ATTACH_SECONDS:.0f} s:\n{_tail(log)}"
                )
            time.sleep(0.05)

    def close(self) -> None:
        self._openai.close()
        self._aws.close()
        for process in self._processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


@dataclass(frozen=True)
class Contender:
    """A program that attaches to calls. `rings`: it takes them from the queue, the others are given their number."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    rings: bool = False

    @contextmanager
    def running(self, stand_in: StandIn, calls: int, folder: Path) -> "Iterator[Running]":
        """With so many calls attached."""
        log = folder / "contender.log"
        arguments = () if self.rings else (stand_in.openai_url.replace("https:", "wss:"), str(calls))
        environment = {
            **inherited_environment(),
            **self.environment,
            "SSL_CERT_FILE": str(stand_in.certificate),
            "AWS_ENDPOINT_URL": stand_in.aws_url,
            "OPENAI_BASE_URL": stand_in.openai_url,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self.command, *arguments],
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            if self.rings:
                _wait_until_ready(process, log)
                stand_in.ring(calls)
            stand_in.wait_for(calls, process, log)
            yield Running(process.pid, calls, log)
        finally:
            stand_in.silence()
            process.kill()
            process.wait()
            with suppress(BenchError):
                stand_in.wait_for(0, process, log)
            stand_in.counts()


@dataclass(frozen=True)
class Running:
    pid: int
    calls: int
    log: Path


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while b"monitor.ready" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > until:
            raise BenchError(f"The monitor did not start:\n{_tail(log)}")
        time.sleep(0.05)


def _tail(log: Path) -> str:
    """Its first and last lines, which may be long."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line[:400] for line in (lines if len(lines) <= 10 else [*lines[:5], "...", *lines[-5:]]))


def ringside(name: str = "Ringside", module: str = "monitor", python: str = sys.executable) -> Contender:
    environment = {
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "RINGSIDE_TABLE": "bench",
        "RINGSIDE_QUEUE_URL": "http://localhost/bench",
        "RINGSIDE_SECRET_ID": table.KEY_SECRET,
        "RINGSIDE_AGENTS": str(HERE / "agents"),
        "RINGSIDE_MAX_CALLS": "10000",
        "PYTHONPATH": os.pathsep.join((str(FUNCTIONS), str(REPOSITORY))),
    }
    return Contender(name, [python, "-m", module], environment, FUNCTIONS, rings=True)


def peers(folder: Path) -> list[Contender]:
    """Install what the peers need into an environment in `folder`, and return them."""
    uv, interpreter = programs.uv(), str(folder / "venv" / "bin" / "python")
    making = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder / "venv")]
    pinned = ("--require-hashes", str(PEERS / "requirements.txt"))
    installing = [uv, "pip", "sync", "--quiet", "--python", interpreter, *pinned]
    try:
        for command in (making, installing):
            programs.run(command, what="Installing the peers", env=programs.environment(), quiet=True)
    except programs.DeployError as error:
        raise BenchError(str(error)) from error
    names = {
        "websockets, nothing else": "bare",
        "websockets + json": "with_json",
        "openai, typed events": "typed_events",
        "OpenAI's Agents SDK": "agents_sdk",
        "the guide's sample": "guide_sample",
    }
    return [Contender(name, [interpreter, f"{file}.py"], {}, PEERS) for name, file in names.items()]


def scratch(folder: Path) -> Path:
    """An empty folder for one run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
