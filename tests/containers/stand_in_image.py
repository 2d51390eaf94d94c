"""A stand-in for the two images that ours run on where no registry can be reached: `python -m
tests.containers.stand_in_image NAME` makes it.

It takes the place of AWS's image for Lambda (`public.ecr.aws/lambda/python:3.13`: CPython in /var/lang, the runtime
client behind /var/runtime/bootstrap) and of Docker Hub's `python:3.13-slim` (`python`, `pip` and `sh` on the path).
It is made of what this machine has: a Python 3.13 and the C libraries that it and its wheels need. The names of the
originals are never given to it.
"""

import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from infra.deploy import programs
from infra.deploy.programs import DeployError
from infra.local import engine

PROGRAMS = ("sh", "cat", "chmod", "env", "id", "ls", "mkdir", "mv", "rm", "sleep")
LIBRARIES = (
    *("libc.so.6", "libdl.so.2", "libm.so.6", "libnss_dns.so.2", "libnss_files.so.2", "libpthread.so.0"),
    *("libresolv.so.2", "librt.so.1", "libutil.so.1", "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"),
)
"""What wheels may be linked with (PEP 600's list, as far as our wheels need it) beside what Python itself is."""

LEFT_OUT = {"__pycache__", "idlelib", "site-packages", "dist-packages", "test", "tests", "tkinter", "turtledemo"}

BOOTSTRAP = """#!/bin/sh
# As AWS's: the runtime client, with the function's folder and the runtime's on the path.
export PYTHONPATH="$LAMBDA_TASK_ROOT:/var/runtime${PYTHONPATH:+:$PYTHONPATH}"
cd "$LAMBDA_TASK_ROOT"
exec /var/lang/bin/python3.13 -m awslambdaric "$_HANDLER"
"""

TEXTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
FOLDERS = {"tmp": 0o1777, "root": 0o700, "opt": 0o755, "var/task": 0o755, "var/rapid": 0o755}
SETTINGS = (
    "ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin",
    "ENV LD_LIBRARY_PATH=/var/lang/lib",
    "ENV LANG=C.UTF-8",
    "ENV LAMBDA_TASK_ROOT=/var/task",
    "WORKDIR /var/task",
    'CMD ["python3"]',
)


def make(engine_command: Sequence[str], name: str) -> None:
    """Make the image under this name, with `podman` or another command that speaks Docker's language."""
    python = programs.python313()
    if python is None:
        raise DeployError(programs.NO_PYTHON313)
    changes = [word for setting in SETTINGS for word in ("--change", setting)]
    with tempfile.TemporaryDirectory(prefix="ringside-stand-in-") as scratch:
        archive = Path(scratch) / "root.tar"
        with tarfile.open(archive, "w") as tar:
            fill(tar, python, Path(scratch))
        command = [*engine_command, "import", *changes, str(archive), name]
        programs.run(command, what="making the stand-in image", quiet=True)


def fill(tar: tarfile.TarFile, python: str, scratch: Path) -> None:
    """The image's whole file system."""
    for folder, mode in FOLDERS.items():
        add_folder(tar, folder, mode)
    for path, text in TEXTS.items():
        add_text(tar, path, text)
    add_text(tar, "var/runtime/bootstrap", BOOTSTRAP, 0o755)
    prefix, binary = asked(python, "import os, sys; print(sys.base_prefix, os.path.realpath(sys.executable))").split()
    library = Path(prefix) / "lib" / "python3.13"
    tar.add(binary, "var/lang/bin/python3.13")
    for link in ("python", "python3"):
        add_link(tar, f"var/lang/bin/{link}", "python3.13")
    tar.add(library, "var/lang/lib/python3.13", filter=without_the_rest)
    install(python, scratch / "runtime", f"awslambdaric=={programs.VERSIONS['awslambdaric']}")
    install(python, scratch / "site-packages", "pip")
    tar.add(scratch / "runtime", "var/runtime")
    tar.add(scratch / "site-packages", "var/lang/lib/python3.13/site-packages")
    add_text(tar, "var/lang/bin/pip", '#!/bin/sh\nexec python3.13 -m pip "$@"\n', 0o755)
    commands = [found for name in PROGRAMS if (found := shutil.which(name))]
    for program in commands:
        tar.add(os.path.realpath(program), f"bin/{Path(program).name}")
    modules = [str(path) for path in (library / "lib-dynload").glob("*.so") if "tkinter" not in path.name]
    for needed in sorted(closure([binary, *modules, *commands, *known_libraries()])):
        ours = needed.startswith(prefix)  # Python's own, which is found by LD_LIBRARY_PATH
        tar.add(os.path.realpath(needed), f"var/lang/lib/{Path(needed).name}" if ours else needed.lstrip("/"))


def without_the_rest(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """The standard library without its tests, and without what this machine has installed into it."""
    name = Path(entry.name).name
    return None if name in LEFT_OUT or name.startswith(("config-3.13", "_tkinter")) else entry


def install(python: str, folder: Path, package: str) -> None:
    """Install a package into a folder."""
    command = [programs.uv(), "pip", "install", "--quiet", "--python", python, "--target", str(folder), package]
    programs.run(command, what=f"installing {package}", quiet=True)


def asked(python: str, code: str) -> str:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def known_libraries() -> list[str]:
    """The paths of `LIBRARIES` on this machine."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    bits = "x86-64" if os.uname().machine == "x86_64" else "AArch64"
    found = re.findall(rf"^\s*(\S+) \([^)]*{bits}[^)]*\) => (\S+)$", listed, re.MULTILINE)
    return [path for name, path in found if name in LIBRARIES]


def closure(binaries: Iterable[str]) -> set[str]:
    """Every shared library that these need, by the paths under which the loader looks for them."""
    found: set[str] = set()
    for binary in binaries:
        listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
        found |= set(re.findall(r"(?:=> )?(/\S+) \(0x", listed))
        if re.search(r"/lib[^/]+\.so\.", binary):
            found.add(binary)
    return found


def add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def add_text(tar: tarfile.TarFile, name: str, text: str, mode: int = 0o644) -> None:
    content = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), stat.S_IMODE(mode)
    tar.addfile(entry, io.BytesIO(content))


def add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


if __name__ == "__main__":
    (image,) = sys.argv[1:]
    make(engine.find().command, image)
