"""What this machine lends the local cloud: ports, and a little of the environment."""

import os
import socket
import sys
from dataclasses import dataclass

HOST = "127.0.0.1"

INHERITED = (
    *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"),
)
"""What a component gets of this process's environment: neither AWS's nor OpenAI's variables are among it."""


class PortTaken(Exception):
    """A port that was asked for is in use."""


@dataclass(frozen=True)
class Ports:
    """Where to listen; 0 is any free port."""

    webhook: int = 0
    aws: int = 0
    emulator: int = 0
    console: int = 0  # its usual one


def listen(port: int, what: str) -> socket.socket:
    """A listening socket. It is bound here and inherited, so that a port's number is known before its server runs."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise PortTaken(
            f"port {port} for {what}: {error.strerror}; choose another, or leave it out to get a free one"
        ) from None
    listener.listen(1024)
    return listener


def inherited_environment() -> dict[str, str]:
    """The part of the environment that every component gets."""
    passed = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**passed, **no_proxy(), "PYTHONUNBUFFERED": "1"}


def no_proxy() -> dict[str, str]:
    """What keeps a request to this machine from a proxy that is meant for the world."""
    names = [HOST, "localhost", os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""]
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(filter(None, names)))


def module(name: str) -> list[str]:
    """The command that runs a module with this interpreter."""
    return [sys.executable, "-m", name]
