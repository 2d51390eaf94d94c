"""`ringside setup`: against OpenAI's webhook endpoints on localhost, a real secret and the real webhook function."""

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from cli.setup import carriers
from cli.setup.connect import OVERLAP_SECONDS
from infra.local import envfile
from infra.local.cloud import LocalCloud
from infra.local.host import inherited_environment, module
from tests.in_process import Done, in_process
from tests.integration.webhook_endpoints import KEY, WebhookEndpoints, new_secret


@pytest.fixture(scope="module")
def one_cloud() -> Iterator[LocalCloud]:
    with LocalCloud(monitors=0) as cloud:
        yield cloud


@pytest.fixture
def untouched(one_cloud: LocalCloud) -> LocalCloud:
    """For the tests that let no webhook be delivered. Its secrets are as a new stack has them."""
    store(one_cloud, {"api_key": "", "webhook_secrets": []})
    return one_cloud


@pytest.fixture
def cloud(untouched: LocalCloud) -> LocalCloud:
    """With functions of its own: one that has just read its secret does not look again at once."""
    untouched.reload_agents()
    return untouched


@pytest.fixture
def openai() -> Iterator[WebhookEndpoints]:
    project = WebhookEndpoints()
    yield project
    project.close()


def store(cloud: LocalCloud, content: dict[str, Any], signing: dict[str, Any] | None = None) -> None:
    """What the key's secret holds, and the webhook's own: as a new stack has it, if nothing is given."""
    for secret_id, each in ((cloud.secret_id, content), (cloud.webhook_secret_id, signing or {"webhook_secrets": []})):
        cloud.aws.secrets.put_secret_value(SecretId=secret_id, SecretString=json.dumps(each))


