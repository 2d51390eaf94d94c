"""The container engine of this machine (Docker, Finch or podman), and how its containers reach this machine.

Containers do not see 127.0.0.1 of the machine they run on, and `sam local --docker-network host` is passed over by
SAM CLI 1.170 (samcli/local/docker/container.py joins a network unless it is named `host`, and asks for nothing else).
Where they do reach it depends on where the engine runs:

- Docker and podman as root on Linux: at their bridge's gateway, which `network inspect` names.
- podman and Docker without root: at this machine's own address; the engine's process connects on their behalf
  (https://github.com/containers/podman/blob/main/docs/tutorials/basic_networking.md).
- Docker Desktop: `host.docker.internal` leads to the loopback interface
  (https://docs.docker.com/desktop/features/networking/networking-how-tos/).
- Finch on macOS: Lima's virtual machine has it at 192.168.5.2 (https://lima-vm.io/docs/config/network/user/).
- podman on macOS: `host.containers.internal` leads to the loopback interface.
"""

import json
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGINES = ("docker", "finch", "podman")
"""In SAM's order; it does not know podman, which is served to it under Docker's interface."""

NO_ENGINE = (
    "no container engine runs here: start Docker, Finch or podman (Debian and Ubuntu have it: apt-get install podman)"
)
LIMA_HOST = "192.168.5.2"
READY_SECONDS = 20.0


class EngineError(Exception):
    """There is no engine, or it cannot do what was asked of it; one line that says what to do."""


@dataclass(frozen=True)
class Way:
    """How a container reaches this machine.

    `host` is what a container calls it. `listen` is the address on which something must listen for that; None where
    the loopback interface is reached. `peers` is the network from which containers then connect.
    """

    host: str
    listen: str | None = None
    peers: str = ""


@dataclass(frozen=True)
class Engine:
    """An engine that runs. `architecture` of its containers: x86_64 or arm64, as Lambda names them."""

    name: str
    command: tuple[str, ...]
    architecture: str
    way: Way

    def run(self, *arguments: str, what: str, **more: Any) -> str:
        """Run a command of the engine's and return what it printed; `EngineError` if it fails."""
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, check=False, **more)
        if done.returncode:
            raise EngineError(f"{what} failed: {last_line(done.stderr or done.stdout)}")
        return str(done.stdout).strip()

    def has(self, image: str) -> bool:
        """Whether the image is on this machine."""
        command = [*self.command, "image", "inspect", image]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def get(self, image: str) -> None:
        """Have the image on this machine; `EngineError` that says how if it cannot be pulled."""
        if self.has(image):
            return
        try:
            self.run("pull", image, what="the pull")
        except EngineError as error:
            raise EngineError(
                f"{image} is not here and cannot be pulled ({error}): check the network and the proxy of {self.name}, "
                f"then try `{self.name} pull {image}`"
            ) from None

    @contextmanager
    def served(self) -> Iterator[dict[str, str]]:
        """The variables by which a program finds this engine under Docker's interface, for as long as it needs it."""
        if self.name != "podman" or os.environ.get("DOCKER_HOST"):
            yield {}
            return
        if platform.system() != "Linux":
            path = self.run("machine", "inspect", "--format", "{{.ConnectionInfo.PodmanSocket.Path}}", what="podman")
            yield {"DOCKER_HOST": f"unix://{path}"}
            return
        with tempfile.TemporaryDirectory(prefix="ringside-podman-") as folder:
            address = Path(folder) / "podman.sock"
            service = [*self.command, "system", "service", "--time", "0", f"unix://{address}"]
            process = subprocess.Popen(service, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                _wait_for(address, process)
                yield {"DOCKER_HOST": f"unix://{address}"}
            finally:
                process.terminate()
                process.wait()


def _wait_for(address: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(address)) == 0:
                return
        time.sleep(0.05)
    raise EngineError("podman does not serve Docker's interface: try `podman system service` by hand")


def find() -> Engine:
    """The engine that runs here; `EngineError` if there is none, or its containers cannot reach this machine."""
    for name in ENGINES:
        program = shutil.which(name)
        if program is None:
            continue
        command = [program]
        if name == "podman" and (host := os.environ.get("DOCKER_HOST")):
            command += ["--url", host]
        info = _json([*command, "info", "--format", "{{json .}}"])
        if info is None or (name != "podman" and _is_podman(info)):
            continue
        return _described(name, tuple(command), info)
    raise EngineError(NO_ENGINE)


def _is_podman(info: dict[str, Any]) -> bool:
    """Whether this is podman's own command under Docker's name (package podman-docker): SAM needs its socket."""
    return "host" in info


def _described(name: str, command: tuple[str, ...], info: dict[str, Any]) -> Engine:
    if name == "podman":
        host = info["host"]
        return Engine(name, command, architecture(host["arch"]), _podman_way(command, host))
    return Engine(name, command, architecture(info["Architecture"]), _docker_way(name, command, info))


def _docker_way(name: str, command: Sequence[str], info: dict[str, Any]) -> Way:
    remote = os.environ.get("DOCKER_HOST", "")
    if remote.startswith(("tcp://", "ssh://")):
        raise EngineError(
            f"DOCKER_HOST={remote} is another machine, from where this one cannot be reached: use an engine of this one"
        )
    if name == "finch" and platform.system() == "Darwin":
        return Way(LIMA_HOST)
    if platform.system() != "Linux" or "Docker Desktop" in str(info.get("OperatingSystem")):
        return Way("host.docker.internal")
    if any("rootless" in str(option) for option in info.get("SecurityOptions") or []):
        address = own_address()
        return Way(address, address, f"{address}/32")
    network = _first(command, "bridge")
    (config, *_) = network["IPAM"]["Config"]
    return Way(config["Gateway"], config["Gateway"], config["Subnet"])


def _podman_way(command: Sequence[str], host: dict[str, Any]) -> Way:
    if platform.system() != "Linux":
        return Way("host.containers.internal")
    if host["security"]["rootless"]:
        address = own_address()
        return Way("host.containers.internal", address, f"{address}/32")
    (subnet, *_) = _first(command, "podman")["subnets"]
    return Way(subnet["gateway"], subnet["gateway"], subnet["subnet"])


def _first(command: Sequence[str], network: str) -> dict[str, Any]:
    found = _json([*command, "network", "inspect", network])
    if not found:
        raise EngineError(f"{Path(command[0]).name} has no network {network}, by which containers reach this machine")
    first: dict[str, Any] = found[0]
    return first


def own_address() -> str:
    """This machine's address on the way out. Nothing is sent: connecting a datagram socket only looks up the way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            raise EngineError("this machine has no address that a container without root could reach") from None
        address: str = probe.getsockname()[0]
        return address


def architecture(name: str) -> str:
    """An architecture in Lambda's words, whatever the engine calls it."""
    return "arm64" if name in ("aarch64", "arm64") else "x86_64"


def _json(command: Sequence[str]) -> Any:
    """What a command prints, read as JSON; None if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def last_line(text: str) -> str:
    """The last line that says something: engines put the cause at the end."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "without a word"
