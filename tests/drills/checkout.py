"""A copy of this checkout, in which somebody edits, plans, deploys and goes back as docs/deploy.md says."""

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.template import REPOSITORY

AGENT = """\
answers: [default]
model: gpt-realtime-2.1
greeting: Welcome to edition {edition}.
instructions: You are the front desk, edition {edition}.
"""

IDENTITY = ("-c", "user.name=drill", "-c", "user.email=drill@example.com", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


class Checkout:
    """`folder` is where it is; `environment` is what its commands get."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = {**environment, "PYTHONPATH": os.pathsep.join(map(str, (folder, folder / "functions")))}
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        files = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
        for name in filter(None, files.split("\0")):
            if (REPOSITORY / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, folder / name)
        # The functions run here, and not on the processor that they are deployed to.
        kind = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
        self.edit("template.yaml", "Architectures: [arm64]", f"Architectures: [{kind}]")
        # And the OpenAI of this machine has no certificate.
        self.edit("template.yaml", r"^https://[^\s?#]+$", r"^https?://[^\s?#]+$")
        self.edit("samconfig.toml", "resolve_s3 = true", 's3_bucket = "deployments"')
        shutil.rmtree(folder / "functions" / "agents")
        (folder / "functions" / "agents").mkdir()
        self.write_agent(1)
        self._git("init", "--quiet")
        self._git("add", "--all")
        self._git(*IDENTITY, "commit", "--quiet", "--message", "as it came")

    def write_agent(self, edition: int) -> None:
        """The agent file, in an edition of it."""
        text = AGENT.format(edition=edition)
        (self.folder / "functions" / "agents" / "front-desk.yaml").write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that is in the file; `ValueError` if it is not, since the drill would then try nothing."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise ValueError(f"{name} does not have {old!r} any more: bring the drill up to date")
        path.write_text(text.replace(old, new), encoding="utf-8")

    def deploy(self, *arguments: str) -> Done:
        """`python -m infra.deploy`, which is what the make targets run, with credentials of its own."""
        return self._run("infra.deploy", *arguments, AWS_ACCESS_KEY_ID="deployer")

    def ringside(self, *arguments: str, **variables: str) -> Done:
        return self._run("cli.main", *arguments, **variables)

    def _run(self, name: str, *arguments: str, **variables: str) -> Done:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", name, *arguments],
            cwd=self.folder,
            env={**self._environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - started)

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, check=True)
