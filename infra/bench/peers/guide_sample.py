"""The sample of OpenAI's guide ("Realtime API with SIP": Flask and `openai`), as it stands there.

What differs, so that it can be measured on one machine: OpenAI's address comes from the environment, and so does
whether the sideband's thread starts with the answer. `python guide_sample.py BASE_URL CALLS` is the sideband alone.
"""

import asyncio
import json
import os
import sys
import threading
import time

import requests
import websockets
from flask import Flask, Response, request
from openai import InvalidWebhookSignatureError, OpenAI

OPENAI = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
SIDEBANDS = OPENAI.replace("http", "ws", 1)

app = Flask(__name__)
client = OpenAI(
    webhook_secret=os.environ.get("OPENAI_WEBHOOK_SECRET"), api_key=os.environ.get("OPENAI_API_KEY", "sk-bench")
)

AUTH_HEADER = {"Authorization": "Bearer " + os.getenv("OPENAI_API_KEY", "sk-bench")}

call_accept = {
    "type": "realtime",
    "instructions": "You are a support agent.",
    "model": "gpt-realtime",
}

response_create = {
    "type": "response.create",
    "response": {"instructions": "Say to the user 'Thank you for calling, how can I help you'"},
}


async def websocket_task(call_id):
    try:
        async with websockets.connect(
            SIDEBANDS + "/realtime?call_id=" + call_id,
            additional_headers=AUTH_HEADER,
        ) as websocket:
            await websocket.send(json.dumps(response_create))

            while True:
                response = await websocket.recv()
                print(f"Received from WebSocket: {response}")
    except Exception as e:
        print(f"WebSocket error: {e}")


@app.route("/", methods=["POST"])
def webhook():
    try:
        event = client.webhooks.unwrap(request.data, request.headers)

        if event.type == "realtime.call.incoming":
            requests.post(
                OPENAI + "/realtime/calls/" + event.data.call_id + "/accept",
                headers={**AUTH_HEADER, "Content-Type": "application/json"},
                json=call_accept,
            )
            if os.environ.get("BENCH_SIDEBANDS") != "none":
                threading.Thread(
                    target=lambda: asyncio.run(websocket_task(event.data.call_id)),
                    daemon=True,
                ).start()
            return Response(status=200)
    except InvalidWebhookSignatureError as e:
        print("Invalid signature", e)
        return Response("Invalid signature", status=400)


if __name__ == "__main__":
    SIDEBANDS = sys.argv[1]
    for number in range(int(sys.argv[2])):
        threading.Thread(target=asyncio.run, args=(websocket_task(f"call-{number}"),), daemon=True).start()
        time.sleep(0.01)
    threading.Event().wait()
