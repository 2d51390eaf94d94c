"""How containers reach this machine: found by asking the engine, with programs in the engines' place; and the
forwarder, over real sockets."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from infra.local import containers, engine
from infra.local.engine import EngineError, Way
from infra.local.forward import Forwarder
from infra.local.template import REPOSITORY

DOCKER = {"Architecture": "x86_64", "OperatingSystem": "Debian GNU/Linux 13", "SecurityOptions": ["name=seccomp"]}
PODMAN = {"host": {"arch": "amd64", "security": {"rootless": False}}}
BRIDGE = [{"IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]}}]
PODMANS = [{"subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}]}]


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No engine but those that a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    return tmp_path


def installed(path: Path, name: str, info: Any, networks: Any = None) -> None:
    """A program that answers to `info` and `network inspect` as this engine does."""
    script = ["#!/bin/sh", 'case "$*" in']
    for asked, answer in (("info", info), ("network", networks)):
        script.append(f"*{asked}*) echo '{json.dumps(answer)}' ;;" if answer is not None else f"*{asked}*) exit 1 ;;")
    (path / name).write_text("\n".join([*script, "*) echo 'Error: no such host' >&2; exit 125 ;;", "esac", ""]))
    (path / name).chmod(0o755)


def test_docker_on_linux_is_reached_at_its_bridges_gateway(path: Path) -> None:
    installed(path, "docker", DOCKER, BRIDGE)

    found = engine.find()

    assert (found.name, found.architecture) == ("docker", "x86_64")
    assert found.way == Way("172.17.0.1", "172.17.0.1", "172.17.0.0/16")


def test_podman_as_root_is_reached_at_its_bridges_gateway(path: Path) -> None:
    installed(path, "podman", PODMAN, PODMANS)

    assert engine.find().way == Way("10.88.0.1", "10.88.0.1", "10.88.0.0/16")


def test_podman_without_root_connects_from_this_machines_own_address(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(path, "podman", {"host": {"arch": "arm64", "security": {"rootless": True}}})
    monkeypatch.setattr(engine, "own_address", lambda: "198.51.100.7")

    found = engine.find()

    assert found.architecture == "arm64"
    assert found.way == Way("host.containers.internal", "198.51.100.7", "198.51.100.7/32")


def test_docker_without_root_does_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(path, "docker", DOCKER | {"SecurityOptions": ["name=seccomp", "name=rootless"]}, BRIDGE)
    monkeypatch.setattr(engine, "own_address", lambda: "198.51.100.7")

    assert engine.find().way == Way("198.51.100.7", "198.51.100.7", "198.51.100.7/32")


@pytest.mark.parametrize("system", ["Darwin", "Linux"])
def test_docker_desktop_leads_to_the_loopback_interface_by_itself(
    path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    installed(path, "docker", DOCKER | {"OperatingSystem": "Docker Desktop", "Architecture": "aarch64"}, BRIDGE)
    monkeypatch.setattr("platform.system", lambda: system)

    found = engine.find()

    assert (found.architecture, found.way) == ("arm64", Way("host.docker.internal"))


@pytest.mark.parametrize(
    ("system", "way"),
    [("Darwin", Way("192.168.5.2")), ("Linux", Way("172.17.0.1", "172.17.0.1", "172.17.0.0/16"))],
)
def test_finch_is_found_when_docker_does_not_run(
    path: Path, monkeypatch: pytest.MonkeyPatch, system: str, way: Way
) -> None:
    installed(path, "docker", None)
    installed(path, "finch", {"Architecture": "aarch64", "OperatingSystem": "Alpine"}, BRIDGE)
    monkeypatch.setattr("platform.system", lambda: system)

    found = engine.find()

    assert (found.name, found.way) == ("finch", way)


def test_podman_on_macos_leads_to_the_loopback_interface(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(path, "podman", PODMAN)
    monkeypatch.setattr("platform.system", lambda: "Darwin")

    assert engine.find().way == Way("host.containers.internal")


def test_podman_under_dockers_name_is_podman(path: Path) -> None:
    """The package podman-docker: SAM would look for Docker's socket, which is not there."""
    installed(path, "docker", PODMAN, PODMANS)
    installed(path, "podman", PODMAN, PODMANS)

    assert engine.find().name == "podman"


def test_without_an_engine_one_line_says_which_would_do() -> None:
    with pytest.raises(EngineError, match="Docker, Finch or podman") as caught:
        engine.find()
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("host", ["tcp://10.1.2.3:2375", "ssh://build@host"])
def test_an_engine_on_another_machine_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    installed(path, "docker", DOCKER, BRIDGE)
    monkeypatch.setenv("DOCKER_HOST", host)

    with pytest.raises(EngineError, match="another machine"):
        engine.find()


