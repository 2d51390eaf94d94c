"""Webhooks one after the other in one process, the first with all that is imported for it. Standard library alone:
what is measured brings its own packages, and this must add nothing.

    python webhooks.py SIDE EVENTS

SIDE is `ringside`, its handler with API Gateway's events, or `guide`, the guide's sample with the same requests as
WSGI. EVENTS is a file with those events. Prints when each was handed over (`time.monotonic`) as a list in JSON. Exits
with 0 only if every call was accepted.
"""

import io
import json
import sys
import time
from typing import Any


def ringside(event: dict[str, Any]) -> bool:
    import webhook

    return bool(webhook.handler(event, None)["body"] == "accepted")


def guide(event: dict[str, Any]) -> bool:
    import guide_sample  # type: ignore[import-not-found]

    body = event["body"].encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": True,
    }
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in event["headers"].items()}
    statuses: list[str] = []
    b"".join(guide_sample.app.wsgi_app(environ, lambda status, headers, *rest: statuses.append(status)))
    return statuses[0].startswith("200")


def main(side: str, path: str) -> int:
    with open(path, encoding="utf-8") as file:
        events = json.load(file)
    answer, handed_over = {"ringside": ringside, "guide": guide}[side], []
    for event in events:
        handed_over.append(time.monotonic())
        if not answer(event):
            return 1
    print(json.dumps(handed_over))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
