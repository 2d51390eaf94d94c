"""`GET /v1/models`: the cheap question by which a client learns whether its key is good (API reference, Models)."""

from aiohttp import web

from infra.emulator.openai_api.api_key import refused_key

CREATED = 1_783_296_000  # 2026-07-06: gpt-realtime-2.1 came out
MODELS = ("gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-transcribe")


async def models(request: web.Request) -> web.Response:
    """The current models that a phone agent uses; OpenAI lists many more."""
    refused = refused_key(request)
    if refused is not None:
        return refused
    entries = [{"id": name, "object": "model", "created": CREATED, "owned_by": "openai"} for name in MODELS]
    return web.json_response({"object": "list", "data": entries})


def routes() -> list[web.RouteDef]:
    return [web.get("/v1/models", models)]
