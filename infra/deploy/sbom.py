"""What the monitor's image is made of, as a CycloneDX document: Ringside, its packages and the Python image.

The same image always gives the same document: uv's own has the time and a number of its own at each run.
https://cyclonedx.org/docs/1.5/json/
"""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.deploy import programs
from infra.local.template import REPOSITORY

FOLDER = REPOSITORY / ".ringside" / "sbom"

Json = dict[str, Any]


def write(image: str, base: str, committed_at: str, folder: Path | None = None) -> Path:
    """Write the document of an image (`NAME@sha256:...`) that starts from `base`; returns its file, which is named by
    the digest. `committed_at`: Unix seconds of the commit that it was made of."""
    digest, folder = image.rpartition("sha256:")[2], folder or FOLDER
    path = folder / f"{digest}.cdx.json"
    folder.mkdir(parents=True, exist_ok=True)
    made = document(image, base, committed_at, locked())
    path.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def locked() -> Json:
    """The packages that the image installs, as uv.lock has them and as uv writes them down."""
    # The same choice as that of functions/requirements.txt (Makefile).
    chosen = ("--frozen", "--no-default-groups", "--group", "agents", "--no-emit-project")
    form = ("--format", "cyclonedx1.5", "--preview-features", "sbom-export")
    found: Json = json.loads(programs.run([programs.uv(), "export", "--quiet", *form, *chosen], what="uv", quiet=True))
    return found


def document(image: str, base: str, committed_at: str, packages: Json) -> Json:
    """`packages`: see `locked`."""
    own = {**packages["metadata"]["component"], "type": "application"}
    python = _container("python-image", base)
    whole = _container("image", image)
    moment = datetime.fromtimestamp(int(committed_at), UTC)
    return {
        **packages,
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, f"{image} {base}").urn,
        "metadata": {
            "timestamp": moment.isoformat().replace("+00:00", "Z"),
            "tools": packages["metadata"]["tools"],
            "component": whole,
        },
        "components": [own, python, *packages["components"]],
        "dependencies": [
            {"ref": whole["bom-ref"], "dependsOn": [own["bom-ref"], python["bom-ref"]]},
            *packages["dependencies"],
        ],
    }


def _container(ref: str, image: str) -> Json:
    """An image as a component; one that is named by a tag alone has no hash."""
    tagged, _, digest = image.partition("@sha256:")
    name, _, tag = tagged.rpartition(":") if ":" in tagged.rpartition("/")[2] else (tagged, "", "")
    found: Json = {"type": "container", "bom-ref": ref, "name": name}
    if version := tag or (f"sha256:{digest}" if digest else ""):
        found["version"] = version
    return {**found, "hashes": [{"alg": "SHA-256", "content": digest}]} if digest else found
