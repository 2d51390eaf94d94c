"""Keys are read rarely, a new one counts at once, a broken one is told without being shown."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import ValidationError

from ringside.aws.secrets import (
    CACHE_SECONDS,
    REREAD_SECONDS,
    RETRY_SECONDS,
    STALE_SECONDS,
    Keys,
    Secrets,
    SecretsError,
    wrong_with_api_key,
)

OLD: dict[str, Any] = {"api_key": "sk-old-0123456789", "webhook_secrets": ["whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xk"]}
NEW: dict[str, Any] = {"api_key": "sk-new-0123456789", "webhook_secrets": ["whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3"]}


class SecretsManager:
    """Answers as boto3's client does."""

    def __init__(self, content: Any = OLD) -> None:
        self.content = content
        self.reads = 0
        self.down = False
        self.now = 1000.0
        self.before_reading: Callable[[], None] = lambda: None

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:
        assert SecretId == "ringside"
        self.reads += 1
        self.before_reading()
        if self.down:
            raise TimeoutError(json.dumps(self.content))
        text = self.content if isinstance(self.content, str) else json.dumps(self.content)
        return {"SecretString": text}


@pytest.fixture
def manager() -> SecretsManager:
    return SecretsManager()


@pytest.fixture
def secrets(manager: SecretsManager) -> Secrets:
    return Secrets(manager, "ringside", "ringside", clock=lambda: manager.now)  # type: ignore[arg-type]


def test_the_secret_is_read_once_in_five_minutes(secrets: Secrets, manager: SecretsManager) -> None:
    for _ in range(3):
        assert secrets.keys().api_key == OLD["api_key"]
    assert manager.reads == 1

    manager.now += CACHE_SECONDS - 1
    secrets.keys()
    assert manager.reads == 1

    manager.now += 1
    secrets.keys()
    assert manager.reads == 2


def test_nothing_is_read_before_it_is_needed(secrets: Secrets, manager: SecretsManager) -> None:
    assert manager.reads == 0


def test_a_refused_key_is_read_anew(secrets: Secrets, manager: SecretsManager) -> None:
    secrets.keys()
    manager.content = NEW

    assert secrets.keys().api_key == OLD["api_key"]
    assert secrets.keys(refresh=True).api_key == NEW["api_key"]
    assert secrets.keys().api_key == NEW["api_key"]


def test_a_new_secret_is_found_at_once_and_looked_for_no_more_often_than_allowed(
    secrets: Secrets, manager: SecretsManager
) -> None:
    secrets.keys()
    manager.now += REREAD_SECONDS
    assert secrets.reread() is None  # looked, and nothing is new
    manager.content = NEW
    for _ in range(100):
        assert secrets.reread() is None  # a stranger knocks
    assert manager.reads == 2

    manager.now += REREAD_SECONDS
    found = secrets.reread()

    assert found is not None
    assert found.webhook_secrets == tuple(NEW["webhook_secrets"])
    assert manager.reads == 3


def test_knocking_while_secrets_manager_is_down_does_not_make_us_ask_it_more_often(
    secrets: Secrets, manager: SecretsManager
) -> None:
    secrets.keys()
    manager.down = True
    manager.now += REREAD_SECONDS

    assert [secrets.reread() for _ in range(100)] == [None] * 100
    assert manager.reads == 2


def test_the_phone_is_answered_for_an_hour_without_secrets_manager(secrets: Secrets, manager: SecretsManager) -> None:
    secrets.keys()
    manager.down = True
    manager.now += CACHE_SECONDS

    assert secrets.keys().api_key == OLD["api_key"]
    assert secrets.keys().api_key == OLD["api_key"]
    assert manager.reads == 2  # and not at every call

    manager.now += RETRY_SECONDS
    secrets.keys()
    assert manager.reads == 3

    manager.now += STALE_SECONDS
    with pytest.raises(SecretsError):
        secrets.keys()


def test_a_secret_that_was_broken_later_leaves_the_good_one_in_use(secrets: Secrets, manager: SecretsManager) -> None:
    secrets.keys()
    manager.content = {**NEW, "webhook_secrets": ["whsec_"]}
    manager.now += CACHE_SECONDS

    assert secrets.keys().api_key == OLD["api_key"]


