"""A registry on this machine, of Debian's package docker-registry, and the settings with which pip works here."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from infra.deploy.runtime import free_port

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


def pip_settings(folder: Path) -> list[str]:
    """Flags by which pip in a build works as pip does on this machine: its settings, and the files that these name.
    They are mounted for the build; nothing of them is in the image."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = {key: value for _, key, value in re.findall(r"^(global|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE)}
    conf = folder / "pip.conf"
    conf.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
    mounted = {conf: "/etc/pip.conf"}
    for word in " ".join(settings.values()).replace("file://", "").split():
        path = Path(word)
        if path.is_absolute() and path.exists():
            mounted[path.resolve()] = word
    return ["--network=host", *(f"--volume={source}:{target}:ro" for source, target in mounted.items())]