def held(cloud: LocalCloud, secret_id: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(cloud.aws.secrets.get_secret_value(SecretId=secret_id)["SecretString"])
    return content


def stored(cloud: LocalCloud) -> dict[str, Any]:
    """What both secrets hold; of the signing secrets nothing is in the key's."""
    of_key, of_webhook = held(cloud, cloud.secret_id), held(cloud, cloud.webhook_secret_id)
    assert not of_key.get("webhook_secrets")
    return {**of_key, **of_webhook}


def environment(cloud: LocalCloud, openai: WebhookEndpoints, key: str, folder: Path) -> dict[str, str]:
    """A user's, in a folder where the local cloud is known: a webhook on this machine is reached without https, which
    only a local cloud may have."""
    (folder / ".local").mkdir()
    envfile.write({**cloud.env, "OPENAI_BASE_URL": openai.url}, folder / ".local")
    return {**inherited_environment(), **cloud.env, "OPENAI_BASE_URL": openai.url, "OPENAI_API_KEY": key}


def setup(cloud: LocalCloud, openai: WebhookEndpoints, *arguments: str, key: str = KEY, **more: str) -> Done:
    """Run the command in this process."""
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(cloud, openai, key, Path(folder)) | more
        return in_process(lambda: main(["setup", "--local", *arguments]), environment=variables, folder=Path(folder))


def as_a_process(
    cloud: LocalCloud, openai: WebhookEndpoints, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    return subprocess.run(
        [*module("cli.main"), "setup", "--local", *arguments],
        env=environment(cloud, openai, KEY, folder),
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
        check=False,
    )


def test_an_empty_stack_is_connected_and_its_first_webhook_answered(
    cloud: LocalCloud, openai: WebhookEndpoints, tmp_path: Path
) -> None:
    done = as_a_process(cloud, openai, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    ((name, endpoint),) = openai.endpoints.items()
    assert endpoint["url"] == cloud.webhook_url
    assert endpoint["event_types"] == ["realtime.call.incoming"]
    content = stored(cloud)
    assert (content["api_key"], content["webhook_secrets"]) == (KEY, openai.secrets[name])
    assert openai.answers[-1] == 200
    assert "sip:proj_abc123@sip.api.openai.com;transport=tls" in done.stdout
    assert all(name in done.stdout for name in ("Elastic SIP trunk", "<Dial", "Telnyx"))


def test_no_secret_is_shown(cloud: LocalCloud, openai: WebhookEndpoints) -> None:
    done = setup(cloud, openai)

    for secret in (KEY, *next(iter(openai.secrets.values()))):
        assert secret not in done.stdout + done.stderr


def test_running_it_again_changes_nothing(cloud: LocalCloud, openai: WebhookEndpoints) -> None:
    setup(cloud, openai)
    before, endpoints = stored(cloud), json.dumps(openai.endpoints)

    done = setup(cloud, openai, key="")

    assert done.returncode == 0, done.stderr
    assert stored(cloud) == before
    assert json.dumps(openai.endpoints) == endpoints
    assert "sip:proj_abc123" in done.stdout


def test_an_endpoint_that_is_there_for_other_events_gets_ours_too(cloud: LocalCloud, openai: WebhookEndpoints) -> None:
    name = openai.add(cloud.webhook_url, ["batch.completed"])

    done = setup(cloud, openai)

    assert done.returncode == 0, done.stderr
    assert openai.endpoints[name]["event_types"] == ["batch.completed", "realtime.call.incoming"]
    assert stored(cloud)["webhook_secrets"] == openai.secrets[name]  # nobody knew the former one any more


def test_a_rotation_refuses_no_webhook(cloud: LocalCloud, openai: WebhookEndpoints, tmp_path: Path) -> None:
    setup(cloud, openai)
    (name,) = openai.endpoints
    (former,) = openai.secrets[name]
    stop, delivered = threading.Event(), list[int]()

    def ring() -> None:
        while not stop.wait(0.02):
            delivered.append(openai.deliver(name, f"rtc_{len(delivered)}"))

    def some_more() -> None:
        enough = len(delivered) + 6
        while len(delivered) < enough and ringing.is_alive():
            time.sleep(0.02)

    ringing = threading.Thread(target=ring)
    ringing.start()
    try:
        some_more()
        done = as_a_process(cloud, openai, tmp_path, "--rotate-secret")
        some_more()
    finally:
        stop.set()
        ringing.join()

    assert done.returncode == 0, done.stderr
    assert len(delivered) > 10
    assert set(delivered) == {200}
    assert stored(cloud)["webhook_secrets"] == openai.secrets[name]
    assert stored(cloud)["webhook_secrets"][1:] == [former]


def test_a_day_after_a_rotation_the_former_secret_is_dropped(cloud: LocalCloud, openai: WebhookEndpoints) -> None:
    setup(cloud, openai)
    setup(cloud, openai, "--rotate-secret")
    content = stored(cloud)
    setup(cloud, openai)
    assert len(stored(cloud)["webhook_secrets"]) == 2

    store(cloud, held(cloud, cloud.secret_id), content | {"rotated_at": int(time.time()) - OVERLAP_SECONDS - 1})
    setup(cloud, openai)

    assert stored(cloud)["webhook_secrets"] == content["webhook_secrets"][:1]


def test_what_else_is_in_the_secret_stays(cloud: LocalCloud, openai: WebhookEndpoints) -> None:
    store(cloud, {"api_key": "", "webhook_secrets": [], "crm_password": "hush"})

    setup(cloud, openai)

    assert stored(cloud)["crm_password"] == "hush"


def test_a_stack_that_had_one_secret_gets_two_without_a_webhook_refused(
    cloud: LocalCloud, openai: WebhookEndpoints
) -> None:
    name = openai.add(cloud.webhook_url, ["realtime.call.incoming"])
    (former,) = openai.secrets[name]
    rotated = {"rotated_at": 1_700_000_000, "crm_password": "hush"}
    store(cloud, {"api_key": KEY, "webhook_secrets": [former], **rotated})
    assert openai.deliver(name, "rtc_before") == 200  # a deployment alone breaks nothing

    done = setup(cloud, openai, key="")

    assert done.returncode == 0, done.stderr
    assert "moved the signing secrets" in done.stdout
    assert held(cloud, cloud.secret_id) == {"api_key": KEY, "crm_password": "hush"}
    assert held(cloud, cloud.webhook_secret_id)["webhook_secrets"] == [former]
    assert openai.deliver(name, "rtc_after") == 200
    assert "moved" not in setup(cloud, openai, key="").stdout


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("sk-proj-0123456789abcdef", "does not begin with whsec_"),
        ("whsec_not/base64!", "is not base64 after whsec_"),
        ("whsec_c2hvcnQ=", "is shorter than 16 bytes after whsec_"),
    ],
)
def test_by_hand_what_cannot_be_a_signing_secret_is_refused_before_anything_is_written(
    untouched: LocalCloud, openai: WebhookEndpoints, given: str, told: str
) -> None:
    good = {"webhook_secrets": [new_secret()]}
    store(untouched, {"api_key": ""}, good)

    done = setup(untouched, openai, "--by-hand", OPENAI_WEBHOOK_SECRET=given)

    assert (done.returncode, told in done.stderr, given in done.stderr + done.stdout) == (1, True, False)
    assert stored(untouched) == {"api_key": "", **good}


def test_by_hand_the_former_signing_secret_stays_valid_beside_the_new_one(
    untouched: LocalCloud, openai: WebhookEndpoints
) -> None:
    former, secret = new_secret(), new_secret()
    store(untouched, {"api_key": KEY}, {"webhook_secrets": [former]})

    for _ in range(2):  # the same once more changes nothing
        done = setup(untouched, openai, "--by-hand", OPENAI_WEBHOOK_SECRET=secret)
        assert done.returncode == 0, done.stderr
        assert stored(untouched)["webhook_secrets"] == [secret, former]


def test_a_key_that_is_a_signing_secret_is_refused(untouched: LocalCloud, openai: WebhookEndpoints) -> None:
    done = setup(untouched, openai, key=new_secret())

    assert done.returncode == 1
    assert "is a webhook's signing secret; nothing was changed" in done.stderr


def test_a_key_that_is_refused_is_not_stored_and_not_quoted(untouched: LocalCloud, openai: WebhookEndpoints) -> None:
    done = setup(untouched, openai, key="sk-proj-wrong")

    assert done.returncode == 1
    assert "refuses this API key" in done.stderr
    assert "sk-proj-wrong" not in done.stdout + done.stderr
    assert stored(untouched)["api_key"] == ""


def test_a_key_that_may_not_manage_webhooks_leads_to_the_way_by_hand(
    untouched: LocalCloud, openai: WebhookEndpoints
) -> None:
    openai.forbidden = True

    refused = setup(untouched, openai)
    secret = new_secret()
    by_hand = setup(untouched, openai, "--by-hand", OPENAI_WEBHOOK_SECRET=secret)

    assert (refused.returncode, "--by-hand" in refused.stderr, untouched.webhook_url in refused.stderr) == (
        1,
        True,
        True,
    )
    assert by_hand.returncode == 0, by_hand.stderr
    assert stored(untouched)["webhook_secrets"] == [secret]


def test_without_a_key_it_says_which_variable_it_wants(untouched: LocalCloud, openai: WebhookEndpoints) -> None:
    done = setup(untouched, openai, key="")

    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr


def test_a_webhook_that_refuses_is_told_and_nothing_is_called_well(cloud: LocalCloud, openai: WebhookEndpoints) -> None:
    setup(cloud, openai)
    (name,) = openai.endpoints
    openai.secrets[name] = [new_secret()]  # somebody rotated it elsewhere, and kept no overlap

    done = setup(cloud, openai, "--wait", "2")

    assert done.returncode == 1
    assert "401" in done.stderr


def test_removing_deletes_the_endpoint_and_removing_again_does_no_harm(
    cloud: LocalCloud, openai: WebhookEndpoints
) -> None:
    other = openai.add("https://elsewhere.example.com/webhook", ["batch.completed"])
    setup(cloud, openai)

    assert setup(cloud, openai, "--remove").returncode == 0
    assert list(openai.endpoints) == [other]
    assert setup(cloud, openai, "--remove").returncode == 0


def test_a_project_in_europe_has_a_sip_host_of_its_own() -> None:
    assert carriers.sip_uri("proj_1", "https://eu.api.openai.com/v1").startswith("sip:proj_1@sip-eu.api.openai.com;")
    assert carriers.sip_uri("", "https://api.openai.com/v1") == "sip:proj_...@sip.api.openai.com;transport=tls"