MARKED = "do-not-show-me"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "not JSON"),
        (f'"{MARKED}"', "not JSON"),
        (f"{{{MARKED}", "not JSON"),
        ({"webhook_secrets": [f"whsec_{MARKED}"]}, "api_key, webhook_secrets.0"),
        ({"api_key": "", "webhook_secrets": []}, "api_key, webhook_secrets"),  # as it is deployed
        ({**OLD, "api_key": f"{MARKED} "}, "api_key"),
        ({**OLD, "api_key": f"{MARKED}\n"}, "api_key"),
        ({**OLD, "api_key": f"ä{MARKED}"}, "api_key"),
        ({**OLD, "webhook_secrets": f"whsec_{MARKED}"}, "webhook_secrets"),
        ({**OLD, "webhook_secrets": [""]}, "webhook_secrets.0"),
        ({**OLD, "webhook_secrets": [OLD["webhook_secrets"][0], "whsec_"]}, "webhook_secrets.1"),
        ({**OLD, "webhook_secrets": [f"whsec_{MARKED}!"]}, "webhook_secrets.0"),
        ({**OLD, "webhook_secrets": [1]}, "webhook_secrets.0"),
        ({**OLD, "webhook_secrets": [OLD["webhook_secrets"][0]] * 5}, "webhook_secrets"),
    ],
)
def test_a_broken_secret_is_told_by_its_fields_and_never_shown(
    secrets: Secrets, manager: SecretsManager, content: Any, told: str
) -> None:
    manager.content = content

    with pytest.raises(SecretsError) as caught:
        secrets.keys()

    assert str(caught.value) == f"secret ringside: missing or wrong: {told}"
    assert MARKED not in "".join(map(str, (caught.value, caught.value.__cause__, repr(caught.value))))


def test_a_secret_that_cannot_be_read_is_told_by_the_kind_of_error(secrets: Secrets, manager: SecretsManager) -> None:
    manager.down = True

    with pytest.raises(SecretsError) as caught:
        secrets.keys()

    assert str(caught.value) == "secret ringside: cannot be read: TimeoutError"
    assert caught.value.__suppress_context__


def test_keys_do_not_show_in_their_representation(secrets: Secrets) -> None:
    assert "sk-" not in repr(secrets.keys())
    assert "whsec_" not in repr(secrets.keys())


def test_an_error_about_keys_that_escapes_does_not_quote_them() -> None:
    with pytest.raises(ValidationError) as caught:
        Keys.model_validate({"api_key": f"{MARKED} ", "webhook_secrets": [f"whsec_{MARKED}"]})

    assert MARKED not in str(caught.value)


class BusyLock:
    """A lock that says when so many wait for it."""

    def __init__(self, waiting: int) -> None:
        self._lock = threading.Lock()
        self._waiting = threading.Semaphore(0)
        self._count = waiting

    def acquire(self, blocking: bool = True) -> bool:
        if self._lock.acquire(blocking=False):
            return True
        self._waiting.release()
        return blocking and self._lock.acquire()

    def release(self) -> None:
        self._lock.release()

    def until_busy(self) -> None:
        for _ in range(self._count):
            assert self._waiting.acquire(timeout=10)


def test_many_threads_read_once(secrets: Secrets, manager: SecretsManager) -> None:
    lock = BusyLock(waiting=15)
    secrets._lock = lock  # type: ignore[assignment]
    manager.before_reading = lock.until_busy
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: secrets.keys().api_key, range(16)))

    assert found == [OLD["api_key"]] * 16
    assert manager.reads == 1


def test_while_one_thread_reads_anew_the_others_go_on_with_what_is_known(
    secrets: Secrets, manager: SecretsManager
) -> None:
    secrets.keys()
    manager.now += CACHE_SECONDS
    asked: list[str] = []
    manager.before_reading = lambda: asked.append(secrets.keys().api_key)  # as another thread would, right now

    assert secrets.keys().api_key == OLD["api_key"]
    assert asked == [OLD["api_key"]]
    assert manager.reads == 2


# --- two secrets ---


class TwoSecrets(SecretsManager):
    """OpenAI's key in the one, the signing secrets in the other."""

    def __init__(self, of_key: Any, of_webhook: Any) -> None:
        super().__init__()
        self.contents = {"key": of_key, "webhook": of_webhook}
        self.asked: list[str] = []

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:
        self.asked.append(SecretId)
        return {"SecretString": json.dumps(self.contents[SecretId])}


SIGNING = {"webhook_secrets": NEW["webhook_secrets"]}
API_KEY = {"api_key": OLD["api_key"]}


