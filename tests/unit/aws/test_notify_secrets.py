"""With what messages are signed: read seldom, soon where one is missing, and never told of in an error."""

import json
from typing import Any

import pytest

from ringside.aws.notify_secrets import NotifySecrets
from ringside.aws.secrets import CACHE_SECONDS, REREAD_SECONDS, SecretsError

OLD, NEW = "whsec_" + "b2xk" * 11, "whsec_" + "bmV3" * 11


class Manager:
    """Stands for Secrets Manager, and counts."""

    def __init__(self, **content: Any) -> None:
        self.content: Any = content
        self.reads = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        self.reads += 1
        return {"SecretString": json.dumps(self.content)}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def read(manager: Manager, clock: Clock) -> NotifySecrets:
    return NotifySecrets(manager, "the secret", clock)  # type: ignore[arg-type]


def test_a_receiver_s_secrets_are_read_once_in_five_minutes() -> None:
    manager, clock = Manager(crm=[NEW, OLD]), Clock()
    secrets = read(manager, clock)

    assert [secrets.of("crm") for _ in range(3)] == [(NEW, OLD)] * 3
    assert manager.reads == 1
    clock.now += CACHE_SECONDS + 1
    manager.content = {"crm": [NEW]}
    assert secrets.of("crm") == (NEW,)


def test_a_secret_that_is_missing_is_looked_for_soon_and_not_at_every_message() -> None:
    manager, clock = Manager(), Clock()
    secrets = read(manager, clock)
    assert [secrets.of("crm") for _ in range(3)] == [()] * 3
    assert manager.reads == 1

    manager.content = {"crm": [NEW]}
    clock.now += REREAD_SECONDS + 1
    assert secrets.of("crm") == (NEW,)


def test_what_is_not_a_secret_signs_nothing() -> None:
    manager = Manager(crm=["short", NEW], erp="whsec_", old=[])
    secrets = read(manager, Clock())

    assert (secrets.of("crm"), secrets.of("erp"), secrets.of("old")) == ((NEW,), (), ())


def test_a_secret_that_cannot_be_read_is_an_error_without_a_word_of_it() -> None:
    manager = Manager()
    manager.content = [NEW]

    with pytest.raises(SecretsError) as thrown:
        read(manager, Clock()).of("crm")
    assert NEW not in str(thrown.value)


def test_where_no_receivers_are_notified_nothing_is_read() -> None:
    manager = Manager(crm=[NEW])

    assert NotifySecrets(manager, "", Clock()).of("crm") == ()  # type: ignore[arg-type]
    assert manager.reads == 0
