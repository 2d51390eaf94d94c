"""The examples of what can come after a call, as they would run at AWS: a function's code out of its template, and
Google's Apps Script, which answers with a redirect to the answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.local import template as templates
from infra.local.mailbox import EXAMPLES
from infra.local.template import of_type

Json = dict[str, Any]


def document(name: str) -> Json:
    """An example's template, with the defaults in place of its parameters."""
    read = templates.plain(templates.parse((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")))
    defaults = {key: parameter.get("Default") for key, parameter in read["Parameters"].items()}
    replaced: Json = templates.replace_references(read, defaults)
    return replaced


def function(name: str) -> Json:
    """What the code of an example's function defines, once it has run."""
    (properties,) = of_type(document(name), "AWS::Lambda::Function").values()
    defined: Json = {}
    exec(compile(properties["Code"]["ZipFile"], f"{name}.yaml", "exec"), defined)
    return defined


class Spreadsheet:
    """Rows that were added by the script behind `url`, which wants `token`."""

    def __init__(self, token: str) -> None:
        self.token, self.rows, self.url = token, list[list[Any]](), ""


@contextmanager
def spreadsheet(token: str) -> Iterator[Spreadsheet]:
    sheet = Spreadsheet(token)

    class Script(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["content-length"])))
            right = told["token"] == sheet.token
            if right:
                sheet.rows.append(told["row"])
            self.send_response(302)
            self.send_header("location", "/ok" if right else "/wrong")
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            said = b"ok" if self.path == "/ok" else b"wrong token"
            self.send_response(200)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    sheet.url = f"http://127.0.0.1:{server.server_port}/exec"
    try:
        yield sheet
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
