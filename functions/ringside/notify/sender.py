"""One HTTPS request to an address that somebody wrote into an agent file, as carefully as that asks for.

The name is resolved once, every address that it has is looked at, and the connection goes to one that was: a name that
means something else a moment later changes nothing. Refused are all that are not public: loopback (where Lambda's
runtime API is), private networks, link-local (169.254.169.254, and 169.254.170.2 with a task's credentials), shared
address space, and IPv6 addresses that carry IPv4 ones. No redirect is followed, no proxy of the environment is used,
and of the answer only the beginning is read.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SECONDS = 15.0
"""For all of it (Standard Webhooks, "Sending webhooks": 15 to 30 s)."""

ANSWER_BYTES = 4_096
_CARRYING = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))
"""Blocks of IPv6 in which an IPv4 address is written: NAT64, 6to4, Teredo, IPv4-compatible."""

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class Answer:
    """What came of a request. `status` is None if there was no answer; `reason` is fit for the record."""

    status: int | None
    reason: str = ""
    retry_after: float | None = None  # seconds

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's, and of nothing nearer."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif any(found in block for block in _CARRYING):
            return False
    return found.is_global and not found.is_multicast


class Sender:
    """`allow_private`: for receivers on this machine, in tests and on a laptop."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        seconds: float = SECONDS,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._seconds = seconds
        self._context = context or ssl.create_default_context()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST it once. Never raises."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        if parts.scheme != "https" or not host:
            return Answer(None, "not an https URL")
        try:
            addresses = self._resolve(host, port)
        except OSError:
            return Answer(None, "its name cannot be resolved")
        if not addresses:
            return Answer(None, "its name cannot be resolved")
        if not self._allow_private and not all(map(is_public, addresses)):
            return Answer(None, "its address is not a public one")
        connection = _Connection(host, port, addresses[0], self._context, self._seconds)
        # A receiver that sends a byte now and then is within every time-out but this one.
        watchdog = threading.Timer(self._seconds, connection.cut)
        watchdog.daemon = True
        watchdog.start()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", path, body, dict(headers))
            response = connection.getresponse()
            if connection.was_cut:  # the headers end where it was cut
                raise TimeoutError
            with suppress(OSError, http.client.HTTPException):
                response.read(ANSWER_BYTES)
            return _judged(response)
        except ssl.SSLCertVerificationError:
            return Answer(None, "its certificate is not valid")
        except TimeoutError:
            return Answer(None, f"no answer within {self._seconds:g} s")
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = f"no answer within {self._seconds:g} s"
            return Answer(None, late if connection.was_cut else f"no connection ({type(error).__name__})")
        finally:
            watchdog.cancel()
            connection.close()


class _Connection(http.client.HTTPSConnection):
    """To one address, under the name that the certificate and the Host header are to have."""

    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds, context=context)
        self._address = address
        self._tls = context
        self.was_cut = False

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = plain  # so that it can be cut while TLS is being agreed on
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)

    def cut(self) -> None:
        """End it, from another thread."""
        self.was_cut = True
        connected: Any = self.sock
        if connected is not None:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


def _judged(response: http.client.HTTPResponse) -> Answer:
    status = response.status
    if 200 <= status < 300:
        return Answer(status)
    reason = f"HTTP {status}" + (": redirects are not followed" if 300 <= status < 400 else "")
    try:
        seconds = float(response.headers.get("retry-after") or "")
    except ValueError:
        seconds = -1.0
    return Answer(status, reason, seconds if 0 <= seconds < 1e6 else None)
