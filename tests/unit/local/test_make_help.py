"""`make help`, as it looks in a terminal of 80 columns."""

import re
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
