"""OpenAI's REST API for webhook endpoints on localhost: what `ringside setup` speaks to."""

import base64
import json
import secrets
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from standardwebhooks import Webhook

KEY = "sk-proj-good"


class WebhookEndpoints:
    """A project with webhook endpoints. While two secrets of one are valid, deliveries carry both signatures
    (Standard Webhooks, "Zero downtime secret rotation")."""

    def __init__(self) -> None:
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.forbidden = False
        self.answers: list[int] = []
        """The statuses that deliveries were answered with."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"project": self}))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, url: str, events: list[str]) -> str:
        """An endpoint that is there already."""
        return str(self._create({"url": url, "event_types": events, "name": "before"})["id"])

    def deliver(self, endpoint_id: str, call_id: str = "some_unique_id") -> int:
        """One delivery of a sample event; the status of the answer."""
        data = {"call_id": call_id, "sip_headers": []}
        event = {"object": "event", "id": "evt_1", "type": "realtime.call.incoming", "created_at": int(time.time())}
        body, now, webhook_id = json.dumps(event | {"data": data}), datetime.now(UTC), f"wh_{secrets.token_hex(8)}"
        signatures = [Webhook(secret).sign(webhook_id, now, body) for secret in self.secrets[endpoint_id]]
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        url = self.endpoints[endpoint_id]["url"]
        status = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=20).status_code
        self.answers.append(status)
        return status

    # --- the API ---

    def handle(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(f"{method} {path}")
        parts = path.partition("?")[0].strip("/").split("/")[1:]
        match method, parts:
            case "GET", ["models"]:
                return 200, {"object": "list", "data": []}
            case _ if self.forbidden:
                return 403, {"error": {"message": "You have insufficient permissions: api.webhooks.write"}}
            case "GET", ["webhook_endpoints"]:
                data = list(self.endpoints.values())
                return 200, {"object": "list", "data": data, "has_more": False, "first_id": None, "last_id": None}
            case "POST", ["webhook_endpoints"]:
                return 200, self._create(body)
            case _, ["webhook_endpoints", name, *_] if name not in self.endpoints:
                return 404, {"error": {"message": "no such webhook endpoint"}}
            case "POST", ["webhook_endpoints", name]:
                self.endpoints[name] |= body
                return 200, self.endpoints[name]
            case "DELETE", ["webhook_endpoints", name]:
                del self.endpoints[name]
                return 200, {"id": name, "object": "webhook_endpoint.deleted", "deleted": True}
            case "POST", ["webhook_endpoints", name, "rotate_secret"]:
                kept = self.secrets[name][:1] if body.get("keep_old_secret_active_for_24_hours") else []
                self.secrets[name] = [new_secret(), *kept]
                return 200, self.endpoints[name] | {"signing_secret": self.secrets[name][0]}
            case "POST", ["webhook_endpoints", name, "test"]:
                told = {"object": "webhook_endpoint.test", "success": True, "event_type": body["event_type"]}
                return 200, told | {"webhook_endpoint_id": name, "status_code": self.deliver(name)}
        return 404, {"error": {"message": f"nothing at {method} {path}"}}

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        name = f"we_{secrets.token_hex(6)}"
        self.endpoints[name] = {"id": name, "object": "webhook_endpoint", "created_at": int(time.time()), **body}
        self.secrets[name] = [new_secret()]
        return self.endpoints[name] | {"signing_secret": self.secrets[name][0]}


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class _Handler(BaseHTTPRequestHandler):
    project: WebhookEndpoints
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        text = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("authorization") != f"Bearer {KEY}":
            status, content = (
                401,
                {"error": {"message": f"Incorrect API key provided: {self.headers['authorization']}"}},
            )
        else:
            status, content = self.project.handle(self.command, self.path, json.loads(text or b"{}"))
        answer = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.send_header("openai-project", "proj_abc123")
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        pass
