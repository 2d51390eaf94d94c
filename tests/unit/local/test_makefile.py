"""What make does before anything of ours runs: its help, and the virtual environment."""

import re
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


def test_every_target_is_explained_within_80_columns() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")

    # Below another make it would also say which folder it enters.
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout

    assert max(map(len, shown.splitlines())) < 80
    targets = re.findall(r"^  make (\S+) +", shown, re.MULTILINE)
    assert targets == re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)
    explained = re.findall(r"^[a-z-]+:.*## (.*)", makefile, re.MULTILINE)
    assert [" ".join(each.split()) for each in re.split(r"^  make \S+ +", shown, flags=re.MULTILINE)[1:]] == explained


def test_a_virtual_environment_whose_making_was_interrupted_is_made_anew(tmp_path: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (version,) = re.findall(r"^UV_VERSION := (.*)", makefile, re.MULTILINE)
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    for name in ("pyproject.toml", "uv.lock", ".venv/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch(0o755)
    python = tmp_path / "python"
    (tmp_path / "uv").write_text(f"#!/bin/sh\necho uv {version}\n")
    (tmp_path / "uv").chmod(0o755)
    python.write_text("#!/bin/sh\ntest \"$*\" != '-m venv --clear .venv' || cp uv .venv/bin/uv\n")
    python.chmod(0o755)
    command = ["make", f"PYTHON={python}", ".venv/.ready"]

    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    (tmp_path / "uv.lock").touch()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert "Making .venv" in first
    assert (tmp_path / ".venv/.ready").exists()
    assert "Making .venv" not in again
