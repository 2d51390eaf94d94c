"""YAML as people write it: merge keys, anchors, and values that YAML reads as something else."""

from pathlib import Path

import pytest

from ringside.agentfile import yaml_lines
from ringside.agentfile.yaml_lines import AgentFileError, YamlFile


def read(folder: Path, content: str, name: str = "desk.yaml") -> YamlFile:
    (folder / name).write_text(content, encoding="utf-8")
    return yaml_lines.read(folder / name)


def test_a_merge_key_takes_what_the_mapping_does_not_say_itself(tmp_path: Path) -> None:
    file = read(tmp_path, "x-calm: &calm {silence: 20, farewell: 9}\nlimits:\n  <<: *calm\n  silence: 5\n")
    assert file.values == {"limits": {"silence": 5, "farewell": 9}}
    assert file.where(("limits", "silence")).line == 4
    assert file.where(("limits", "farewell")).line == 1


def test_of_several_merged_mappings_the_first_wins(tmp_path: Path) -> None:
    content = "x-a: &a {silence: 1}\nx-b: &b {silence: 2, farewell: 3}\nlimits:\n  <<: [*a, *b]\n"
    assert read(tmp_path, content).values == {"limits": {"silence": 1, "farewell": 3}}


def test_a_merged_mapping_may_merge_another(tmp_path: Path) -> None:
    content = "x-a: &a {silence: 1}\nx-b: &b\n  <<: *a\n  farewell: 3\nlimits:\n  <<: *b\n"
    assert read(tmp_path, content).values == {"limits": {"silence": 1, "farewell": 3}}


@pytest.mark.parametrize("merged", ["marin", "[1]", "[[{silence: 1}]]"])
def test_a_merge_key_that_names_no_mapping_is_refused(tmp_path: Path, merged: str) -> None:
    with pytest.raises(AgentFileError, match=r"desk\.yaml:1: limits\.<<: must name a mapping, or a list of mappings"):
        read(tmp_path, f"limits: {{<<: {merged}}}\n")


def test_a_mapping_that_merges_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgentFileError, match=r"limits\.<<: contains itself"):
        read(tmp_path, "limits: &a\n  <<: *a\n")


def test_merges_that_mean_billions_of_values_are_refused(tmp_path: Path) -> None:
    levels = "".join(f"l{n}: &l{n}\n  <<: [{', '.join([f'*l{n - 1}'] * 12)}]\n" for n in range(1, 12))
    with pytest.raises(AgentFileError, match="is too large"):
        read(tmp_path, f"l0: &l0 {{a: 1}}\n{levels}")


@pytest.mark.parametrize(
    ("written", "is_trap"),
    [
        *((text, True) for text in ("yes", "No", "off", "ON", "9:30", "02134", "+14255550112", "1:20:30")),
        *((text, False) for text in ("true", "false", "12", "1.5", "0", "-3", "null", "2026-11-22")),
    ],
)
def test_what_its_author_hardly_meant_is_known(tmp_path: Path, written: str, is_trap: bool) -> None:
    file = read(tmp_path, f"value: {written}\n")
    assert file.texts[("value",)] == written
    assert file.is_trap(("value",)) is is_trap


def test_text_is_no_trap_even_where_a_merged_value_is_one(tmp_path: Path) -> None:
    file = read(tmp_path, "x-a: &a {silence: yes}\nlimits:\n  <<: *a\n  silence: 'yes'\n")
    assert not file.is_trap(("limits", "silence"))


def test_a_byte_order_mark_is_not_part_of_the_first_field(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_bytes(b"\xef\xbb\xbfvoice: marin\n")
    assert yaml_lines.read(tmp_path / "desk.yaml").values == {"voice": "marin"}


def test_defaults_are_merged_and_keep_their_lines(tmp_path: Path) -> None:
    defaults = read(tmp_path, "voice: cedar\nlimits:\n  silence: 5\n  farewell: 9\nheaders: [X-A, X-B]\n", "d.yaml")
    own = read(tmp_path, "limits:\n  silence: 7\nheaders: [X-C]\n")
    merged = yaml_lines.with_defaults(own, defaults)
    assert merged.values == {"voice": "cedar", "limits": {"silence": 7, "farewell": 9}, "headers": ["X-C"]}
    assert str(merged.where(("limits", "farewell"))).endswith("d.yaml:4")
    assert str(merged.where(("limits", "silence"))).endswith("desk.yaml:2")
    assert str(merged.where(("headers", 1))).endswith("desk.yaml:3")
