"""What is reached over HTTP: OpenAI, and the webhook."""

import httpx

from cli.doctor.finding import Finding, Findings, State
from ringside import settings

TIMEOUT = 10.0  # seconds
DEFAULT_BASE_URL: str = settings.Settings.model_fields["openai_base_url"].default


def check_openai(http: httpx.Client, base_url: str, api_key: str, listed: list[str] | None = None) -> Findings:
    """A cheap request that needs a valid key; the models of its answer are added to `listed`."""
    if not api_key:
        yield Finding("openai", State.WARNING, f"{base_url} not tried: there is no API key to try")
        return
    try:
        headers = {"Authorization": f"Bearer {api_key}"}
        response = http.get(f"{base_url.rstrip('/')}/models", headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The error's own text could quote a header.
        what = f"{base_url} cannot be reached: {type(error).__name__}"
        yield Finding("openai", State.WRONG, what, "check OPENAI_BASE_URL and the network")
        return
    status = response.status_code
    if status == 401:
        yield Finding(
            "openai",
            State.WRONG,
            f"{base_url} refuses the key (401)",
            "store a valid API key (`ringside setup --new-key`)",
        )
    elif status == 403:
        what = f"{base_url} answers, but this key may not list models (403)"
        yield Finding(
            "openai", State.WARNING, what, "a restricted key needs Realtime; it also needs Models to be checked here"
        )
    elif status == 200:
        if listed is not None:
            listed += _models(response)
        yield Finding("openai", State.OK, f"{base_url} answers, and the key is valid")
    else:
        yield Finding("openai", State.WRONG, f"{base_url}/models answers {status}", "check OPENAI_BASE_URL")


def _models(response: httpx.Response) -> list[str]:
    """The ids of a list of models (API reference, Models: list), as far as they can be read."""
    try:
        return [str(model["id"]) for model in response.json()["data"]]
    except (ValueError, KeyError, TypeError):
        return []


def check_webhook(http: httpx.Client, url: str | None) -> Findings:
    """An unsigned request must be refused, and by our own code."""
    if not url:
        yield Finding(
            "webhook", State.WARNING, "the URL is not known", "set RINGSIDE_WEBHOOK_URL, or name the stack with --stack"
        )
        return
    try:
        status = http.post(url, content=b"{}", headers={"content-type": "application/json"}).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        what = f"{url} cannot be reached: {type(error).__name__}"
        yield Finding("webhook", State.WRONG, what, "check that it is deployed, and the URL")
        return
    if status == 404:
        yield Finding("webhook", State.WRONG, f"{url}: there is nothing there (404)", "the path must be /webhook")
    elif 400 <= status < 500:
        yield Finding("webhook", State.OK, f"{url} is reachable, and refuses unsigned requests ({status})")
    elif status >= 500:
        yield Finding("webhook", State.WRONG, f"{url} answers {status}", "look at the webhook function's log")
    else:
        yield Finding(
            "webhook",
            State.WRONG,
            f"{url} accepts unsigned requests ({status})",
            "check that this is Ringside's webhook",
        )
