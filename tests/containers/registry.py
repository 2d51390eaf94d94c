"""What a build needs from outside, on this machine: a registry (Debian's package docker-registry), and wheels."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from infra.deploy.runtime import free_port
from infra.local.template import FUNCTIONS

HOW = "needs docker-registry (Debian: apt-get install docker-registry), which `.ci/run` installs"
PROGRAM = shutil.which("docker-registry")


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A registry that keeps what it is given in this folder; its host and port."""
    assert PROGRAM is not None
    address = f"127.0.0.1:{free_port()}"
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{address}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{folder}/registry'}}}}\n"
    )
    process = subprocess.Popen([PROGRAM, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                httpx.get(f"http://{address}/v2/", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, "docker-registry ended"
                assert time.monotonic() < until, "docker-registry does not answer"
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait()


def wheels(folder: Path, machine: str) -> list[str]:
    """Flags with which pip in a build needs no network: what is locked, fetched by this machine's pip with whatever
    settings that needs here. It is mounted for the build; nothing of it is in the image."""
    platforms = [f"--platform={kind}_{machine}" for kind in ("manylinux2014", "manylinux_2_28")]
    locked = ("--require-hashes", "--only-binary=:all:", "--implementation=cp", "--python-version=3.13")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *locked, *platforms]
    requirements = str(FUNCTIONS / "requirements.txt")
    subprocess.run([*command, "--dest", str(folder / "wheels"), "--requirement", requirements], check=True)
    conf = folder / "pip.conf"
    conf.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    return [f"--volume={folder}/wheels:/wheels:ro", f"--volume={conf}:/etc/pip.conf:ro"]
