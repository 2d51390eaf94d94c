"""The local cloud as a container sees it: its addresses are forwarded, and written down for `sam local --env-vars`."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from infra.local import envfile
from infra.local.engine import Way
from infra.local.forward import Forwarder

NEEDED = ("AWS_ENDPOINT_URL", "OPENAI_BASE_URL", "RINGSIDE_WEBHOOK_URL")
"""What a function or a monitor connects to: the last is the canary's."""


def forwarded(way: Way, environment: Mapping[str, str]) -> Forwarder:
    """A forwarder for everything in this local cloud that a container has to reach; the real OpenAI is not in it."""
    parts = [urlsplit(environment[name]) for name in NEEDED if name in environment]
    return Forwarder(way, [part.port for part in parts if part.port and part.hostname == "127.0.0.1"])


@contextmanager
def opened(way: Way, environment: Mapping[str, str], directory: Path = envfile.DIRECTORY) -> Iterator[Path]:
    """Forward, and write `sam.json`, which `sam local --env-vars` reads; it is deleted with the forwarding."""
    path = directory / "sam.json"
    with forwarded(way, environment) as forwarder:
        declared = {
            name: value
            for name, value in forwarder.environment(environment).items()
            if name.startswith(("AWS_ENDPOINT", "RINGSIDE_", "OPENAI_"))
        }
        path.write_text(json.dumps({"Parameters": declared}, indent=2) + "\n", encoding="utf-8")
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
