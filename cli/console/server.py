"""The console as a process: a socket on loopback, the URL that opens it, and uvicorn."""

import contextlib
import secrets
import socket
import webbrowser

import uvicorn

from cli.console.app import application
from cli.console.deployment import Deployed
from cli.errors import CliError

HOST = "127.0.0.1"
PORT = 7430
"""Where the console is, unless something else is there already: so that its pages can be bookmarked."""


def listen(port: int | None) -> socket.socket:
    """A listening socket; with None at the usual port, or at any other if that is taken."""
    for wanted in (PORT, 0) if port is None else (port,):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, wanted))
        except OSError as error:
            listener.close()
            if port is not None:
                raise CliError(f"port {port}: {error.strerror}; choose another with --port") from None
        else:
            listener.listen(128)
            return listener
    raise CliError("there is no free port")


def serve(deployed: Deployed, port: int | None, open_browser: bool, token: str | None = None) -> None:
    """Serve until Ctrl-C. The URL, with its token, is the only line that is printed: nothing asked here is logged."""
    token = token or secrets.token_urlsafe(24)
    with listen(port) as listener:
        number = listener.getsockname()[1]
        url = f"http://{HOST}:{number}/?token={token}"
        app = application(deployed, number, token)
        print(f"console listening on {url}", flush=True)
        if open_browser:
            webbrowser.open(url)
        config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False, date_header=False)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
