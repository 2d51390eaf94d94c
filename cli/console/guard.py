"""Who may speak to the console: this machine's browser, with the token of the URL that was opened, and nobody else.

A web server on loopback is within reach of every page that a browser shows: a foreign name may point to 127.0.0.1
(DNS rebinding), so the Host is checked; and another page may link here, so everything needs a cookie that comes with
the token and is sent with no foreign request (SameSite=Strict). A form is taken only from a page of the console itself,
which the browser says (Fetch Metadata, Sec-Fetch-Site) and the form's key proves.
"""

import hmac
from secrets import compare_digest
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "token"  # noqa: S105  a parameter's name
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

CLOSED = "Open the console with the URL that `ringside console` or `make local` printed: it has a token in it.\n"


def form_key(token: str) -> str:
    """What the console's forms carry: proof that they come from one of its pages, which knows no token."""
    return hmac.new(token.encode(), b"form", "sha256").hexdigest()


class Guard:
    """The outermost layer. `port`: where the server listens; `token`: what the opened URL carries."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app = app
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self._cookie = f"ringside_{port}"  # cookies are shared by all ports of a host
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, guarded)

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("host", "").lower() not in self._hosts:
            return Response("Unknown host. The console answers to 127.0.0.1 and localhost.\n", 421)
        if request.method not in ("GET", "HEAD", "POST"):
            return Response("The console shows, and takes its own forms.\n", 405, {"allow": "GET, HEAD, POST"})
        if request.headers.get("sec-fetch-site", "none") == "cross-site" and not self._is_navigation(request):
            return Response("Not for other sites.\n", 403)
        if request.method == "POST" and request.headers.get("sec-fetch-site") != "same-origin":
            return Response("Forms are taken from the console's own pages only.\n", 403)
        given = request.query_params.get(TOKEN) if request.method != "POST" else None
        if given is not None and self._is_token(given):
            return self._let_in(request)
        if not self._is_token(request.cookies.get(self._cookie, "")):
            return Response(CLOSED, 403)
        return None

    def _is_navigation(self, request: Request) -> bool:
        """A link in a mail or a terminal: the page is opened, and nobody else reads it."""
        return request.headers.get("sec-fetch-mode") == "navigate"

    def _is_token(self, given: str) -> bool:
        return compare_digest(given.encode(), self._token.encode())

    def _let_in(self, request: Request) -> Response:
        """The token leaves the address bar, and the history, at once."""
        rest = urlencode([pair for pair in parse_qsl(request.url.query) if pair[0] != TOKEN])
        path = "/" + request.url.path.lstrip("/")  # never `//host`, which leads elsewhere
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return answer
