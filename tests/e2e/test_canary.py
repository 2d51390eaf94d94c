"""The canary on a whole deployment: through the gateway, the webhook, the record, the monitors and the emulator."""

import json

from infra.local.cloud import LocalCloud


def test_the_canary_comes_through_where_all_is_well(cloud: LocalCloud) -> None:
    done = cloud.cli("canary", "--json")

    assert done.returncode == 0, done.stdout
    assert {found["check"]: found["ok"] for found in json.loads(done.stdout)} == dict.fromkeys(
        ("webhook", "queue", "table", "lease", "sideband"), True
    )


def test_the_function_finds_the_same_as_the_command(cloud: LocalCloud) -> None:
    walked = cloud.run_canary()

    assert [told.partition(":")[0] for told in walked.values()] == ["ok"] * 5, walked


def test_a_canary_rings_nowhere_and_leaves_nothing_in_the_record(cloud: LocalCloud) -> None:
    before = cloud.aws.dynamodb.scan(TableName=cloud.table, Select="COUNT")["Count"]
    cloud.run_canary()

    assert cloud.aws.dynamodb.scan(TableName=cloud.table, Select="COUNT")["Count"] == before


def test_a_signing_secret_that_is_not_the_webhooks_is_told_with_what_to_do(cloud: LocalCloud) -> None:
    other = cloud.aws.secrets.create_secret(
        Name="another",
        SecretString=json.dumps({"webhook_secrets": ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="]}),
    )["ARN"]

    done = cloud.cli("canary", variables={"RINGSIDE_WEBHOOK_SECRET_ID": other})

    assert done.returncode == 1
    assert "✗ webhook: " in done.stdout
    assert "answers a signed event with 401" in done.stdout
    assert "→ `ringside doctor`" in done.stdout


def test_what_is_not_known_is_named(cloud: LocalCloud) -> None:
    done = cloud.cli("canary", variables={"RINGSIDE_WEBHOOK_URL": ""})

    assert (done.returncode, done.stdout) == (1, "")
    assert "RINGSIDE_WEBHOOK_URL is not set" in done.stderr
