"""What an image is made of is written beside its digest: all of it, and the same for the same image."""

import json
import re
from pathlib import Path

import pytest

from infra.deploy import sbom
from infra.deploy.image import PINNED
from infra.local.template import FUNCTIONS

DIGEST = "0" * 64
IMAGE = f"registry.example.com:5000/ringside-monitor@sha256:{DIGEST}"
BASE = PINNED.read_text(encoding="utf-8").strip()


@pytest.fixture(scope="module")
def packages() -> sbom.Json:
    return sbom.locked()


def test_it_names_every_package_that_the_image_installs_with_its_hashes(packages: sbom.Json) -> None:
    made = sbom.document(IMAGE, BASE, "1750287018", packages)

    installed = re.findall(r"^([\w.-]+)==(\S+)", (FUNCTIONS / "requirements.txt").read_text(encoding="utf-8"), re.M)
    listed = [each for each in made["components"] if "purl" in each]
    assert {(each["name"], each["version"]) for each in listed} == set(installed)
    assert all(files["hashes"] for each in listed for files in each["externalReferences"])


def test_it_names_ringside_the_python_image_and_what_they_are_for(packages: sbom.Json) -> None:
    made = sbom.document(IMAGE, BASE, "1750287018", packages)

    whole, (own, python, *_) = made["metadata"]["component"], made["components"]
    assert (whole["name"], whole["version"]) == ("registry.example.com:5000/ringside-monitor", f"sha256:{DIGEST}")
    assert (own["type"], own["name"]) == ("application", "ringside")
    assert python["name"] == "docker.io/library/python"
    assert python["hashes"] == [{"alg": "SHA-256", "content": BASE.rpartition(":")[2]}]
    assert made["metadata"]["timestamp"] == "2025-06-18T22:50:18Z"
    known = {each["bom-ref"] for each in [whole, *made["components"]]}
    assert {ref for entry in made["dependencies"] for ref in (entry["ref"], *entry.get("dependsOn", ()))} <= known


def test_a_python_image_by_its_tag_alone_has_no_hash(packages: sbom.Json) -> None:
    python = sbom.document(IMAGE, "python:3.13-slim", "1750287018", packages)["components"][1]

    assert python == {"type": "container", "bom-ref": "python-image", "name": "python", "version": "3.13-slim"}


def test_the_same_image_gives_the_same_file_and_another_one_another(tmp_path: Path) -> None:
    first = sbom.write(IMAGE, BASE, "1750287018", tmp_path / "a")
    second = sbom.write(IMAGE, BASE, "1750287018", tmp_path / "b")
    other = sbom.write(IMAGE.replace("0" * 64, "1" * 64), BASE, "1750287018", tmp_path / "a")

    assert first.name == f"{DIGEST}.cdx.json"
    assert first.read_bytes() == second.read_bytes()
    numbers = {json.loads(path.read_text(encoding="utf-8"))["serialNumber"] for path in (first, other)}
    assert len(numbers) == 2