def test_who_verifies_nothing_reads_no_signing_secret_and_keeps_none() -> None:
    manager = TwoSecrets(OLD, SIGNING)

    keys = Secrets(manager, "key").keys()  # type: ignore[arg-type]

    assert (keys.api_key, keys.webhook_secrets, manager.asked) == (OLD["api_key"], (), ["key"])


def test_a_signing_secret_that_is_broken_beside_the_key_is_none_of_the_monitor_s_business() -> None:
    manager = TwoSecrets({**API_KEY, "webhook_secrets": [7]}, {})

    assert Secrets(manager, "key").keys().api_key == OLD["api_key"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of_key", "of_webhook", "found"),
    [
        (API_KEY, SIGNING, NEW),
        (OLD, SIGNING, NEW),
        (OLD, {"webhook_secrets": []}, OLD),  # just deployed over a stack that had one secret
    ],
)
def test_the_webhook_s_own_secret_counts_and_until_there_is_one_what_is_beside_the_key(
    of_key: Any, of_webhook: Any, found: Any
) -> None:
    keys = Secrets(TwoSecrets(of_key, of_webhook), "key", "webhook").keys()  # type: ignore[arg-type]

    assert keys.webhook_secrets == tuple(found["webhook_secrets"])


@pytest.mark.parametrize(
    ("of_key", "of_webhook", "told"),
    [
        (API_KEY, {"webhook_secrets": []}, "secret webhook: missing or wrong: webhook_secrets"),
        ({}, SIGNING, "secret key: missing or wrong: api_key"),
        ({}, {}, "secret key: missing or wrong: api_key; secret webhook: missing or wrong: webhook_secrets"),
        (API_KEY, {"webhook_secrets": [1]}, "secret webhook: missing or wrong: webhook_secrets.0"),
        (API_KEY, [], "secret webhook: missing or wrong: not JSON"),
    ],
)
def test_which_of_the_two_is_broken_is_told(of_key: Any, of_webhook: Any, told: str) -> None:
    with pytest.raises(SecretsError) as caught:
        Secrets(TwoSecrets(of_key, of_webhook), "key", "webhook").keys()  # type: ignore[arg-type]

    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("sk-proj-0123456789", ""),
        (None, "is missing"),
        (" ", "is missing"),
        ("sk proj", "has spaces or other invalid characters in it"),
        (NEW["webhook_secrets"][0], "is a webhook's signing secret"),
    ],
)
def test_an_api_key_is_judged_by_one_rule(key: object, wrong: str) -> None:
    assert wrong_with_api_key(key) == wrong


# --- what MCP servers want to see ---


def with_credentials(given: Any) -> TwoSecrets:
    return TwoSecrets(API_KEY, {**SIGNING, "mcp_credentials": given})


def test_credentials_are_in_the_webhook_s_secret_and_in_no_other() -> None:
    manager = with_credentials({"crm": "t0ken", "team": "k3y"})
    manager.contents["key"] = {**API_KEY, "mcp_credentials": {"crm": "an old one", "more": "x"}}

    of_webhook = Secrets(manager, "key", "webhook").mcp_credentials(["crm", "more"])  # type: ignore[arg-type]
    of_monitor = Secrets(manager, "key").mcp_credentials(["crm", "more"])  # type: ignore[arg-type]

    assert (of_webhook, of_monitor) == ({"crm": "t0ken"}, {})


def test_one_that_was_just_stored_is_found() -> None:
    manager = with_credentials({})
    now = [1000.0]
    secrets = Secrets(manager, "key", "webhook", clock=lambda: now[0])  # type: ignore[arg-type]
    assert secrets.mcp_credentials(["crm"]) == {}

    manager.contents["webhook"]["mcp_credentials"]["crm"] = "t0ken"
    now[0] += REREAD_SECONDS

    assert secrets.mcp_credentials(["crm"]) == {"crm": "t0ken"}


@pytest.mark.parametrize("given", [None, [], "x", {"crm": 7}, {"crm": ""}, {"crm": "a\nb"}, {"crm": " "}])
def test_a_credential_that_cannot_be_sent_costs_its_server_and_not_the_call(given: Any) -> None:
    secrets = Secrets(with_credentials(given), "key", "webhook")  # type: ignore[arg-type]

    assert secrets.mcp_credentials(["crm"]) == {}
    assert secrets.keys().webhook_secrets == tuple(NEW["webhook_secrets"])


def test_no_credential_is_in_the_keys_text() -> None:
    keys = Secrets(with_credentials({"crm": "t0ken"}), "key", "webhook").keys()  # type: ignore[arg-type]

    assert "t0ken" not in f"{keys!r} {keys}"