def test_an_image_that_cannot_be_pulled_is_one_line_with_the_reason_and_the_remedy(path: Path) -> None:
    installed(path, "docker", DOCKER, BRIDGE)

    with pytest.raises(EngineError, match=r"lambda/python.*no such host.*docker pull") as caught:
        engine.find().get("public.ecr.aws/lambda/python:3.13-x86_64")
    assert len(str(caught.value).splitlines()) == 1


# --- the forwarder -------------------------------------------------------------------------------

THERE = "127.0.0.2"
"""Another address of this machine, as the bridge's gateway is one."""


@pytest.fixture
def echo() -> Iterator[int]:
    """A server on 127.0.0.1 that sends back what it got, once it has all of it; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    received = b""
                    while chunk := connection.recv(65536):
                        received += chunk
                    connection.sendall(received)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def said(port: int, text: bytes, host: str = THERE) -> bytes:
    with socket.create_connection((host, port), 5) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="has one loopback address")
def test_what_listens_on_loopback_is_reached_at_the_other_address(echo: int) -> None:
    with Forwarder(Way("gateway", THERE, "127.0.0.0/8"), [echo]) as forwarder:
        url = forwarder.url(f"http://127.0.0.1:{echo}/v1?x=1")
        port = int(url.split(":")[2].split("/")[0])

        assert url == f"http://gateway:{port}/v1?x=1"
        assert said(port, b"hello" * 100_000) == b"hello" * 100_000

    with pytest.raises(OSError, match="refused"):
        said(port, b"")


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="has one loopback address")
def test_nobody_but_containers_is_let_through(echo: int) -> None:
    with Forwarder(Way("gateway", THERE, "10.88.0.0/16"), [echo]) as forwarder:
        port = int(forwarder.url(f"http://127.0.0.1:{echo}").rpartition(":")[2])
        with suppress(OSError):  # closed before all was sent
            assert said(port, b"hello") == b""


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="has one loopback address")
def test_a_port_that_is_taken_there_is_replaced_by_another(echo: int) -> None:
    with socket.create_server((THERE, echo)), Forwarder(Way("gateway", THERE, "127.0.0.0/8"), [echo]) as forwarder:
        port = int(forwarder.url(f"http://127.0.0.1:{echo}").rpartition(":")[2])

        assert port != echo
        assert said(port, b"hello") == b"hello"


def test_urls_that_lead_elsewhere_stay_as_they_are() -> None:
    with Forwarder(Way("host.docker.internal"), [5000]) as forwarder:
        assert forwarder.environment(
            {
                "A": "http://127.0.0.1:5000/x",
                "B": "http://127.0.0.1:6000",
                "C": "https://api.openai.com/v1",
                "D": "calls",
            }
        ) == {
            "A": "http://host.docker.internal:5000/x",
            "B": "http://127.0.0.1:6000",
            "C": "https://api.openai.com/v1",
            "D": "calls",
        }


def test_sams_file_has_what_the_functions_declare_and_goes_with_the_forwarding(tmp_path: Path) -> None:
    environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:5000",
        "AWS_SECRET_ACCESS_KEY": "local",
        "OPENAI_BASE_URL": "http://127.0.0.1:5001/v1",
        "RINGSIDE_TABLE": "calls",
    }
    with containers.opened(Way("host.docker.internal"), environment, tmp_path) as path:
        written = json.loads(path.read_text(encoding="utf-8"))

    assert written == {
        "Parameters": {
            "AWS_ENDPOINT_URL": "http://host.docker.internal:5000",
            "OPENAI_BASE_URL": "http://host.docker.internal:5001/v1",
            "RINGSIDE_TABLE": "calls",
        }
    }
    assert path == tmp_path / "sam.json"
    assert not path.exists()


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="the fake engine is asked under Linux's name")
def test_make_local_lets_containers_reach_it_as_long_as_it_runs(path: Path, tmp_path: Path) -> None:
    installed(path, "docker", DOCKER | {"OperatingSystem": "Docker Desktop"})
    written = tmp_path / "local" / "sam.json"
    command = [sys.executable, "-m", "infra.local", "up", "--monitors", "0", "--containers", "--directory"]
    with subprocess.Popen([*command, str(written.parent)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        try:
            (line,) = [next(line for line in up.stdout if "Containers reach it" in line)]
            variables = json.loads(written.read_text(encoding="utf-8"))["Parameters"]
        finally:
            up.terminate()
        up.stdout.read()

    assert str(written) in line
    assert variables["AWS_ENDPOINT_URL"].startswith("http://host.docker.internal:")
    assert variables["OPENAI_BASE_URL"].startswith("http://host.docker.internal:")
    assert variables["RINGSIDE_TABLE"]
    assert not written.exists()
    assert up.returncode == 0


def test_make_local_for_containers_without_an_engine_starts_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.local", "up", "--containers", "--directory", str(tmp_path / "local")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr.strip()) == (1, engine.NO_ENGINE)
