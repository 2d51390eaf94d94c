"""Two folders with the same agents have one fingerprint, and any other file of theirs another."""

from pathlib import Path

import pytest

from ringside.agentfile.fingerprint import fingerprint


def write(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def test_the_same_files_have_the_same_fingerprint_wherever_they_are(tmp_path: Path) -> None:
    first, second = (write(tmp_path / name, desk_yaml="a: 1", tools_py="x = 1") for name in ("here", "there"))
    (second / "__pycache__").mkdir()
    (second / "notes.bak").write_text("an editor's")
    assert fingerprint(first) == fingerprint(second)


@pytest.mark.parametrize(
    "other",
    [
        {"desk_yaml": "a: 2", "tools_py": "x = 1"},
        {"desk_yaml": "a: 1", "tools_py": "x = 2"},
        {"desk_yaml": "a: 1"},
        {"desk_yaml": "a: 1", "tools_py": "x = 1", "prompt_md": "Be kind."},
        {"desk_yaml": "", "a: 1tools_py": "x = 1"},
    ],
)
def test_any_other_content_or_name_has_another(tmp_path: Path, other: dict[str, str]) -> None:
    first, second = write(tmp_path / "here", desk_yaml="a: 1", tools_py="x = 1"), write(tmp_path / "there", **other)
    assert fingerprint(first) != fingerprint(second)
